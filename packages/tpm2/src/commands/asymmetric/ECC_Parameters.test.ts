import { CURVES } from "@vtpm/crypto";
import { encode, toHex, UINT16 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_ECC_CURVE } from "../../spec/constants.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { ECC_Parameters } from "./ECC_Parameters.ts";

describe("TPM2_ECC_Parameters", () => {
  const tpm = TestTpm.started();

  test.each([
    ["NIST_P192", 192, TPM_ALG.SHA256],
    ["NIST_P224", 224, TPM_ALG.SHA256],
    ["NIST_P256", 256, TPM_ALG.SHA256],
    ["NIST_P384", 384, TPM_ALG.SHA384],
    ["NIST_P521", 521, TPM_ALG.SHA512],
    ["BN_P256", 256, undefined],
    ["BN_P638", 638, undefined],
    ["SM2_P256", 256, TPM_ALG.SM3_256],
  ] as const)("describes %s", (name, keySize, hashAlg) => {
    const curveID = TPM_ECC_CURVE[name];
    const { parameters } = tpm.run(ECC_Parameters, { curveID }).out;
    expect(parameters).toMatchObject({ curveID, keySize, sign: { scheme: TPM_ALG.NULL }, h: Uint8Array.of(1) });
    const kdf = hashAlg && { scheme: TPM_ALG.KDF1_SP800_56A, details: { hashAlg } };
    expect(parameters.kdf).toEqual(kdf ?? { scheme: TPM_ALG.NULL });
    const { p, a, b, G, n, fieldSize } = CURVES[name];
    const numbers = [parameters.p, parameters.a, parameters.b, parameters.gX, parameters.gY, parameters.n];
    expect(numbers.map((bytes) => BigInt(`0x${toHex(bytes)}`))).toEqual([p, a, b, G.x, G.y, n]);
    for (const field of ["p", "b", "gX", "gY"] as const) expect(parameters[field].length).toBe(fieldSize);
    // Measured with libtpms 0.11.0.
    expect(parameters.a.length).toBe(name.startsWith("BN") ? 1 : fieldSize);
  });

  test("refuses what is not a curve", () => {
    expect(tpm.runRaw(ECC_Parameters, [], encode(UINT16, 0x0fff)).text).toBe("TPM_RC_CURVE (parameter 1)");
    expect(tpm.runRaw(ECC_Parameters, [], encode(UINT16, TPM_ECC_CURVE.NONE)).text).toBe("TPM_RC_CURVE (parameter 1)");
  });
});
