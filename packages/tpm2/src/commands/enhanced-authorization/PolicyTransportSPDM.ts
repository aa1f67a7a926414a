import { type Bytes, concatBytes, EMPTY, encode } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import type { Engine } from "../../engine.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { type FormatOneRc, TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_NAME, TPMI_ALG_HASH, TPMI_SH_POLICY } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { SESSION_ATTRIBUTES } from "../../state/session.ts";
import { digestSizeOf, hashNameOf } from "../../subsystems/hash-algorithms.ts";
import { extendPolicy, markPolicy } from "../../subsystems/policy.ts";

/**
 * Limits the policy to commands that come through a secure channel, perhaps between certain keys. This TPM has no such
 * channel: the policy can be computed here, and be fulfilled elsewhere.
 *
 * @spec Part 3, "TPM2_PolicyTransportSPDM"
 * @rc VALUE               the policy demands a channel already
 * @rc SIZE (reqKeyName)   not as long as a Name of its algorithm
 * @rc HASH (reqKeyName)   of an algorithm that the TPM does not have
 * @rc SIZE (tpmKeyName)   not as long as a Name of its algorithm
 * @rc HASH (tpmKeyName)   of an algorithm that the TPM does not have
 */
export const PolicyTransportSPDM = defineCommand({
  code: TPM_CC.PolicyTransportSPDM,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: { reqKeyName: TPM2B_NAME, tpmKeyName: TPM2B_NAME },
  execute(tpm, { policySession, reqKeyName, tpmKeyName }, at) {
    const { attributes, authHashAlg } = tpm.sessions.get(policySession);
    if (SESSION_ATTRIBUTES.has(attributes, "checkSecureChannel")) throw new TpmError(TPM_RC.VALUE);
    const reqFlaw = nameFlaw(tpm, reqKeyName);
    if (reqFlaw !== undefined) throw at("reqKeyName", reqFlaw);
    const tpmFlaw = nameFlaw(tpm, tpmKeyName);
    if (tpmFlaw !== undefined) throw at("tpmKeyName", tpmFlaw);

    const [checkReqKey, checkTpmKey] = [reqKeyName.length > 0, tpmKeyName.length > 0];
    const names = concatBytes(encode(TPM2B_NAME, reqKeyName), encode(TPM2B_NAME, tpmKeyName));
    const keys = checkReqKey || checkTpmKey ? tpm.crypto.hash(hashNameOf(authHashAlg), names) : EMPTY;
    extendPolicy(tpm, policySession, TPM_CC.PolicyTransportSPDM, keys);
    markPolicy(tpm, policySession, { checkSecureChannel: true, checkReqKey, checkTpmKey });
  },
});

/** Why bytes are no Name of a key; none at all stand for any key. */
function nameFlaw({ profile }: Engine, name: Bytes): FormatOneRc | undefined {
  if (name.length === 0) return undefined;
  const [high, low] = name;
  if (high === undefined || low === undefined) return TPM_RC.SIZE;
  const hashAlg = 256 * high + low;
  if (!TPMI_ALG_HASH.includes(hashAlg) || !profile.allows("ALG", hashAlg)) return TPM_RC.HASH;
  return name.length === 2 + digestSizeOf(hashAlg) ? undefined : TPM_RC.SIZE;
}
