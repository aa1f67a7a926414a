import { TPM2B_AUTH, TPM2B_DIGEST, TPMI_YES_NO } from "@vtpm/tpm2/spec";
import { checked, type TypeOf, versioned } from "@vtpm/wire";
import { complaintAboutPolicy, HASH_OR_NULL } from "./algorithms.ts";
import { PCR_AUTHVALUE, PCR_SAVE } from "./pcr-banks.ts";

/** What a TPM Restart forgets too. */
const LAYOUT = versioned(
  "STATE_CLEAR_DATA",
  { magic: 0x98897667, newest: 2 },
  {
    shEnable: TPMI_YES_NO,
    ehEnable: TPMI_YES_NO,
    phEnableNV: TPMI_YES_NO,
    platformAlg: HASH_OR_NULL,
    platformPolicy: TPM2B_DIGEST,
    platformAuth: TPM2B_AUTH,
    pcrSave: PCR_SAVE,
    pcrAuthValue: PCR_AUTHVALUE,
  },
);

/** The same, of which the parts go together. */
export const STATE_CLEAR_DATA = checked(LAYOUT, ({ platformAlg, platformPolicy }) =>
  complaintAboutPolicy(platformAlg, platformPolicy),
);
export type STATE_CLEAR_DATA = TypeOf<typeof STATE_CLEAR_DATA>;
