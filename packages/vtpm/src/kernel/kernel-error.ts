import { HostError } from "../host-error.ts";

export type KernelErrorCode =
  /** The kernel has no such front end, or its module is not loaded. */
  | "KERNEL_LACKS"
  /** This user may not use it. */
  | "KERNEL_DENIES"
  /** The kernel refused to make the device. */
  | "KERNEL_REFUSED"
  /** The kernel has ended a device: its TPM failed, or did not answer in time. */
  | "KERNEL_GAVE_UP";

/** The kernel cannot be given a TPM. */
export class KernelError extends HostError {
  override readonly name = "KernelError";
  readonly code: KernelErrorCode;

  constructor(code: KernelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
