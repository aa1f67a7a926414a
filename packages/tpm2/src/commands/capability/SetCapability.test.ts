import { fromHex } from "@vtpm/wire";
import { expect, test } from "vitest";
import { LATEST } from "../../profile.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { SetCapability } from "./SetCapability.ts";

test.each([
  ["a capability", "0004 00000000", "TPM_RC_SELECTOR (parameter 1)"],
  ["a capability and data", "0006 00000001 1234", "TPM_RC_SELECTOR (parameter 1)"],
  ["less than its size tells", "0040 00000001", "TPM_RC_SELECTOR (parameter 1)"],
  ["more than its size tells", "0002 00000001", "TPM_RC_SELECTOR (parameter 1)"],
  ["no capability", "0004 00000050", "TPM_RC_VALUE (parameter 1)"],
  ["nothing", "0000", "TPM_RC_SIZE (parameter 1)"],
])("TPM2_SetCapability finds nothing to set in %s", (_name, data, outcome) => {
  const tpm = TestTpm.started({ profile: LATEST });
  expect(tpm.runRaw(SetCapability, [TPM_RH.PLATFORM], fromHex(data)).text).toBe(outcome);
});
