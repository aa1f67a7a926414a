import { type Bytes, EMPTY } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { uint16, uint32, uint64 } from "../integer-bytes.ts";
import { TPM_ST } from "../spec/constants.ts";
import type {
  TPMI_RH_HIERARCHY_NULLABLE,
  TPMT_TK_AUTH,
  TPMT_TK_CREATION,
  TPMT_TK_HASHCHECK,
  TPMT_TK_VERIFIED,
} from "../spec/structures/index.ts";

// A ticket is the TPM's note to itself that it has seen something: an HMAC that only this TPM, in this hierarchy, can make.

function ticketDigest(tpm: Engine, hierarchy: number, tag: number, ...parts: readonly Bytes[]): Bytes {
  return tpm.crypto.hmac("SHA512", tpm.hierarchies.proofOf(hierarchy), uint16(tag), ...parts);
}

/** Says that the object was created with this creation data. @spec Part 2, "TPMT_TK_CREATION" */
export function creationTicket(
  tpm: Engine,
  hierarchy: TPMI_RH_HIERARCHY_NULLABLE,
  name: Bytes,
  creationHash: Bytes,
): TPMT_TK_CREATION {
  const digest = ticketDigest(tpm, hierarchy, TPM_ST.CREATION, name, creationHash);
  return { tag: TPM_ST.CREATION, hierarchy, digest };
}

/** Says that the key has signed the digest. @spec Part 2, "TPMT_TK_VERIFIED" */
export function verifiedTicket(
  tpm: Engine,
  hierarchy: TPMI_RH_HIERARCHY_NULLABLE,
  digest: Bytes,
  keyName: Bytes,
): TPMT_TK_VERIFIED {
  return {
    tag: TPM_ST.VERIFIED,
    hierarchy,
    digest: ticketDigest(tpm, hierarchy, TPM_ST.VERIFIED, digest, keyName),
  };
}

/** Says that the entity has authorized a policy, until `timeout`. @spec Part 2, "TPMT_TK_AUTH" */
export function authTicket(
  tpm: Engine,
  tag: TPMT_TK_AUTH["tag"],
  hierarchy: TPMI_RH_HIERARCHY_NULLABLE,
  timeout: bigint,
  expiresOnReset: boolean,
  cpHashA: Bytes,
  policyRef: Bytes,
  entityName: Bytes,
): TPMT_TK_AUTH {
  const { timeEpoch, totalResetCount } = tpm.persistent;
  const epoch = timeout === 0n ? EMPTY : uint32(timeEpoch);
  const resets = timeout === 0n || !expiresOnReset ? EMPTY : uint64(totalResetCount);
  const digest = ticketDigest(tpm, hierarchy, tag, cpHashA, policyRef, entityName, uint64(timeout), epoch, resets);
  return { tag, hierarchy, digest };
}

/** Says that the digest is of data that does not look like the TPM's own. @spec Part 2, "TPMT_TK_HASHCHECK" */
export function hashcheckTicket(
  tpm: Engine,
  hierarchy: TPMI_RH_HIERARCHY_NULLABLE,
  hashAlg: number,
  digest: Bytes,
): TPMT_TK_HASHCHECK {
  return {
    tag: TPM_ST.HASHCHECK,
    hierarchy,
    digest: ticketDigest(tpm, hierarchy, TPM_ST.HASHCHECK, uint16(hashAlg), digest),
  };
}
