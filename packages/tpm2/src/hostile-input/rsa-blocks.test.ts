import { type Bytes, EMPTY } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RSA_Decrypt } from "../commands/asymmetric/RSA_Decrypt.ts";
import { RSA_Encrypt } from "../commands/asymmetric/RSA_Encrypt.ts";
import { DEFAULT_V2 } from "../profile.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { createKey, rsaTemplate } from "../testing/create-key.ts";
import { TestTpm } from "../testing/test-tpm.ts";

const NONE = { scheme: TPM_ALG.NULL } as const;
const oaep = (hashAlg: number) => ({ scheme: TPM_ALG.OAEP, details: { hashAlg } });
/** Paddings, and how many bytes of a block they take. */
const PADDINGS = [
  ["RSAES", { scheme: TPM_ALG.RSAES, details: {} }, 11],
  ["OAEP with SHA-1", oaep(TPM_ALG.SHA1), 42],
  ["OAEP with SHA-256", oaep(TPM_ALG.SHA256), 66],
  ["OAEP with SHA-512", oaep(TPM_ALG.SHA512), 130],
] as const;

describe.each([1024, 4096] as const)("an RSA key of %i bits", (keyBits) => {
  const tpm = TestTpm.started({ profile: DEFAULT_V2 });
  const { handle: keyHandle } = createKey(tpm, rsaTemplate({ decrypt: true }, NONE, keyBits));
  const size = keyBits / 8;
  const run = (message: Bytes, inScheme: object) =>
    tpm.run(RSA_Encrypt, { keyHandle, message, inScheme, label: EMPTY });
  const decrypt = (cipherText: Bytes, inScheme: object) =>
    tpm.run(RSA_Decrypt, { keyHandle, cipherText, inScheme, label: EMPTY });

  describe.each(PADDINGS.filter(([, , overhead]) => overhead <= size))("and %s", (_name, inScheme, overhead) => {
    test("give back the largest message, and encrypt none that is larger", () => {
      const message = new Uint8Array(size - overhead).fill(0xa5);
      const { outData } = run(message, inScheme).out;
      expect(decrypt(outData, inScheme).out.message).toEqual(message);
      expect(run(new Uint8Array(size - overhead + 1), inScheme).rc).not.toBe(0);
    });

    test("answer any block with a message that fits or with VALUE, never with a fault", () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: size, maxLength: size }), (block) => {
          // Padding that begins as it should gets further than bytes by chance.
          const start = inScheme.scheme === TPM_ALG.RSAES ? [0, 2] : [0];
          const padded = Uint8Array.from(block, (byte, i) => start[i] ?? byte);
          const { outData } = run(padded, NONE).out;
          const answer = decrypt(outData, inScheme);
          if (answer.rc === 0) return answer.out.message.length <= size - overhead;
          return answer.text.startsWith("TPM_RC_VALUE");
        }),
        { numRuns: keyBits === 1024 ? 30 : 5 },
      );
      expect(tpm.faults).toEqual([]);
    });
  });

  test("without padding gives back the whole block, with its zeros in front", () => {
    const block = new Uint8Array(size);
    block[size - 1] = 1;
    const { outData } = run(block, NONE).out;
    expect(decrypt(outData, NONE).out.message).toEqual(block);
  });
});
