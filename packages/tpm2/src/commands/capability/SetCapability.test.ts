import { expect, test } from "vitest";
import { LATEST } from "../../profile.ts";
import { TPM_CAP } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { SetCapability } from "./SetCapability.ts";

test("TPM2_SetCapability finds nothing to set", () => {
  const tpm = TestTpm.started({ profile: LATEST });
  const set = (setCapability: number): string =>
    tpm.run(SetCapability, { authHandle: TPM_RH.PLATFORM, setCapabilityData: { setCapability } }).text;
  expect(set(TPM_CAP.ALGS)).toBe("TPM_RC_SELECTOR (parameter 1)");
  expect(set(0x50)).toBe("TPM_RC_VALUE (parameter 1)");
});
