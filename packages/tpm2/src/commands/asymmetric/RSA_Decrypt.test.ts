import { constants, createPublicKey, publicEncrypt } from "node:crypto";
import { type Bytes, EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import type { TPMT_RSA_DECRYPT_NULLABLE } from "../../spec/structures/index.ts";
import { text as bytesOf } from "../../testing/caller-crypto.ts";
import { type CreatedKey, createKey, eccTemplate, flush, rsaTemplate } from "../../testing/create-key.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { RSA_Decrypt } from "./RSA_Decrypt.ts";
import { RSA_Encrypt } from "./RSA_Encrypt.ts";

const NONE = { scheme: TPM_ALG.NULL } as const;
const RSAES = { scheme: TPM_ALG.RSAES, details: {} } as const;
const oaep = (hashAlg: 4 | 11 | 12 | 13): TPMT_RSA_DECRYPT_NULLABLE => ({ scheme: TPM_ALG.OAEP, details: { hashAlg } });
const DECRYPTS = { decrypt: true };
const counting = (size: number): Bytes => Uint8Array.from({ length: size }, (_, i) => (i % 255) + 1);

function modulusOf({ publicArea }: CreatedKey): Bytes {
  if (publicArea.type !== TPM_ALG.RSA) throw new TypeError("not an RSA key");
  return publicArea.unique;
}

describe.each([1024, 2048, 3072] as const)("with a key of %i bits", (keyBits) => {
  const tpm = TestTpm.started();
  const key = createKey(tpm, rsaTemplate(DECRYPTS, NONE, keyBits));
  const size = keyBits / 8;
  const run = (cipherText: Bytes, inScheme: TPMT_RSA_DECRYPT_NULLABLE, label: Bytes = EMPTY) =>
    tpm.run(RSA_Decrypt, { keyHandle: key.handle, cipherText, inScheme, label });

  /** Paddings, what they leave for the message, and how OpenSSL is asked for them. */
  const paddings = [
    ["RSAES", RSAES, size - 11],
    ["OAEP with SHA1", oaep(TPM_ALG.SHA1), size - 42],
    ["OAEP with SHA256", oaep(TPM_ALG.SHA256), size - 66],
    ["OAEP with SHA384", oaep(TPM_ALG.SHA384), size - 98],
    ["OAEP with SHA512", oaep(TPM_ALG.SHA512), size - 130],
  ] as const;

  describe.each(paddings.filter(([, , largest]) => largest >= 0))("and %s", (_, inScheme, largest) => {
    test.each([0, 1, largest])("takes back a message of %i bytes", (messageSize) => {
      const message = counting(messageSize);
      const label = inScheme.scheme === TPM_ALG.OAEP ? bytesOf("label\0") : EMPTY;
      const encrypted = tpm.run(RSA_Encrypt, { keyHandle: key.handle, message, inScheme, label });
      expect(encrypted.text).toBe("TPM_RC_SUCCESS");
      expect(encrypted.out.outData.length).toBe(size);
      expect(run(encrypted.out.outData, inScheme, label).out.message).toEqual(message);
    });

    test("cannot encrypt one more byte", () => {
      const message = counting(largest + 1);
      const answer = tpm.run(RSA_Encrypt, { keyHandle: key.handle, message, inScheme, label: EMPTY });
      expect(answer.text).toBe("TPM_RC_FAILURE");
    });
  });

  test("without padding gives back as many bytes as the modulus has", () => {
    const message = counting(20);
    const encrypted = tpm.run(RSA_Encrypt, { keyHandle: key.handle, message, inScheme: NONE, label: EMPTY });
    const padded = new Uint8Array(size);
    padded.set(message, size - 20);
    expect(run(encrypted.out.outData, NONE).out.message).toEqual(padded);
  });

  test("reads what OpenSSL has encrypted with OAEP and a label", () => {
    const jwk = { kty: "RSA", n: Buffer.from(modulusOf(key)).toString("base64url"), e: "AQAB" };
    const encrypted = publicEncrypt(
      {
        key: createPublicKey({ key: jwk, format: "jwk" }),
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: "sha256",
        oaepLabel: bytesOf("DUPLICATE\0"),
      },
      bytesOf("secret"),
    );
    const answer = run(new Uint8Array(encrypted), oaep(TPM_ALG.SHA256), bytesOf("DUPLICATE\0"));
    expect(answer.out.message).toEqual(bytesOf("secret"));
  });

  test.each([
    ["RSAES", RSAES],
    ["OAEP", oaep(TPM_ALG.SHA1)],
  ] as const)("refuses wrong padding of %s", (_, inScheme) => {
    const raw = tpm.run(RSA_Encrypt, { keyHandle: key.handle, message: counting(40), inScheme: NONE, label: EMPTY });
    expect(run(raw.out.outData, inScheme).text).toBe("TPM_RC_VALUE");
  });

  test("refuses a cipher text that is not below the modulus", () => {
    expect(run(modulusOf(key), NONE).text).toBe("TPM_RC_VALUE");
    expect(run(new Uint8Array(size).fill(0xff), RSAES).text).toBe("TPM_RC_VALUE");
  });

  test.each([0, 1, size - 1, size + 1])("refuses a cipher text of %i bytes", (cipherSize) => {
    expect(run(new Uint8Array(cipherSize), NONE).text).toBe("TPM_RC_SIZE");
  });
});

describe("TPM2_RSA_Decrypt refuses", () => {
  const tpm = TestTpm.started();
  const free = createKey(tpm, rsaTemplate(DECRYPTS, NONE, 1024)).handle;
  const bound = createKey(tpm, rsaTemplate(DECRYPTS, oaep(TPM_ALG.SHA1), 1024)).handle;
  const badLabel = bytesOf("label");
  const cipherText = new Uint8Array(128);

  test("a key of another type", () => {
    const other = createKey(tpm, eccTemplate(DECRYPTS)).handle;
    const answer = tpm.run(RSA_Decrypt, { keyHandle: other, cipherText, inScheme: NONE, label: badLabel });
    flush(tpm, other);
    expect(answer.text).toBe("TPM_RC_KEY (handle 1)");
  });

  test("a key that only signs", () => {
    const signs = createKey(tpm, rsaTemplate({ sign: true }, NONE, 1024)).handle;
    const answer = tpm.run(RSA_Decrypt, { keyHandle: signs, cipherText, inScheme: NONE, label: badLabel });
    flush(tpm, signs);
    expect(answer.text).toBe("TPM_RC_ATTRIBUTES (handle 1)");
  });

  test("a label without NUL, before it looks at the scheme", () => {
    const answer = tpm.run(RSA_Decrypt, { keyHandle: bound, cipherText, inScheme: RSAES, label: badLabel });
    expect(answer.text).toBe("TPM_RC_VALUE (parameter 3)");
  });

  test.each([
    ["another scheme than the key's", RSAES],
    ["another hash than the key's", oaep(TPM_ALG.SHA256)],
  ])("%s", (_, inScheme) => {
    const answer = tpm.run(RSA_Decrypt, { keyHandle: bound, cipherText, inScheme, label: EMPTY });
    expect(answer.text).toBe("TPM_RC_SCHEME (parameter 2)");
  });

  test("nothing of a key's own scheme when the command names none", () => {
    const message = bytesOf("m");
    const { out } = tpm.run(RSA_Encrypt, { keyHandle: bound, message, inScheme: NONE, label: EMPTY });
    const answer = tpm.run(RSA_Decrypt, { keyHandle: bound, cipherText: out.outData, inScheme: NONE, label: EMPTY });
    expect(answer.out.message).toEqual(message);
    expect(tpm.run(RSA_Decrypt, { keyHandle: free, cipherText, inScheme: NONE, label: EMPTY }).rc).toBe(0);
  });
});
