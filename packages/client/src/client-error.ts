import { describeRc } from "@vtpm/tpm2";

/**
 * `MALFORMED`: what came back is no response to the command; `UNAUTHENTIC`: it does not come from the TPM that the session was started
 * with, or was changed on its way; `DISCONNECTED`: nothing will come back; `TIMEOUT`: nothing did.
 */
export type ClientErrorCode = "MALFORMED" | "UNAUTHENTIC" | "DISCONNECTED" | "TIMEOUT";

/** There was no response to rely on. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: ClientErrorCode;

  constructor(code: ClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The TPM did not do what it was asked to; `rc` is its response code. */
export class TpmRefusal extends Error {
  override readonly name = "TpmRefusal";
  readonly rc: number;

  constructor(command: string, rc: number) {
    super(`TPM2_${command}: ${describeRc(rc)}`);
    this.rc = rc;
  }
}
