import { fromHex } from "@vtpm/wire";
import { expect, test } from "vitest";
import { TestTpm } from "../../testing/test-tpm.ts";
import { TestParms } from "./TestParms.ts";

test.each([
  ["takes RSA-2048 without a scheme", "0001 0010 0010 0800 00000000", "TPM_RC_SUCCESS"],
  ["takes P-256 with ECDSA", "0023 0010 0018 000b 0003 0010", "TPM_RC_SUCCESS"],
  ["refuses an unknown type", "0099", "TPM_RC_TYPE (parameter 1)"],
  ["refuses RSA with a size that the profile lacks", "0001 0010 0010 1000 00000000", "TPM_RC_VALUE (parameter 1)"],
  ["refuses a curve that the TPM lacks", "0023 0010 0010 0030 0010", "TPM_RC_CURVE (parameter 1)"],
  ["refuses what is cut off", "0001 0010", "TPM_RC_INSUFFICIENT (parameter 1)"],
])("TPM2_TestParms %s", (_name, parameters, text) => {
  expect(TestTpm.started().runRaw(TestParms, [], fromHex(parameters)).text).toBe(text);
});
