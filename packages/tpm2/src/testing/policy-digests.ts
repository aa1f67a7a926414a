import { type Bytes, concatBytes, encode, UINT32 } from "@vtpm/wire";
import { PolicyGetDigest } from "../commands/enhanced-authorization/PolicyGetDigest.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { digestSize, hash } from "./caller-crypto.ts";
import type { TestSession } from "./test-session.ts";
import type { TestTpm } from "./test-tpm.ts";

/** The policyDigest as the TPM has it. */
export function digestOf(test: TestTpm, session: TestSession): Bytes {
  const answer = test.run(PolicyGetDigest, { policySession: session.handle });
  if (answer.rc !== 0) throw new Error(answer.text);
  return answer.out.policyDigest;
}

/** The policyDigest of a new session. */
export const noPolicy = (hashAlg: number = TPM_ALG.SHA256): Bytes => new Uint8Array(digestSize(hashAlg));

/** What a policy command makes of a policyDigest, computed on the caller's side. */
export function extended(digest: Bytes, commandCode: number, ...parts: readonly Bytes[]): Bytes {
  return hashOfSize(digest.length, digest, encode(UINT32, commandCode), ...parts);
}

/** The same for the commands that hash a policyRef in a second round. */
export function updated(digest: Bytes, commandCode: number, name: Bytes, policyRef: Bytes): Bytes {
  return hashOfSize(digest.length, extended(digest, commandCode, name), policyRef);
}

function hashOfSize(size: number, ...parts: readonly Bytes[]): Bytes {
  const hashAlg = [TPM_ALG.SHA1, TPM_ALG.SHA256, TPM_ALG.SHA384, TPM_ALG.SHA512].find(
    (alg) => digestSize(alg) === size,
  );
  if (hashAlg === undefined) throw new RangeError(`no hash has ${size} bytes`);
  return hash(hashAlg, concatBytes(...parts));
}
