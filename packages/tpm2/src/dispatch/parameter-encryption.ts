import type { CipherName } from "@vtpm/crypto";
import { type Bytes, concatBytes, EMPTY, Reader, toHex, xorBytes } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import { TpmError } from "../spec/tpm-error.ts";
import type { SESSION } from "../state/session.ts";
import { cipherOf } from "../subsystems/ciphers.ts";
import { hashNameOf } from "../subsystems/hash-algorithms.ts";
import { kdfa } from "../subsystems/kdfa.ts";
import { blaming } from "./blame.ts";
import type { Invocation, SessionUse } from "./invocation.ts";

/** @spec Part 1, "Session-Based Encryption": decrypts the content of the first parameter in `invocation.parameters`. */
export function decryptParameter(tpm: Engine, invocation: Invocation): void {
  const use = invocation.decryptSession;
  if (use === undefined) return;
  blaming("session", use.position, () => {
    const { received } = invocation;
    if (received.length < 2) throw new TpmError(TPM_RC.INSUFFICIENT);
    const size = new Reader(received).uint16();
    const rest = received.length - 2;
    if (size > rest) throw new TpmError(TPM_RC.SIZE);
    const session = tpm.sessions.get(use.handle);
    const [data, tail] = [received.slice(2, 2 + size), received.slice(2 + size)];
    const plain = transform("decrypt", tpm, use, session, use.nonceCaller, session.nonceTPM, data);
    invocation.parameters = concatBytes(received.slice(0, 2), plain, tail);
  });
}

/** Encrypts the content of the first response parameter. */
export function encryptParameter(tpm: Engine, invocation: Invocation, parameters: Bytes): Bytes {
  const use = invocation.encryptSession;
  if (use === undefined) return parameters;
  const session = tpm.sessions.get(use.handle);
  const size = new Reader(parameters).uint16();
  const [data, tail] = [parameters.slice(2, 2 + size), parameters.slice(2 + size)];
  const hidden = transform("encrypt", tpm, use, session, session.nonceTPM, use.nonceCaller, data);
  return concatBytes(parameters.slice(0, 2), hidden, tail);
}

function transform(
  direction: "encrypt" | "decrypt",
  tpm: Engine,
  use: SessionUse,
  session: SESSION,
  nonceNewer: Bytes,
  nonceOlder: Bytes,
  data: Bytes,
): Bytes {
  const extra = use.associated === undefined ? EMPTY : tpm.entities.authValueOf(use.associated);
  const kdf = {
    hashAlg: hashNameOf(session.authHashAlg),
    key: concatBytes(session.sessionKey, extra),
    contextU: nonceNewer,
    contextV: nonceOlder,
  };
  const { symmetric } = session;
  if (symmetric.algorithm === TPM_ALG.NULL) throw new RangeError(`session ${toHex(nonceNewer)} does not encrypt`);
  if (symmetric.algorithm === TPM_ALG.XOR) {
    if (data.length === 0) return data;
    const mask = kdfa(tpm, { ...kdf, label: "XOR", bits: 8 * data.length });
    return xorBytes(data, mask);
  }
  const cipher: { name: CipherName; blockSize: number } = cipherOf(symmetric.algorithm);
  const keySize = symmetric.keyBits / 8;
  const keyAndIv = kdfa(tpm, { ...kdf, label: "CFB", bits: 8 * (keySize + cipher.blockSize) });
  return tpm.crypto[direction](cipher.name, "CFB", keyAndIv.slice(0, keySize), keyAndIv.slice(keySize), data).data;
}
