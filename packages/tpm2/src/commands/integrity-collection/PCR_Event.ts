import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_EVENT, TPMI_DH_PCR_NULLABLE, TPML_DIGEST_VALUES } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { hashNameOf } from "../../subsystems/hash-algorithms.ts";

/**
 * Hashes an event for every bank and extends a PCR with it.
 *
 * @spec Part 3, "TPM2_PCR_Event"
 * @rc LOCALITY  the PCR may not be extended from here
 */
export const PCR_Event = defineCommand({
  code: TPM_CC.PCR_Event,
  handles: { pcrHandle: authorized(TPMI_DH_PCR_NULLABLE, "USER") },
  parameters: { eventData: TPM2B_EVENT },
  response: { digests: TPML_DIGEST_VALUES },
  nv: true,
  execute(tpm, { pcrHandle, eventData }) {
    if (pcrHandle !== TPM_RH.NULL) {
      if (!tpm.pcr.mayExtend(pcrHandle)) throw new TpmError(TPM_RC.LOCALITY);
      if (tpm.pcr.isStateSaved(pcrHandle)) tpm.clearOrderly();
    }
    const digests = tpm.profile.pcrBanks.map((hashAlg) => ({
      hashAlg,
      digest: tpm.crypto.hash(hashNameOf(hashAlg), eventData),
    }));
    if (pcrHandle !== TPM_RH.NULL) {
      for (const { hashAlg, digest } of digests) tpm.pcr.extend(pcrHandle, hashAlg, digest);
    }
    return { digests };
  },
});
