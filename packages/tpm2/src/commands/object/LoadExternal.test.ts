import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { OBJECT_ATTRIBUTES } from "../../state/object.ts";
import { hash } from "../../testing/caller-crypto.ts";
import { givenStateClear } from "../../testing/given.ts";
import {
  AES_KEY,
  ECC_SIGNING,
  ECC_STORAGE,
  HMAC_KEY,
  primary,
  RSA_SIGNING,
  withAttributes,
} from "../../testing/templates.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { LoadExternal } from "./LoadExternal.ts";
import { ReadPublic } from "./ReadPublic.ts";

const FREE = { fixedTPM: false, fixedParent: false };
const key = new Uint8Array(16).fill(7);
const seedValue = new Uint8Array(32).fill(9);
const aes = { sensitiveType: TPM_ALG.SYMCIPHER, authValue: EMPTY, seedValue, sensitive: key };
const aesPublic = { ...withAttributes(AES_KEY, FREE), unique: hash(TPM_ALG.SHA256, seedValue, key) };
const hmacPublic = withAttributes(HMAC_KEY, FREE);
const hmacKey = { sensitiveType: TPM_ALG.KEYEDHASH, authValue: EMPTY, seedValue, sensitive: key };
const rsaPublic = { ...RSA_SIGNING, unique: new Uint8Array(256).fill(0xfe) };
const none = undefined;

function load(tpm: TestTpm, inPublic: object, inPrivate: object | undefined, hierarchy: number = TPM_RH.NULL) {
  return tpm.run(LoadExternal, { inPrivate, inPublic, hierarchy });
}

