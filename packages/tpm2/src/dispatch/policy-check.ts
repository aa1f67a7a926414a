import { equalBytesConstantTime } from "@vtpm/crypto";
import { equalBytes } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPMA_LOCALITY, TPMA_NV } from "../spec/attributes.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import { TpmError } from "../spec/tpm-error.ts";
import { type SESSION, SESSION_ATTRIBUTES } from "../state/session.ts";
import { tellsNameHashes } from "../subsystems/policy.ts";
import type { AuthRole } from "./command.ts";
import type { Invocation } from "./invocation.ts";
import { templateHash } from "./template-hash.ts";

/**
 * Whether a policy session fulfils an entity's policy, here and now.
 *
 * @spec Part 1, "Policy Authorization"; the order of the checks is the reference's
 */
export function checkPolicy(
  tpm: Engine,
  invocation: Invocation,
  handle: number,
  session: SESSION,
  role: AuthRole,
): void {
  const { code } = invocation.command;
  const has = (attribute: Parameters<typeof SESSION_ATTRIBUTES.has>[1]): boolean =>
    SESSION_ATTRIBUTES.has(session.attributes, attribute);
  if (code === TPM_CC.PolicySecret && !has("isPasswordNeeded") && !has("isAuthValueNeeded")) {
    throw new TpmError(TPM_RC.MODE);
  }
  if (session.pcrCounter !== 0 && session.pcrCounter !== tpm.stateReset.pcrCounter) {
    throw new TpmError(TPM_RC.PCR_CHANGED);
  }
  const { hashAlg, policy } = tpm.entities.policyOf(handle);
  if (!equalBytesConstantTime(session.digest, policy) || hashAlg !== session.authHashAlg) {
    throw new TpmError(TPM_RC.POLICY_FAIL);
  }
  if (session.timeout !== 0n) {
    if (session.timeout < tpm.ram.time || session.epoch !== tpm.persistent.timeEpoch) {
      throw new TpmError(TPM_RC.EXPIRED);
    }
  }
  if (session.commandCode !== 0) {
    if (session.commandCode !== code) throw new TpmError(TPM_RC.POLICY_CC);
  } else if (role !== "USER") {
    throw new TpmError(TPM_RC.POLICY_FAIL);
  }
  if (!allowsLocality(session.commandLocality, tpm.locality)) throw new TpmError(TPM_RC.LOCALITY);
  if (has("isPPRequired") && !tpm.platform.physicalPresence()) throw new TpmError(TPM_RC.PP);
  if (session.tiedTo.length !== 0 && !fulfilsTie(tpm, invocation, session)) throw new TpmError(TPM_RC.POLICY_FAIL);
  if (has("checkNvWritten")) {
    const index = tpm.nv.find(handle);
    if (index === undefined) throw new TpmError(TPM_RC.POLICY_FAIL);
    const written = TPMA_NV.has(index.publicArea.attributes, "WRITTEN");
    if (written !== has("nvWrittenState")) throw new TpmError(TPM_RC.POLICY_FAIL);
  }
  // No command comes through a secure channel.
  if (has("checkSecureChannel")) throw new TpmError(TPM_RC.CHANNEL);
}

/** Zero allows every locality; up to 31 the bits are localities 0 to 4; from 32 on the number is the one locality. */
function allowsLocality(allowed: number, locality: number): boolean {
  if (allowed === 0) return true;
  if (locality < 5) return allowed < 32 && TPMA_LOCALITY.intersects(allowed, 2 ** locality);
  return locality > 31 && allowed === locality;
}

/** Whether the command is the one that a PolicyCpHash, NameHash, Parameters or Template named. */
function fulfilsTie(tpm: Engine, invocation: Invocation, session: SESSION): boolean {
  const { attributes, authHashAlg, tiedTo } = session;
  if (SESSION_ATTRIBUTES.has(attributes, "isCpHashDefined")) {
    return equalBytes(tiedTo, invocation.cpHash(tpm, authHashAlg));
  }
  if (SESSION_ATTRIBUTES.has(attributes, "isNameHashDefined")) {
    return equalBytes(tiedTo, invocation.nameHash(tpm, authHashAlg));
  }
  if (SESSION_ATTRIBUTES.has(attributes, "isParametersHashDefined")) {
    return equalBytes(tiedTo, invocation.parametersHash(tpm, authHashAlg));
  }
  if (SESSION_ATTRIBUTES.has(attributes, "isTemplateHashDefined")) {
    const hash = templateHash(tpm, invocation, authHashAlg);
    return hash !== undefined && equalBytes(tiedTo, hash);
  }
  // In old states a nameHash is the one that no attribute tells of.
  return !tellsNameHashes(tpm) && equalBytes(tiedTo, invocation.nameHash(tpm, authHashAlg));
}
