import { TPM2B_AUTH, TPM2B_DIGEST, TPMI_YES_NO } from "@vtpm/tpm2/spec";
import { type TypeOf, UINT16, versioned } from "@vtpm/wire";
import { PCR_AUTHVALUE, PCR_SAVE } from "./pcr-banks.ts";

/** What a TPM Restart forgets too. */
export const STATE_CLEAR_DATA = versioned(
  "STATE_CLEAR_DATA",
  { magic: 0x98897667, newest: 2 },
  {
    shEnable: TPMI_YES_NO,
    ehEnable: TPMI_YES_NO,
    phEnableNV: TPMI_YES_NO,
    platformAlg: UINT16,
    platformPolicy: TPM2B_DIGEST,
    platformAuth: TPM2B_AUTH,
    pcrSave: PCR_SAVE,
    pcrAuthValue: PCR_AUTHVALUE,
  },
);
export type STATE_CLEAR_DATA = TypeOf<typeof STATE_CLEAR_DATA>;