describe("TPM2_LoadExternal", () => {
  test("loads a public key into any hierarchy; it has no ancestors", () => {
    const tpm = TestTpm.started();
    const { outPublic } = primary(tpm, ECC_STORAGE);
    const { out } = load(tpm, outPublic, none, TPM_RH.ENDORSEMENT);
    const known = tpm.run(ReadPublic, { objectHandle: out.objectHandle }).out;
    expect(known).toEqual({ outPublic, name: out.name, qualifiedName: out.name });
    const object = tpm.tpm.state.ram.objects.get(out.objectHandle);
    expect(object).toMatchObject({ hierarchy: TPM_RH.ENDORSEMENT, sensitive: undefined, seedCompatLevel: 0 });
    expect(object?.attributes).toBe(
      OBJECT_ATTRIBUTES.of({ epsHierarchy: true, primary: true, publicOnly: true, external: true }),
    );
  });

  test("an object without nameAlg has no Name", () => {
    const tpm = TestTpm.started();
    const { out } = load(tpm, { ...aesPublic, nameAlg: TPM_ALG.NULL, unique: EMPTY }, { ...aes, seedValue: EMPTY });
    expect(out.name).toEqual(EMPTY);
    const { objectHandle } = out;
    expect(tpm.run(ReadPublic, { objectHandle }).out).toMatchObject({ name: EMPTY, qualifiedName: EMPTY });
  });

  test("needs a free slot, and looks at that first", () => {
    const tpm = TestTpm.started();
    for (let i = 0; i < 3; i++) expect(load(tpm, aesPublic, aes).rc).toBe(0);
    expect(load(tpm, aesPublic, aes, TPM_RH.OWNER).text).toBe("TPM_RC_OBJECT_MEMORY");
  });

  test("refuses a disabled hierarchy", () => {
    const tpm = TestTpm.started();
    givenStateClear(tpm, { shEnable: 0 });
    expect(load(tpm, aesPublic, none, TPM_RH.OWNER).text).toBe("TPM_RC_HIERARCHY (parameter 3)");
  });

  test.each<readonly [name: string, publicArea: object, sensitive: object | undefined, outcome: string]>([
    ["nothing wrong with an AES key", aesPublic, aes, "TPM_RC_SUCCESS"],
    ["fixedTPM", withAttributes(aesPublic, { fixedTPM: true }), aes, "TPM_RC_ATTRIBUTES (parameter 2)"],
    ["fixedParent", withAttributes(aesPublic, { fixedParent: true }), aes, "TPM_RC_ATTRIBUTES (parameter 2)"],
    ["restricted", withAttributes(aesPublic, { restricted: true }), aes, "TPM_RC_ATTRIBUTES (parameter 2)"],
    ["a policy of the wrong size", { ...aesPublic, authPolicy: new Uint8Array(4) }, aes, "TPM_RC_SIZE (parameter 2)"],
    ["a key without a use", withAttributes(ECC_SIGNING, { sign: false }), none, "TPM_RC_KEY (parameter 2)"],
    ["a private area of another type", aesPublic, hmacKey, "TPM_RC_TYPE (parameter 1)"],
    ["an authValue too long", aesPublic, { ...aes, authValue: new Uint8Array(33) }, "TPM_RC_SIZE (parameter 1)"],
    ["a seed too long", aesPublic, { ...aes, seedValue: new Uint8Array(33) }, "TPM_RC_KEY_SIZE (parameter 1)"],
    ["a key of the wrong size", aesPublic, { ...aes, sensitive: EMPTY }, "TPM_RC_KEY_SIZE (parameter 1)"],
    [
      "an HMAC key longer than a block",
      hmacPublic,
      { ...hmacKey, sensitive: new Uint8Array(65) },
      "TPM_RC_KEY_SIZE (parameter 1)",
    ],
    ["another key", aesPublic, { ...aes, sensitive: new Uint8Array(16) }, "TPM_RC_BINDING"],
    [
      "a weak TDES key",
      { ...aesPublic, parameters: { sym: { algorithm: TPM_ALG.TDES, keyBits: 128, mode: TPM_ALG.CFB } } },
      { ...aes, sensitive: new Uint8Array(16).fill(1) },
      "TPM_RC_KEY (parameter 1)",
    ],
    ["a unique that is no digest", { ...aesPublic, unique: EMPTY }, none, "TPM_RC_KEY (parameter 2)"],
    ["a modulus", rsaPublic, none, "TPM_RC_SUCCESS"],
    ["a modulus of the wrong size", { ...rsaPublic, unique: EMPTY }, none, "TPM_RC_KEY (parameter 2)"],
    [
      "an exponent too small",
      { ...rsaPublic, parameters: { ...rsaPublic.parameters, exponent: 5 } },
      none,
      "TPM_RC_VALUE (parameter 2)",
    ],
    [
      "a point of the wrong size",
      { ...ECC_SIGNING, unique: { x: new Uint8Array(31), y: new Uint8Array(32) } },
      none,
      "TPM_RC_KEY (parameter 2)",
    ],
    [
      "a point that is not on the curve",
      { ...ECC_SIGNING, unique: { x: new Uint8Array(32), y: new Uint8Array(32) } },
      none,
      "TPM_RC_ECC_POINT (parameter 2)",
    ],
    [
      "a scheme that does not fit",
      { ...HMAC_KEY, parameters: { scheme: { scheme: TPM_ALG.NULL } } },
      none,
      "TPM_RC_SCHEME (parameter 2)",
    ],
    [
      "a cipher without need",
      { ...ECC_SIGNING, parameters: ECC_STORAGE.parameters },
      none,
      "TPM_RC_SYMMETRIC (parameter 2)",
    ],
    [
      "an ECC key with a KDF",
      {
        ...ECC_SIGNING,
        parameters: { ...ECC_SIGNING.parameters, kdf: { scheme: TPM_ALG.MGF1, details: { hashAlg: TPM_ALG.SHA256 } } },
      },
      none,
      "TPM_RC_KDF (parameter 2)",
    ],
    [
      "an ECC key out of range",
      withAttributes(ECC_SIGNING, FREE),
      { ...aes, sensitiveType: TPM_ALG.ECC, seedValue: EMPTY, sensitive: EMPTY },
      "TPM_RC_KEY_SIZE",
    ],
  ])("%s", (_name, publicArea, sensitive, outcome) => {
    expect(load(TestTpm.started(), publicArea, sensitive).text).toBe(outcome);
  });

  test("a private part belongs to the NULL hierarchy, and that is checked before anything in it", () => {
    const tpm = TestTpm.started();
    const bad = withAttributes(aesPublic, { fixedTPM: true });
    expect(load(tpm, bad, aes, TPM_RH.OWNER).text).toBe("TPM_RC_HIERARCHY (parameter 3)");
  });
});
