import { HostError } from "../host-error.ts";

export type ListenErrorCode = "ADDRESS_IN_USE" | "ADDRESS_UNAVAILABLE";

/** A listener could not be opened. */
export class ListenError extends HostError {
  override readonly name = "ListenError";
  readonly code: ListenErrorCode;

  constructor(code: ListenErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
