import { encode, equalBytes } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_DIGEST, TPMI_SH_POLICY, TPML_PCR_SELECTION } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { extendPolicy, isTrial } from "../../subsystems/policy.ts";

/**
 * Lets the policy go on only while PCRs have certain values, and until any PCR changes.
 *
 * @spec Part 3, "TPM2_PolicyPCR"
 * @rc PCR_CHANGED        PCRs have changed since this command was run in the session before
 * @rc VALUE (pcrDigest)  the PCRs have other values
 */
export const PolicyPCR = defineCommand({
  code: TPM_CC.PolicyPCR,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: { pcrDigest: TPM2B_DIGEST, pcrs: TPML_PCR_SELECTION },
  execute(tpm, { policySession, pcrDigest, pcrs }, at) {
    const session = tpm.sessions.get(policySession);
    const { pcrCounter } = tpm.stateReset;
    const { selection, digest } = tpm.pcr.digest(pcrs, session.authHashAlg);
    const demanded = pcrDigest.length === 0 ? digest : pcrDigest;
    if (!isTrial(session)) {
      if (session.pcrCounter !== 0 && session.pcrCounter !== pcrCounter) throw new TpmError(TPM_RC.PCR_CHANGED);
      if (!equalBytes(demanded, digest)) throw at("pcrDigest", TPM_RC.VALUE);
      tpm.sessions.change(policySession, { pcrCounter });
    }
    extendPolicy(tpm, policySession, TPM_CC.PolicyPCR, encode(TPML_PCR_SELECTION, selection), demanded);
  },
});
