import { type Bytes, EMPTY, Writer } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPMA_SESSION } from "../spec/attributes.ts";
import { handleTypeOf, TPM_HT, TPM_RH } from "../spec/handles.ts";
import { TPM2B_AUTH, TPM2B_NONCE } from "../spec/structures/index.ts";
import { SESSION_ATTRIBUTES } from "../state/session.ts";
import { hashNameOf } from "../subsystems/hash-algorithms.ts";
import { hmacKey } from "./authorization.ts";
import type { Invocation, SessionUse } from "./invocation.ts";

/** Every session gets a new nonceTPM with every successful command. */
export function rollNonces(tpm: Engine, invocation: Invocation): void {
  for (const { handle } of invocation.sessions) {
    if (handle === TPM_RH.PW) continue;
    tpm.sessions.change(handle, { nonceTPM: tpm.random(tpm.sessions.get(handle).nonceTPM.length) });
  }
}

/**
 * The session area of the response. Sessions that shall not continue end here; policy sessions that do start over.
 *
 * @spec Part 1, "Response Session Area"
 */
export function writeSessions(tpm: Engine, invocation: Invocation, rpHashOf: (hashAlg: number) => Bytes): Bytes {
  const writer = new Writer();
  for (const use of invocation.sessions) {
    if (use.handle === TPM_RH.PW) {
      TPM2B_NONCE.write(writer, EMPTY);
      writer.uint8(TPMA_SESSION.with(use.attributes, { continueSession: true }));
      TPM2B_AUTH.write(writer, EMPTY);
      continue;
    }
    const { nonceTPM } = tpm.sessions.get(use.handle);
    const hmac = responseHmac(tpm, use, rpHashOf);
    TPM2B_NONCE.write(writer, nonceTPM);
    writer.uint8(use.attributes);
    TPM2B_AUTH.write(writer, hmac);
    if (!TPMA_SESSION.has(use.attributes, "continueSession")) tpm.sessions.flush(use.handle);
    else if (handleTypeOf(use.handle) === TPM_HT.POLICY_SESSION) tpm.sessions.renewPolicy(use.handle);
  }
  return writer.finish();
}

function responseHmac(tpm: Engine, use: SessionUse, rpHashOf: (hashAlg: number) => Bytes): Bytes {
  const session = tpm.sessions.get(use.handle);
  // A password was sent in the clear: there is no key for an HMAC.
  const byPassword =
    handleTypeOf(use.handle) === TPM_HT.POLICY_SESSION &&
    SESSION_ATTRIBUTES.has(session.attributes, "isPasswordNeeded");
  if (byPassword) return EMPTY;
  const key = hmacKey(tpm, use, session);
  if (key.length === 0 && use.hmac.length === 0) return EMPTY;
  return tpm.crypto.hmac(
    hashNameOf(session.authHashAlg),
    key,
    rpHashOf(session.authHashAlg),
    session.nonceTPM,
    use.nonceCaller,
    Uint8Array.of(use.attributes),
  );
}
