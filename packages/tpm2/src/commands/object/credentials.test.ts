import { concatBytes, EMPTY, encode, UINT16 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPMS_ECC_POINT } from "../../spec/structures/index.ts";
import { text } from "../../testing/caller-crypto.ts";
import { givenImpossibleKey } from "../../testing/given.ts";
import {
  AES_STORAGE,
  ECC_SIGNING,
  ECC_STORAGE,
  primary,
  RSA_STORAGE,
  withAttributes,
} from "../../testing/templates.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { FlushContext } from "../context-management/FlushContext.ts";
import { HashSequenceStart } from "../hash-hmac-event-sequences/HashSequenceStart.ts";
import { ActivateCredential } from "./ActivateCredential.ts";
import { LoadExternal } from "./LoadExternal.ts";
import { MakeCredential } from "./MakeCredential.ts";

function setUp(template: object = ECC_STORAGE) {
  const tpm = TestTpm.started();
  const { objectHandle: keyHandle, outPublic } = primary(tpm, template, TPM_RH.ENDORSEMENT);
  const { objectHandle: activateHandle, name: objectName } = primary(tpm, ECC_SIGNING);
  const make = (credential: Uint8Array, handle = keyHandle) =>
    tpm.run(MakeCredential, { handle, credential, objectName });
  const { credentialBlob, secret } = make(text("credential")).out;
  const activate = (changes: object = {}) =>
    tpm.run(ActivateCredential, { activateHandle, keyHandle, credentialBlob, secret, ...changes });
  return { tpm, keyHandle, outPublic, activateHandle, make, activate, credentialBlob, secret };
}

describe("TPM2_MakeCredential", () => {
  test.each([
    ["a key that signs", ECC_SIGNING],
    ["a key that decrypts anything", withAttributes({ ...ECC_SIGNING }, { sign: false, decrypt: true })],
    ["a symmetric storage key", AES_STORAGE],
  ])("refuses %s", (_name, template) => {
    const tpm = TestTpm.started();
    const { objectHandle: handle } = primary(tpm, template);
    const answer = tpm.run(MakeCredential, { handle, credential: EMPTY, objectName: EMPTY });
    expect(answer.text).toBe("TPM_RC_TYPE (handle 1)");
  });

  test("refuses a sequence", () => {
    const tpm = TestTpm.started();
    const { out } = tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.SHA256 });
    const answer = tpm.run(MakeCredential, { handle: out.sequenceHandle, credential: EMPTY, objectName: EMPTY });
    expect(answer.text).toBe("TPM_RC_TYPE (handle 1)");
  });

  test("takes a credential no longer than a digest", () => {
    const { make } = setUp();
    expect(make(new Uint8Array(32)).text).toBe("TPM_RC_SUCCESS");
    expect(make(new Uint8Array(33)).text).toBe("TPM_RC_SIZE (parameter 1)");
  });

  test("needs a modulus that is large enough for the digest", () => {
    const tpm = TestTpm.started();
    const template = {
      ...RSA_STORAGE,
      nameAlg: TPM_ALG.SHA512,
      parameters: { ...RSA_STORAGE.parameters, keyBits: 1024 },
    };
    const { objectHandle: handle } = primary(tpm, template);
    const answer = tpm.run(MakeCredential, { handle, credential: EMPTY, objectName: EMPTY });
    expect(answer.text).toBe("TPM_RC_FAILURE");
    expect(tpm.faults).toEqual([]);
  });

  test("refuses a key without nameAlg, and a point that is not on its curve", () => {
    const { tpm, outPublic, make } = setUp();
    const nameless = { ...outPublic, nameAlg: TPM_ALG.NULL };
    const external = (inPublic: object): number =>
      tpm.run(LoadExternal, { inPrivate: undefined, inPublic, hierarchy: TPM_RH.NULL }).out.objectHandle;
    const answers = [nameless, { ...nameless, unique: { x: new Uint8Array(32), y: new Uint8Array(32) } }].map((key) => {
      const handle = external(key);
      const { text: outcome } = make(EMPTY, handle);
      tpm.run(FlushContext, { flushHandle: handle });
      return outcome;
    });
    expect(answers).toEqual(["TPM_RC_VALUE", "TPM_RC_KEY"]);
  });
});

