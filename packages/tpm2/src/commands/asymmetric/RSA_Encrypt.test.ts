import { generateKeyPairSync, privateDecrypt } from "node:crypto";
import { type Bytes, EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { text as bytesOf } from "../../testing/caller-crypto.ts";
import { createKey, eccTemplate, rsaTemplate } from "../../testing/create-key.ts";
import { givenObject } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { RSA_Encrypt } from "./RSA_Encrypt.ts";

const NONE = { scheme: TPM_ALG.NULL } as const;
const RSAES = { scheme: TPM_ALG.RSAES, details: {} } as const;

describe("TPM2_RSA_Encrypt", () => {
  const tpm = TestTpm.started();
  const key = createKey(tpm, rsaTemplate({ decrypt: true }, NONE, 1024));
  if (key.publicArea.type !== TPM_ALG.RSA) throw new TypeError("not an RSA key");
  const modulus = key.publicArea.unique;
  const encrypt = (message: Bytes, keyHandle = key.handle, inScheme: object = NONE, label: Bytes = EMPTY) =>
    tpm.run(RSA_Encrypt, { keyHandle, message, inScheme, label });

  test("without padding ignores zeros in front of the number", () => {
    const number = Uint8Array.of(7, 7, 7);
    const longer = new Uint8Array(131);
    longer.set(number, 128);
    expect(encrypt(longer).out.outData).toEqual(encrypt(number).out.outData);
    expect(encrypt(EMPTY).out.outData).toEqual(new Uint8Array(128));
  });

  test("without padding refuses a number that is not below the modulus", () => {
    expect(encrypt(modulus).text).toBe("TPM_RC_FAILURE");
    expect(encrypt(new Uint8Array(129).fill(1)).text).toBe("TPM_RC_VALUE");
    expect(tpm.faults).toEqual([]);
  });

  test("refuses a label that does not end with NUL", () => {
    expect(encrypt(EMPTY, key.handle, NONE, bytesOf("x")).text).toBe("TPM_RC_VALUE (parameter 3)");
  });

  test("refuses another scheme than the key's", () => {
    const bound = createKey(tpm, rsaTemplate({ decrypt: true }, { scheme: TPM_ALG.OAEP, details: { hashAlg: 4 } }));
    expect(encrypt(EMPTY, bound.handle, RSAES).text).toBe("TPM_RC_SCHEME (parameter 2)");
  });

  test("refuses keys of other types and signing keys", () => {
    const test2 = TestTpm.started();
    const ecc = createKey(test2, eccTemplate({ decrypt: true }));
    const signs = createKey(test2, rsaTemplate({ sign: true }, NONE, 1024));
    const run = (keyHandle: number) =>
      test2.run(RSA_Encrypt, { keyHandle, message: EMPTY, inScheme: NONE, label: EMPTY });
    expect(run(ecc.handle).text).toBe("TPM_RC_KEY (handle 1)");
    expect(run(signs.handle).text).toBe("TPM_RC_ATTRIBUTES (handle 1)");
  });

  test.each([
    ["even", 0],
    ["small and odd", 1],
  ])("answers for a modulus that is %s", (_, last) => {
    const test2 = TestTpm.started();
    const unique = new Uint8Array(128);
    unique[0] = 0x80;
    unique[127] = last;
    const keyHandle = givenObject(test2, { ...rsaTemplate({ decrypt: true }, NONE, 1024), unique });
    for (const message of [EMPTY, Uint8Array.of(1), Uint8Array.of(2, 3)]) {
      test2.run(RSA_Encrypt, { keyHandle, message, inScheme: RSAES, label: EMPTY });
      test2.run(RSA_Encrypt, { keyHandle, message, inScheme: NONE, label: EMPTY });
    }
    expect(test2.faults).toEqual([]);
  });
});

test("what TPM2_RSA_Encrypt makes, OpenSSL reads", () => {
  const tpm = TestTpm.started();
  const { privateKey: key } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const { n = "" } = key.export({ format: "jwk" });
  const unique = new Uint8Array(Buffer.from(n, "base64url"));
  const keyHandle = givenObject(tpm, { ...rsaTemplate({ decrypt: true }, NONE, 1024), unique });
  const inScheme = { scheme: TPM_ALG.OAEP, details: { hashAlg: TPM_ALG.SHA256 } };
  const { out } = tpm.run(RSA_Encrypt, { keyHandle, message: bytesOf("hi"), inScheme, label: bytesOf("L\0") });
  const read = privateDecrypt({ key, oaepHash: "sha256", oaepLabel: bytesOf("L\0") }, out.outData);
  expect(new Uint8Array(read)).toEqual(bytesOf("hi"));
});
