import { createCipheriv } from "node:crypto";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { cipherTemplate, createKey, keyedHashTemplate } from "../../testing/create-key.ts";
import { givenObject } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { EncryptDecrypt } from "./EncryptDecrypt.ts";
import { EncryptDecrypt2 } from "./EncryptDecrypt2.ts";

const BOTH_WAYS = { sign: true, decrypt: true };
const COMMANDS = [
  ["TPM2_EncryptDecrypt", EncryptDecrypt],
  ["TPM2_EncryptDecrypt2", EncryptDecrypt2],
] as const;
const CIPHERS = [
  ["AES-128", { algorithm: TPM_ALG.AES, keyBits: 128 }, 16, "aes-128"],
  ["AES-192", { algorithm: TPM_ALG.AES, keyBits: 192 }, 16, "aes-192"],
  ["AES-256", { algorithm: TPM_ALG.AES, keyBits: 256 }, 16, "aes-256"],
  ["Camellia-256", { algorithm: TPM_ALG.CAMELLIA, keyBits: 256 }, 16, "camellia-256"],
  ["TDES-192", { algorithm: TPM_ALG.TDES, keyBits: 192 }, 8, "des-ede3"],
] as const;
const MODES = ["CTR", "OFB", "CBC", "CFB", "ECB"] as const;
const counting = (size: number): Bytes => Uint8Array.from({ length: size }, (_, i) => (7 * i) % 256);

