import { type Bytes, EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_ECC_CURVE } from "../../spec/constants.ts";
import { createKey, eccTemplate, keyedHashTemplate } from "../../testing/create-key.ts";
import { givenObject } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { ECC_Decrypt } from "./ECC_Decrypt.ts";
import { ECC_Encrypt } from "./ECC_Encrypt.ts";

const KDF2 = { scheme: TPM_ALG.KDF2, details: { hashAlg: TPM_ALG.SHA256 } } as const;
const MGF1 = { scheme: TPM_ALG.MGF1, details: { hashAlg: TPM_ALG.SHA256 } } as const;
const NONE = { scheme: TPM_ALG.NULL } as const;
const DECRYPTS = { decrypt: true };
const counting = (size: number): Bytes => Uint8Array.from({ length: size }, (_, i) => i);

describe.each(["NIST_P256", "NIST_P521", "SM2_P256"] as const)("with a key on %s", (curve) => {
  const tpm = TestTpm.started();
  const { handle: keyHandle } = createKey(tpm, eccTemplate(DECRYPTS, NONE, TPM_ECC_CURVE[curve]));

  test.each([0, 1, 32, 33, 1024])("TPM2_ECC_Decrypt takes back %i bytes", (size) => {
    const encrypted = tpm.run(ECC_Encrypt, { keyHandle, plainText: counting(size), inScheme: KDF2 });
    expect(encrypted.out.C2.length).toBe(size);
    const decrypted = tpm.run(ECC_Decrypt, { keyHandle, ...encrypted.out, inScheme: KDF2 });
    expect(decrypted.out.plainText).toEqual(counting(size));
  });

  test("TPM2_ECC_Decrypt notices every change", () => {
    const { C1, C2, C3 } = tpm.run(ECC_Encrypt, { keyHandle, plainText: counting(8), inScheme: KDF2 }).out;
    const flipped = (bytes: Bytes): Bytes => bytes.map((byte, i) => (i === 0 ? 255 - byte : byte));
    for (const changed of [
      { C1, C2: flipped(C2), C3 },
      { C1, C2, C3: flipped(C3) },
      { C1, C2, C3: C3.slice(1) },
      { C1: { x: C1.x, y: flipped(C1.y) }, C2, C3 },
    ]) {
      expect(tpm.run(ECC_Decrypt, { keyHandle, ...changed, inScheme: KDF2 }).text).toBe("TPM_RC_VALUE");
    }
  });
});

describe("refused are", () => {
  test.each([
    ["a key of another type", keyedHashTemplate({ sign: true, decrypt: true }), KDF2, "TPM_RC_KEY (handle 1)"],
    ["no scheme at all", eccTemplate(DECRYPTS), NONE, "TPM_RC_SCHEME (parameter 2)"],
    ["another derivation than KDF2", eccTemplate(DECRYPTS), MGF1, "TPM_RC_SCHEME"],
  ])("by TPM2_ECC_Encrypt %s", (_, template, inScheme, text) => {
    const tpm = TestTpm.started();
    const { handle: keyHandle } = createKey(tpm, template);
    expect(tpm.run(ECC_Encrypt, { keyHandle, plainText: EMPTY, inScheme }).text).toBe(text);
  });

  test("by TPM2_ECC_Encrypt a point that is not on its curve", () => {
    const tpm = TestTpm.started();
    const unique = { x: new Uint8Array(32).fill(1), y: new Uint8Array(32).fill(1) };
    const keyHandle = givenObject(tpm, { ...eccTemplate(DECRYPTS), unique });
    expect(tpm.run(ECC_Encrypt, { keyHandle, plainText: EMPTY, inScheme: KDF2 }).text).toBe("TPM_RC_NO_RESULT");
  });

  test.each([
    ["a key of another type", keyedHashTemplate({ sign: true, decrypt: true }), KDF2, "TPM_RC_KEY (handle 1)"],
    ["a signing key", eccTemplate({ sign: true }), KDF2, "TPM_RC_ATTRIBUTES (handle 1)"],
    ["no scheme at all", eccTemplate(DECRYPTS), NONE, "TPM_RC_SCHEME (parameter 4)"],
    ["another derivation than KDF2", eccTemplate(DECRYPTS), MGF1, "TPM_RC_SCHEME"],
  ])("by TPM2_ECC_Decrypt %s", (_, template, inScheme, text) => {
    const tpm = TestTpm.started();
    const { handle: keyHandle } = createKey(tpm, template);
    const C1 = { x: EMPTY, y: EMPTY };
    expect(tpm.run(ECC_Decrypt, { keyHandle, C1, C2: EMPTY, C3: EMPTY, inScheme }).text).toBe(text);
  });
});
