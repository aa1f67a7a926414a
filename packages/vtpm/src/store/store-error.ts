import { HostError } from "../host-error.ts";

/**
 * `STATE_DAMAGED`: what is stored cannot be used; `STATE_KEY`: not with the key that was given, or without one;
 * `STATE_LOCKED`: another process owns it; `STATE_PROFILE`: it is a TPM of another profile than asked for;
 * `STATE_CHANGED`: another process has used it since it was given up; the others name what failed.
 */
export type StoreErrorCode =
  | "STATE_DAMAGED"
  | "STATE_KEY"
  | "STATE_LOCKED"
  | "STATE_PROFILE"
  | "STATE_CHANGED"
  | "STATE_DIRECTORY"
  | "STATE_READ"
  | "STATE_WRITE";

/** Stored state could not be read, written or owned. */
export class StoreError extends HostError {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
