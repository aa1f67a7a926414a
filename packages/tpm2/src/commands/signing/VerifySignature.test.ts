import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_ST } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import type { TPMT_PUBLIC, TPMT_SIGNATURE } from "../../spec/structures/index.ts";
import { text as bytesOf, hash, hmac } from "../../testing/caller-crypto.ts";
import { cipherTemplate, createKey, eccTemplate, keyedHashTemplate, rsaTemplate } from "../../testing/create-key.ts";
import { givenObject } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { LoadExternal } from "../object/LoadExternal.ts";
import { Sign } from "./Sign.ts";
import { VerifySignature } from "./VerifySignature.ts";

const { SHA1, SHA256 } = TPM_ALG;
const SIGNS = { sign: true };
const digest = hash(SHA256, bytesOf("message"));
const NO_CHECK = { tag: TPM_ST.HASHCHECK, hierarchy: TPM_RH.NULL, digest: EMPTY };
const NO_TICKET = { tag: TPM_ST.VERIFIED, hierarchy: TPM_RH.NULL, digest: EMPTY };
const RSASSA = { scheme: TPM_ALG.RSASSA, details: { hashAlg: SHA256 } } as const;
const HMAC = { scheme: TPM_ALG.HMAC, details: { hashAlg: SHA256 } } as const;
const ECDSA = { scheme: TPM_ALG.ECDSA, details: { hashAlg: SHA256 } } as const;

function signed(template: TPMT_PUBLIC, inScheme: object, hierarchy: number = TPM_RH.OWNER) {
  const tpm = TestTpm.started();
  const key = createKey(tpm, template, { hierarchy });
  const { out } = tpm.run(Sign, { keyHandle: key.handle, digest, inScheme, validation: NO_CHECK });
  const signature: TPMT_SIGNATURE = out.signature;
  const verify = (given: object, keyHandle = key.handle) =>
    tpm.run(VerifySignature, { keyHandle, digest, signature, ...given });
  return { tpm, key, signature, verify };
}

describe("the ticket", () => {
  test("is that of the key's hierarchy", () => {
    const { tpm, key, verify } = signed(rsaTemplate(SIGNS), RSASSA, TPM_RH.ENDORSEMENT);
    const { ehProof } = tpm.tpm.state.nv.persistent;
    const expected = hmac(TPM_ALG.SHA512, ehProof, Uint8Array.of(0x80, 0x22), digest, key.name);
    expect(verify({}).out.validation).toEqual({
      tag: TPM_ST.VERIFIED,
      hierarchy: TPM_RH.ENDORSEMENT,
      digest: expected,
    });
  });

  test("is empty for a key of the NULL hierarchy", () => {
    const { verify } = signed(eccTemplate(SIGNS), ECDSA, TPM_RH.NULL);
    expect(verify({}).out.validation).toEqual(NO_TICKET);
  });

  test("is empty for a key without a Name", () => {
    const { tpm, key, verify } = signed(eccTemplate(SIGNS), ECDSA);
    const inPublic = { ...key.publicArea, nameAlg: TPM_ALG.NULL, objectAttributes: 0x0004_0000 };
    const loaded = tpm.run(LoadExternal, { inPrivate: undefined, inPublic, hierarchy: TPM_RH.OWNER });
    expect(loaded.text).toBe("TPM_RC_SUCCESS");
    expect(verify({}, loaded.out.objectHandle).out.validation).toEqual(NO_TICKET);
  });
});

