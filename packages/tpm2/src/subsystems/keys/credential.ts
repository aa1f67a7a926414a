import { type Bytes, encode } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_DIGEST } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { type Protection, unwrapOuter, wrapOuter } from "./outer-wrap.ts";
import { readerOf } from "./unmarshal.ts";

/** Who can read the credential (by a seed exchanged with the key `protector`) and the Name it is bound to. */
export type CredentialProtection = Omit<Protection, "withIv">;

/** A credential that only the TPM with both the key and the object can open. @spec Part 1, "Credential Protection" */
export function secretToCredential(tpm: Engine, protection: CredentialProtection, secret: Bytes): Bytes {
  return wrapOuter(tpm, { ...protection, withIv: false }, encode(TPM2B_DIGEST, secret));
}

/**
 * Opens a credential.
 *
 * @rc INTEGRITY     for another key or another Name, or broken
 * @rc SIZE          something else than one digest was protected
 * @rc INSUFFICIENT  it ends too early
 */
export function credentialToSecret(tpm: Engine, protection: CredentialProtection, credentialBlob: Bytes): Bytes {
  const reader = readerOf(tpm, unwrapOuter(tpm, { ...protection, withIv: false }, credentialBlob));
  const secret = reader.read(TPM2B_DIGEST);
  if (reader.remaining > 0) throw new TpmError(TPM_RC.SIZE);
  return secret;
}
