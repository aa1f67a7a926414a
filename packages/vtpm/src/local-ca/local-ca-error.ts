import { HostError } from "../host-error.ts";

/** `CA_LOCKED`: others keep the CA; `CA_INCOMPLETE`: a part of it is lost; `CA_DIRECTORY`: its directory cannot be used. */
export type LocalCaErrorCode = "CA_LOCKED" | "CA_INCOMPLETE" | "CA_DIRECTORY";

/** The local CA cannot be used. */
export class LocalCaError extends HostError {
  override readonly name = "LocalCaError";
  readonly code: LocalCaErrorCode;

  constructor(code: LocalCaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