describe("TPM2_VerifySignature refuses", () => {
  test("a key that does not sign", () => {
    const tpm = TestTpm.started();
    const { handle: keyHandle } = createKey(tpm, rsaTemplate({ decrypt: true }));
    const signature = { sigAlg: TPM_ALG.RSASSA, signature: { hash: SHA256, sig: EMPTY } };
    expect(tpm.run(VerifySignature, { keyHandle, digest, signature }).text).toBe("TPM_RC_ATTRIBUTES (handle 1)");
  });

  test.each([
    ["RSA", rsaTemplate(SIGNS), RSASSA],
    ["ECC", eccTemplate(SIGNS), ECDSA],
    ["HMAC", keyedHashTemplate(SIGNS, HMAC), HMAC],
  ])("signatures of other kinds than the key makes: %s", (_, template, inScheme) => {
    const { verify, signature } = signed(template, inScheme);
    const none = new Uint8Array(32);
    const others = [
      { sigAlg: TPM_ALG.RSASSA, signature: { hash: SHA256, sig: none } },
      { sigAlg: TPM_ALG.ECDSA, signature: { hash: SHA256, signatureR: none, signatureS: none } },
      { sigAlg: TPM_ALG.ECDAA, signature: { hash: SHA256, signatureR: none, signatureS: none } },
      { sigAlg: TPM_ALG.HMAC, signature: { hashAlg: SHA256, digest: none } },
    ];
    for (const other of others.filter(({ sigAlg }) => sigAlg !== signature.sigAlg)) {
      expect(verify({ signature: other }).text).toBe("TPM_RC_SCHEME (parameter 2)");
    }
  });

  test("a block cipher key", () => {
    const tpm = TestTpm.started();
    const { handle: keyHandle } = createKey(tpm, cipherTemplate(SIGNS));
    const signature = { sigAlg: TPM_ALG.HMAC, signature: { hashAlg: SHA256, digest } };
    expect(tpm.run(VerifySignature, { keyHandle, digest, signature }).text).toBe("TPM_RC_SCHEME (parameter 2)");
  });

  test("an HMAC key of which only the public area is there", () => {
    const tpm = TestTpm.started();
    const template = keyedHashTemplate(SIGNS, HMAC);
    const keyHandle = givenObject(tpm, template);
    const signature = { sigAlg: TPM_ALG.HMAC, signature: { hashAlg: SHA256, digest } };
    expect(tpm.run(VerifySignature, { keyHandle, digest, signature }).text).toBe("TPM_RC_HANDLE (parameter 2)");
  });

  test("an HMAC with another hash than the key's", () => {
    const { verify } = signed(keyedHashTemplate(SIGNS, HMAC), HMAC);
    const signature = { sigAlg: TPM_ALG.HMAC, signature: { hashAlg: SHA1, digest: new Uint8Array(20) } };
    expect(verify({ signature }).text).toBe("TPM_RC_SIGNATURE (parameter 2)");
  });

  test.each([
    ["RSASSA", rsaTemplate(SIGNS), RSASSA],
    ["RSAPSS", rsaTemplate(SIGNS), { ...RSASSA, scheme: TPM_ALG.RSAPSS }],
    ["ECDSA", eccTemplate(SIGNS), ECDSA],
    ["ECSCHNORR", eccTemplate(SIGNS), { ...ECDSA, scheme: TPM_ALG.ECSCHNORR }],
    ["SM2", eccTemplate(SIGNS), { ...ECDSA, scheme: TPM_ALG.SM2 }],
    ["HMAC", keyedHashTemplate(SIGNS, HMAC), HMAC],
  ])("another digest, and digests of any other size: %s", (_, template, inScheme) => {
    const { tpm, verify } = signed(template, inScheme);
    expect(verify({}).text).toBe("TPM_RC_SUCCESS");
    for (const other of [hash(SHA256, digest), hash(SHA1, digest), EMPTY, Uint8Array.of(1)]) {
      expect(verify({ digest: other }).text).toBe("TPM_RC_SIGNATURE (parameter 2)");
    }
    expect(tpm.faults).toEqual([]);
  });

  test("RSA signatures of other sizes, and not below the modulus", () => {
    const { key, verify } = signed(rsaTemplate(SIGNS), RSASSA);
    if (key.publicArea.type !== TPM_ALG.RSA) throw new TypeError("not an RSA key");
    for (const sig of [EMPTY, new Uint8Array(255), key.publicArea.unique, new Uint8Array(256).fill(0xff)]) {
      for (const sigAlg of [TPM_ALG.RSASSA, TPM_ALG.RSAPSS]) {
        const signature = { sigAlg, signature: { hash: SHA256, sig } };
        expect(verify({ signature }).text).toBe("TPM_RC_SIGNATURE (parameter 2)");
      }
    }
  });

  test("ECC signatures with numbers out of range", () => {
    const { tpm, verify, signature } = signed(eccTemplate(SIGNS), ECDSA);
    if (signature.sigAlg !== TPM_ALG.ECDSA) throw new TypeError("not ECDSA");
    for (const number of [EMPTY, Uint8Array.of(0), new Uint8Array(32).fill(0xff), new Uint8Array(66).fill(0xff)]) {
      for (const wrong of [{ signatureR: number }, { signatureS: number }]) {
        const changed = { ...signature, signature: { ...signature.signature, ...wrong } };
        expect(verify({ signature: changed }).text).toBe("TPM_RC_SIGNATURE (parameter 2)");
      }
    }
    expect(tpm.faults).toEqual([]);
  });

  test("anything from a key whose point is not on its curve, or whose modulus is none", () => {
    const { tpm, key, verify, signature } = signed(eccTemplate(SIGNS), ECDSA);
    if (key.publicArea.type !== TPM_ALG.ECC) throw new TypeError("not an ECC key");
    const off = { ...key.publicArea, unique: { ...key.publicArea.unique, y: key.publicArea.unique.x } };
    expect(verify({ signature }, givenObject(tpm, off)).text).toBe("TPM_RC_SIGNATURE (parameter 2)");
    const unique = new Uint8Array(256);
    unique[0] = 0x80;
    const even = givenObject(tpm, { ...rsaTemplate(SIGNS), unique });
    const sig = new Uint8Array(256).fill(1);
    const given = { sigAlg: TPM_ALG.RSASSA, signature: { hash: SHA256, sig } };
    expect(verify({ signature: given }, even).text).toBe("TPM_RC_SIGNATURE (parameter 2)");
    expect(tpm.faults).toEqual([]);
  });
});