describe.each(COMMANDS)("%s", (_, command) => {
  describe.each(CIPHERS)("with %s", (_name, cipher, blockSize, openssl) => {
    const tpm = TestTpm.started();
    const sym = { ...cipher, mode: TPM_ALG.NULL };
    const { handle: keyHandle } = createKey(tpm, cipherTemplate(BOTH_WAYS, sym));
    const key = privateKeyOf(tpm, keyHandle);
    const run = (decrypt: 0 | 1, mode: (typeof MODES)[number], ivIn: Bytes, inData: Bytes) =>
      tpm.run(command, { keyHandle, decrypt, mode: TPM_ALG[mode], ivIn, inData }).out;

    describe.each(MODES)("in %s", (mode) => {
      const iv = mode === "ECB" ? EMPTY : counting(blockSize).reverse();
      const whole = mode === "CBC" || mode === "ECB";

      test.each([0, blockSize, 4 * blockSize, 1024])("decrypts what it has encrypted: %i bytes", (size) => {
        const { outData, ivOut } = run(0, mode, iv, counting(size));
        expect(run(1, mode, iv, outData)).toEqual({ outData: counting(size), ivOut });
        if (size === 0) expect(ivOut).toEqual(iv);
      });

      test("gives in two calls what it gives in one, and the chained iv", () => {
        const data = counting(6 * blockSize);
        for (const decrypt of [0, 1] as const) {
          const once = run(decrypt, mode, iv, data);
          const first = run(decrypt, mode, iv, data.slice(0, 2 * blockSize));
          const second = run(decrypt, mode, first.ivOut, data.slice(2 * blockSize));
          expect(concatBytes(first.outData, second.outData)).toEqual(once.outData);
          expect(second.ivOut).toEqual(once.ivOut);
        }
      });

      // OpenSSL has CTR for the newer ciphers only.
      test.runIf(mode !== "CTR" || openssl !== "des-ede3")("agrees with OpenSSL", () => {
        const data = counting(whole ? 64 : 61);
        const name = openssl === "des-ede3" && mode === "ECB" ? openssl : `${openssl}-${mode.toLowerCase()}`;
        const state = createCipheriv(name, key, iv.length === 0 ? null : iv).setAutoPadding(false);
        const expected = new Uint8Array(Buffer.concat([state.update(data), state.final()]));
        expect(run(0, mode, iv, data).outData).toEqual(expected);
      });

      test("refuses an iv of another size", () => {
        const ivIn = new Uint8Array(mode === "ECB" ? blockSize : blockSize - 1);
        const answer = tpm.run(command, { keyHandle, decrypt: 0, mode: TPM_ALG[mode], ivIn, inData: counting(1) });
        expect(answer.text).toBe(at(command, "TPM_RC_SIZE", "ivIn"));
      });

      test.runIf(whole)("refuses what is not whole blocks", () => {
        const inData = counting(blockSize + 1);
        const answer = tpm.run(command, { keyHandle, decrypt: 0, mode: TPM_ALG[mode], ivIn: iv, inData });
        expect(answer.text).toBe(at(command, "TPM_RC_SIZE", "inData"));
      });
    });
  });

  describe("refuses", () => {
    const aes = <const M extends number>(mode: M) => ({ algorithm: TPM_ALG.AES, keyBits: 128, mode }) as const;
    const good = { decrypt: 0, mode: TPM_ALG.CFB, ivIn: counting(16), inData: counting(3) };
    const refusal = (template: Parameters<typeof createKey>[1], wrong: object = {}) => {
      const tpm = TestTpm.started();
      const { handle: keyHandle } = createKey(tpm, template);
      return tpm.run(command, { keyHandle, ...good, ...wrong }).text;
    };

    test("a key of another type", () => {
      expect(refusal(keyedHashTemplate(BOTH_WAYS))).toBe("TPM_RC_KEY (handle 1)");
    });

    test("the direction that the key is not for", () => {
      expect(refusal(cipherTemplate({ decrypt: true }))).toBe("TPM_RC_ATTRIBUTES (handle 1)");
      expect(refusal(cipherTemplate({ decrypt: true }), { decrypt: 1 })).toBe("TPM_RC_SUCCESS");
      expect(refusal(cipherTemplate({ sign: true }), { decrypt: 1 })).toBe("TPM_RC_ATTRIBUTES (handle 1)");
      expect(refusal(cipherTemplate({ sign: true }))).toBe("TPM_RC_SUCCESS");
    });

    test("a storage key", () => {
      const template = cipherTemplate({ restricted: true, decrypt: true }, aes(TPM_ALG.CFB));
      expect(refusal(template, { decrypt: 1 })).toBe("TPM_RC_ATTRIBUTES (handle 1)");
    });

    test("a key for MACs", () => {
      expect(refusal(cipherTemplate({ sign: true }, aes(TPM_ALG.CMAC)))).toBe("TPM_RC_MODE (handle 1)");
    });

    test("no mode, and another mode than the key's", () => {
      expect(refusal(cipherTemplate(BOTH_WAYS), { mode: TPM_ALG.NULL })).toBe(at(command, "TPM_RC_MODE", "mode"));
      const template = cipherTemplate(BOTH_WAYS, aes(TPM_ALG.CTR));
      expect(refusal(template)).toBe(at(command, "TPM_RC_MODE", "mode"));
      expect(refusal(template, { mode: TPM_ALG.NULL })).toBe("TPM_RC_SUCCESS");
    });

    test("a public area alone", () => {
      const tpm = TestTpm.started();
      const publicArea = { ...cipherTemplate(BOTH_WAYS), unique: new Uint8Array(32) };
      const keyHandle = givenObject(tpm, publicArea);
      expect(tpm.run(command, { keyHandle, ...good }).text).toBe("TPM_RC_AUTH_UNAVAILABLE");
    });
  });
});

/** The code at the position that a parameter has in this one of the two commands. */
function at(command: typeof EncryptDecrypt, rc: string, parameter: string): string {
  return `${rc} (parameter ${command.parameters.findIndex(([name]) => name === parameter) + 1})`;
}

function privateKeyOf({ tpm }: TestTpm, handle: number): Bytes {
  const object = tpm.state.ram.objects.get(handle);
  if (object === undefined || !("sensitive" in object) || object.sensitive === undefined) throw new Error("no key");
  return object.sensitive.sensitive;
}
