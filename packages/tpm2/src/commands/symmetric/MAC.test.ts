import { EMPTY, fromHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { text as bytesOf, hmac } from "../../testing/caller-crypto.ts";
import { cipherTemplate, createKey, keyedHashTemplate, rsaTemplate } from "../../testing/create-key.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { MAC_Start } from "../hash-hmac-event-sequences/MAC_Start.ts";
import { MAC } from "./MAC.ts";

const SIGNS = { sign: true };
const HMAC_SHA384 = { scheme: TPM_ALG.HMAC, details: { hashAlg: TPM_ALG.SHA384 } } as const;
const key = bytesOf("Jefe");
const buffer = bytesOf("what do ya want for nothing?");
/** The key is given, so it does not originate in the TPM. */
const given = { sensitiveDataOrigin: false };
const aes = <const M extends number>(mode: M) => ({ algorithm: TPM_ALG.AES, keyBits: 128, mode }) as const;

function run(template: Parameters<typeof createKey>[1], inScheme: number) {
  const tpm = TestTpm.started();
  const { handle } = createKey(tpm, template, { data: key });
  return tpm.run(MAC, { handle, buffer, inScheme });
}

describe("TPM2_MAC", () => {
  test("makes an HMAC with the hash of the key, named or not", () => {
    const template = keyedHashTemplate({ ...SIGNS, ...given }, HMAC_SHA384);
    const expected = hmac(TPM_ALG.SHA384, key, buffer);
    expect(run(template, TPM_ALG.NULL).out.outMAC).toEqual(expected);
    expect(run(template, TPM_ALG.SHA384).out.outMAC).toEqual(expected);
  });

  test("makes an HMAC with any hash, if the key has none", () => {
    const template = keyedHashTemplate({ sign: true, decrypt: true, ...given });
    expect(run(template, TPM_ALG.SHA1).out.outMAC).toEqual(hmac(TPM_ALG.SHA1, key, buffer));
  });

  test("makes a CMAC as RFC 4493 has it", () => {
    const rfcKey = fromHex("2b7e151628aed2a6abf7158809cf4f3c");
    const template = cipherTemplate({ ...SIGNS, ...given }, aes(TPM_ALG.CMAC));
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, template, { data: rfcKey });
    const message = fromHex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411");
    const mac = tpm.run(MAC, { handle, buffer: message, inScheme: TPM_ALG.NULL }).out.outMAC;
    expect(mac).toEqual(fromHex("dfa66747de9ae63030ca32611497c827"));
  });

  test.each([
    ["an asymmetric key", rsaTemplate(SIGNS), TPM_ALG.SHA256, "TPM_RC_TYPE (handle 1)"],
    ["another hash than the key's", keyedHashTemplate(SIGNS, HMAC_SHA384), TPM_ALG.SHA1, "TPM_RC_VALUE (parameter 2)"],
    ["no hash at all", keyedHashTemplate({ sign: true, decrypt: true }), TPM_ALG.NULL, "TPM_RC_VALUE (parameter 2)"],
    [
      "CMAC with a hash key",
      keyedHashTemplate({ sign: true, decrypt: true }),
      TPM_ALG.CMAC,
      "TPM_RC_SCHEME (parameter 2)",
    ],
    ["a hash with a cipher key", cipherTemplate(SIGNS), TPM_ALG.SHA256, "TPM_RC_SCHEME (parameter 2)"],
    [
      "a cipher key for encryption",
      cipherTemplate(SIGNS, aes(TPM_ALG.CFB)),
      TPM_ALG.NULL,
      "TPM_RC_SCHEME (parameter 2)",
    ],
    ["its own mode and CMAC", cipherTemplate(SIGNS, aes(TPM_ALG.CFB)), TPM_ALG.CMAC, "TPM_RC_VALUE (parameter 2)"],
    [
      "a restricted key",
      keyedHashTemplate({ sign: true, restricted: true }, HMAC_SHA384),
      TPM_ALG.NULL,
      "TPM_RC_ATTRIBUTES (handle 1)",
    ],
    [
      "a key that does not sign",
      keyedHashTemplate(
        { decrypt: true },
        { scheme: TPM_ALG.XOR, details: { hashAlg: TPM_ALG.SHA256, kdf: TPM_ALG.KDF1_SP800_108 } },
      ),
      TPM_ALG.SHA256,
      "TPM_RC_KEY (handle 1)",
    ],
  ])("refuses %s", (_, template, inScheme, text) => {
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, template);
    expect(tpm.run(MAC, { handle, buffer, inScheme }).text).toBe(text);
    expect(tpm.run(MAC_Start, { handle, auth: EMPTY, inScheme }).text).toBe(text);
  });
});