describe("TPM2_ActivateCredential", () => {
  test.each([
    ["an ECC key", ECC_STORAGE],
    ["an RSA key", RSA_STORAGE],
    ["an ECC key of another size", { ...ECC_STORAGE, nameAlg: TPM_ALG.SHA384 }],
  ])("opens the credential with %s", (_name, template) => {
    expect(setUp(template).activate().out.certInfo).toEqual(text("credential"));
  });

  test("the key may be loaded with its public part only when the credential is made", () => {
    const { tpm, keyHandle, outPublic, make } = setUp();
    const { out } = tpm.run(LoadExternal, { inPrivate: undefined, inPublic: outPublic, hierarchy: TPM_RH.NULL });
    const made = make(text("x"), out.objectHandle).out;
    const handles = { activateHandle: 0x8000_0001, keyHandle };
    expect(tpm.run(ActivateCredential, { ...handles, ...made }).out.certInfo).toEqual(text("x"));
  });

  test.each<readonly [name: string, changes: (parts: ReturnType<typeof setUp>) => object, outcome: string]>([
    ["a key that signs", ({ activateHandle }) => ({ keyHandle: activateHandle }), "TPM_RC_TYPE (handle 2)"],
    ["another object", ({ keyHandle }) => ({ activateHandle: keyHandle }), "TPM_RC_INTEGRITY (parameter 1)"],
    [
      "a credential that was changed",
      ({ credentialBlob }) => ({
        credentialBlob: credentialBlob.map((b: number, i: number) => (i === 40 ? 255 - b : b)),
      }),
      "TPM_RC_INTEGRITY (parameter 1)",
    ],
    ["a credential without integrity", () => ({ credentialBlob: EMPTY }), "TPM_RC_INSUFFICIENT (parameter 1)"],
    [
      "an integrity value that is too long",
      () => ({ credentialBlob: concatBytes(encode(UINT16, 65), new Uint8Array(65)) }),
      "TPM_RC_SIZE (parameter 1)",
    ],
    ["no point", () => ({ secret: EMPTY }), "TPM_RC_INSUFFICIENT (parameter 2)"],
    [
      "a point that is too long",
      () => ({ secret: concatBytes(encode(UINT16, 81), new Uint8Array(81)) }),
      "TPM_RC_SIZE (parameter 2)",
    ],
    [
      "a point that is not on the curve",
      () => ({ secret: encode(TPMS_ECC_POINT, { x: Uint8Array.of(1), y: Uint8Array.of(1) }) }),
      "TPM_RC_ECC_POINT (parameter 2)",
    ],
    [
      "another point",
      ({ outPublic }) => ({
        secret: outPublic.type === TPM_ALG.ECC ? encode(TPMS_ECC_POINT, outPublic.unique) : EMPTY,
      }),
      "TPM_RC_INTEGRITY (parameter 1)",
    ],
  ])("refuses %s", (_name, changes, outcome) => {
    const parts = setUp();
    expect(parts.activate(changes(parts)).text).toBe(outcome);
  });

  test.each<readonly [name: string, secret: Uint8Array, outcome: string]>([
    ["a ciphertext of the wrong size", new Uint8Array(255), "TPM_RC_SIZE (parameter 2)"],
    ["a ciphertext above the modulus", new Uint8Array(256).fill(255), "TPM_RC_VALUE (parameter 2)"],
    ["a ciphertext with wrong padding", new Uint8Array(256).fill(1), "TPM_RC_VALUE (parameter 2)"],
  ])("with an RSA key refuses %s", (_name, secret, outcome) => {
    expect(setUp(RSA_STORAGE).activate({ secret }).text).toBe(outcome);
  });

  test("refuses a key of which nothing can come", () => {
    const { tpm, keyHandle, activate } = setUp();
    givenImpossibleKey(tpm, keyHandle);
    expect(activate().text).toBe("TPM_RC_NO_RESULT");
  });

  test("what follows the point does not count, as in libtpms", () => {
    const { activate, secret } = setUp();
    expect(activate({ secret: concatBytes(secret, Uint8Array.of(1, 2)) }).text).toBe("TPM_RC_SUCCESS");
  });
});
