import { createECDH } from "node:crypto";
import { type Bytes, concatBytes } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_ECC_CURVE } from "../../spec/constants.ts";
import type { TPMS_ECC_POINT } from "../../spec/structures/index.ts";
import { createKey, eccTemplate, keyedHashTemplate } from "../../testing/create-key.ts";
import { givenImpossibleKey, givenObject } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { ECDH_KeyGen } from "./ECDH_KeyGen.ts";
import { ECDH_ZGen } from "./ECDH_ZGen.ts";

const NONE = { scheme: TPM_ALG.NULL } as const;
const DECRYPTS = { decrypt: true };
const uncompressed = ({ x, y }: TPMS_ECC_POINT): Bytes => concatBytes(Uint8Array.of(4), x, y);

describe.each([
  ["NIST_P192", 24, "prime192v1"],
  ["NIST_P224", 28, "secp224r1"],
  ["NIST_P256", 32, "prime256v1"],
  ["NIST_P384", 48, "secp384r1"],
  ["NIST_P521", 66, "secp521r1"],
  ["BN_P256", 32, undefined],
  ["BN_P638", 80, undefined],
  ["SM2_P256", 32, "SM2"],
] as const)("on %s", (curve, size, openssl) => {
  const tpm = TestTpm.started();
  const { handle: keyHandle, publicArea } = createKey(tpm, eccTemplate(DECRYPTS, NONE, TPM_ECC_CURVE[curve]));

  test("TPM2_ECDH_KeyGen makes a point of which TPM2_ECDH_ZGen finds the shared one", () => {
    const { zPoint, pubPoint } = tpm.run(ECDH_KeyGen, { keyHandle }).out;
    const { outPoint } = tpm.run(ECDH_ZGen, { keyHandle, inPoint: pubPoint }).out;
    expect(outPoint).toEqual(zPoint);
    expect([zPoint.x.length, zPoint.y.length, pubPoint.x.length, pubPoint.y.length]).toEqual([size, size, size, size]);
  });

  test.runIf(openssl !== undefined)("OpenSSL finds the same shared point", () => {
    if (publicArea.type !== TPM_ALG.ECC || openssl === undefined) throw new TypeError("not an ECC key");
    const other = createECDH(openssl);
    const point = new Uint8Array(other.generateKeys());
    const inPoint = { x: point.slice(1, 1 + size), y: point.slice(1 + size) };
    const { outPoint } = tpm.run(ECDH_ZGen, { keyHandle, inPoint }).out;
    expect(outPoint.x).toEqual(new Uint8Array(other.computeSecret(uncompressed(publicArea.unique))));
  });
});

describe("TPM2_ECDH_ZGen refuses", () => {
  const inPoint = { x: Uint8Array.of(1), y: Uint8Array.of(1) };

  test.each([
    ["a key of another type", keyedHashTemplate({ sign: true, decrypt: true }), "TPM_RC_KEY (handle 1)"],
    ["a signing key", eccTemplate({ sign: true }), "TPM_RC_ATTRIBUTES (handle 1)"],
    [
      "a key for another exchange",
      eccTemplate(DECRYPTS, { scheme: TPM_ALG.ECMQV, details: { hashAlg: 11 } }),
      "TPM_RC_SCHEME (handle 1)",
    ],
    ["a point that is not on the curve", eccTemplate(DECRYPTS), "TPM_RC_ECC_POINT (parameter 1)"],
  ])("%s", (_, template, text) => {
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, template);
    expect(tpm.run(ECDH_ZGen, { keyHandle: handle, inPoint }).text).toBe(text);
  });

  test("a private key that is the order of the curve, which none can be", () => {
    const tpm = TestTpm.started();
    const { handle: keyHandle, publicArea } = createKey(tpm, eccTemplate(DECRYPTS));
    if (publicArea.type !== TPM_ALG.ECC) throw new TypeError("not an ECC key");
    givenImpossibleKey(tpm, keyHandle);
    expect(tpm.run(ECDH_ZGen, { keyHandle, inPoint: publicArea.unique }).text).toBe("TPM_RC_NO_RESULT");
    expect(tpm.faults).toEqual([]);
  });

  test("coordinates beyond the field", () => {
    const tpm = TestTpm.started();
    const { handle: keyHandle, publicArea } = createKey(tpm, eccTemplate(DECRYPTS));
    if (publicArea.type !== TPM_ALG.ECC) throw new TypeError("not an ECC key");
    const beyond = { x: new Uint8Array(32).fill(0xff), y: publicArea.unique.y };
    expect(tpm.run(ECDH_ZGen, { keyHandle, inPoint: beyond }).text).toBe("TPM_RC_ECC_POINT (parameter 1)");
  });
});

describe("TPM2_ECDH_KeyGen refuses", () => {
  test("a key of another type", () => {
    const tpm = TestTpm.started();
    const { handle: keyHandle } = createKey(tpm, keyedHashTemplate({ sign: true, decrypt: true }));
    expect(tpm.run(ECDH_KeyGen, { keyHandle }).text).toBe("TPM_RC_KEY (handle 1)");
  });

  test("a public point that is not on its curve", () => {
    const tpm = TestTpm.started();
    const unique = { x: new Uint8Array(32).fill(1), y: new Uint8Array(32).fill(1) };
    const keyHandle = givenObject(tpm, { ...eccTemplate(DECRYPTS), unique });
    expect(tpm.run(ECDH_KeyGen, { keyHandle }).text).toBe("TPM_RC_KEY (handle 1)");
  });
});
