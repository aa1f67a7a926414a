import { HostError } from "../../host-error.ts";

export type XenErrorCode =
  /** xenstored cannot be reached, went away, or does not speak its protocol. */
  | "XENSTORE_UNAVAILABLE"
  /** xenstored refused a request. */
  | "XENSTORE_REFUSED"
  /** A page or an event channel of another domain cannot be had. */
  | "XEN_UNAVAILABLE"
  /** Another process is the back end already. */
  | "XEN_IN_USE"
  /** What stands in xenstore about a device makes no sense. */
  | "XEN_DEVICE";

/** Something between this domain, xenstore and the hypervisor failed. */
export class XenError extends HostError {
  override readonly name = "XenError";
  readonly code: XenErrorCode;

  constructor(code: XenErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
