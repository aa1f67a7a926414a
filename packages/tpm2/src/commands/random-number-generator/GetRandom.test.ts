import { expect, test } from "vitest";
import { TestTpm } from "../../testing/test-tpm.ts";
import { GetRandom } from "./GetRandom.ts";
import { StirRandom } from "./StirRandom.ts";

test.each([
  [0, 0],
  [20, 20],
  [64, 64],
  [65, 64],
  [65535, 64],
])("TPM2_GetRandom of %d bytes gives %d", (bytesRequested, size) => {
  expect(TestTpm.started().run(GetRandom, { bytesRequested }).out.randomBytes).toHaveLength(size);
});

test("TPM2_StirRandom changes what comes, and takes 128 bytes at most", () => {
  const [calm, stirred] = [TestTpm.started(), TestTpm.started()];
  expect(stirred.run(StirRandom, { inData: new Uint8Array(128) }).text).toBe("TPM_RC_SUCCESS");
  const random = (tpm: TestTpm): Uint8Array => tpm.run(GetRandom, { bytesRequested: 32 }).out.randomBytes;
  expect(random(stirred)).not.toEqual(random(calm));
  expect(stirred.run(StirRandom, { inData: new Uint8Array(129) }).text).toBe("TPM_RC_SIZE (parameter 1)");
});
