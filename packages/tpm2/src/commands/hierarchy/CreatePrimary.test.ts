import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { errorResponse } from "../../dispatch/response.ts";
import { TPM_ALG, TPM_ST } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { OBJECT_ATTRIBUTES } from "../../state/object.ts";
import { hmac, text } from "../../testing/caller-crypto.ts";
import { givenStateClear } from "../../testing/given.ts";
import {
  AES_KEY,
  creationInput,
  ECC_SIGNING,
  ECC_STORAGE,
  HMAC_KEY,
  primary,
  RSA_SIGNING,
  SEALED,
  withAttributes,
} from "../../testing/templates.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { Clear } from "./Clear.ts";
import { CreatePrimary } from "./CreatePrimary.ts";

describe("TPM2_CreatePrimary", () => {
  test.each([
    ["owner", TPM_RH.OWNER, { spsHierarchy: true, primary: true }],
    ["endorsement", TPM_RH.ENDORSEMENT, { epsHierarchy: true, primary: true }],
    ["platform", TPM_RH.PLATFORM, { ppsHierarchy: true, primary: true }],
    ["NULL", TPM_RH.NULL, { temporary: true }],
  ] as const)("in the %s hierarchy the same template gives the same object", (_name, hierarchy, attributes) => {
    const tpm = TestTpm.started();
    const first = primary(tpm, ECC_STORAGE, hierarchy);
    const second = primary(tpm, ECC_STORAGE, hierarchy, { userAuth: text("auth"), outsideInfo: text("outside") });
    expect(second.outPublic).toEqual(first.outPublic);
    const { objects, stateReset } = tpm.tpm.state.ram;
    expect(objects.get(first.objectHandle)?.attributes).toBe(OBJECT_ATTRIBUTES.of({ ...attributes, isParent: true }));
    expect(objects.get(first.objectHandle)).toMatchObject({ hierarchy });
    const { ehProof, phProof, shProof } = tpm.tpm.state.nv.persistent;
    const proofs = { owner: shProof, endorsement: ehProof, platform: phProof, NULL: stateReset.nullProof };
    const message = [Uint8Array.of(0x80, 0x21), first.name, first.creationHash];
    expect(first.creationTicket).toEqual({
      tag: TPM_ST.CREATION,
      hierarchy,
      digest: hmac(TPM_ALG.SHA512, proofs[_name], ...message),
    });
  });

  test("searches for the primes of an RSA key once, as long as the seed stays", () => {
    const tpm = TestTpm.started();
    let command = EMPTY;
    tpm.send = (bytes) => {
      command = bytes;
      return tpm.tpm.execute(bytes);
    };
    const first = primary(tpm, RSA_SIGNING);
    const create = command;
    const again = tpm.tpm.begin(create);
    const [before, after] = [...tpm.tpm.state.ram.objects.values()];
    expect(again.done).toBe(true);
    expect(after).toEqual(before);
    expect(primary(tpm, RSA_SIGNING, TPM_RH.OWNER, { outsideInfo: text("outside") }).outPublic).toEqual(
      first.outPublic,
    );

    tpm.run(Clear, { authHandle: TPM_RH.LOCKOUT });
    const cleared = tpm.tpm.begin(create);
    expect(cleared.done).toBe(false);
    if (!cleared.done) cleared.cancel();
  });

  test("names the hierarchy as parent in the creation data", () => {
    const { creationData } = primary(TestTpm.started(), ECC_STORAGE, TPM_RH.PLATFORM);
    const handle = Uint8Array.of(0x40, 0, 0, 0x0c);
    expect(creationData).toMatchObject({
      parentNameAlg: TPM_ALG.NULL,
      parentName: handle,
      parentQualifiedName: handle,
      locality: 1,
    });
  });

  test("another seed gives another object; a NULL seed lasts until the next TPM Reset", () => {
    const tpm = TestTpm.started();
    const owners = primary(tpm).name;
    const before = primary(tpm, ECC_STORAGE, TPM_RH.NULL).name;
    expect(before).not.toEqual(owners);
    tpm.powerOn();
    expect(primary(tpm).name).toEqual(owners);
    expect(primary(tpm, ECC_STORAGE, TPM_RH.NULL).name).not.toEqual(before);
  });

  test("pads the authValue, so that zeros at its end do not count", () => {
    const tpm = TestTpm.started();
    const userAuth = Uint8Array.of(1, 2, 0, 0);
    const { objectHandle } = primary(tpm, ECC_STORAGE, TPM_RH.OWNER, { userAuth });
    const authValue = new Uint8Array(32);
    authValue.set([1, 2]);
    expect(tpm.tpm.state.ram.objects.get(objectHandle)).toMatchObject({ sensitive: { authValue } });
  });

  test("needs a free slot, and looks at that before the template", () => {
    const tpm = TestTpm.started();
    for (let i = 0; i < 3; i++) primary(tpm);
    const answer = tpm.run(CreatePrimary, { primaryHandle: TPM_RH.OWNER, ...creationInput(SEALED) });
    expect(answer.text).toBe("TPM_RC_OBJECT_MEMORY");
  });

  test("needs an enabled hierarchy", () => {
    const tpm = TestTpm.started();
    givenStateClear(tpm, { ehEnable: 0 });
    const answer = tpm.run(CreatePrimary, { primaryHandle: TPM_RH.ENDORSEMENT, ...creationInput(ECC_STORAGE) });
    expect(answer.text).toBe("TPM_RC_HIERARCHY (handle 1)");
  });

  const free = { sensitiveDataOrigin: false };
  test.each([
    ["no data for a sealed object", SEALED, {}, "TPM_RC_ATTRIBUTES (parameter 2)"],
    ["fixedTPM alone", withAttributes(ECC_STORAGE, { fixedParent: false }), {}, "TPM_RC_ATTRIBUTES (parameter 2)"],
    ["a policy of the wrong size", { ...ECC_STORAGE, authPolicy: text("x") }, {}, "TPM_RC_SIZE (parameter 2)"],
    [
      "a scheme that does not fit",
      { ...HMAC_KEY, parameters: { scheme: { scheme: TPM_ALG.NULL } } },
      {},
      "TPM_RC_SCHEME (parameter 2)",
    ],
    [
      "a cipher without need",
      { ...ECC_SIGNING, parameters: ECC_STORAGE.parameters },
      {},
      "TPM_RC_SYMMETRIC (parameter 2)",
    ],
    [
      "an ECC key with a KDF",
      {
        ...ECC_SIGNING,
        parameters: { ...ECC_SIGNING.parameters, kdf: { scheme: TPM_ALG.MGF1, details: { hashAlg: TPM_ALG.SHA256 } } },
      },
      {},
      "TPM_RC_KDF (parameter 2)",
    ],
    ["an authValue too long", ECC_STORAGE, { userAuth: new Uint8Array(33).fill(1) }, "TPM_RC_SIZE (parameter 1)"],
    [
      "an exponent too small",
      { ...RSA_SIGNING, parameters: { ...RSA_SIGNING.parameters, exponent: 3 } },
      {},
      "TPM_RC_RANGE",
    ],
    ["an AES key of the wrong size", withAttributes(AES_KEY, free), { data: text("x") }, "TPM_RC_KEY_SIZE"],
    [
      "a weak TDES key",
      {
        ...withAttributes(AES_KEY, free),
        parameters: { sym: { algorithm: TPM_ALG.TDES, keyBits: 128, mode: TPM_ALG.CFB } },
      },
      { data: new Uint8Array(16).fill(1) },
      "TPM_RC_KEY",
    ],
    ["an HMAC key longer than a block", withAttributes(HMAC_KEY, free), { data: new Uint8Array(65) }, "TPM_RC_SIZE"],
  ])("refuses %s", (_name, template, options, outcome) => {
    const tpm = TestTpm.started();
    const input = creationInput(template, options);
    expect(tpm.run(CreatePrimary, { primaryHandle: TPM_RH.OWNER, ...input }).text).toBe(outcome);
    expect(tpm.tpm.state.ram.objects.size).toBe(0);
  });

  test("a host may run the prime search elsewhere, or give it up", () => {
    const tpm = TestTpm.started();
    primary(tpm);
    const input = { primaryHandle: TPM_RH.OWNER, ...creationInput(RSA_SIGNING) };
    const before = tpm.tpm.state.ram.objects;
    const { send } = tpm;
    let command = EMPTY;
    tpm.send = (bytes) => {
      command = bytes;
      return errorResponse(TPM_RC.CANCELED);
    };
    tpm.run(CreatePrimary, input);
    tpm.send = send;
    const step = tpm.tpm.begin(command);
    if (step.done) throw new Error("expected a job");
    expect(step.job).toMatchObject({ kind: "rsaKey", keyBits: 2048, exponent: 65537, level: 1, sign: true });
    expect(step.cancel()).toEqual(Uint8Array.of(0x80, 1, 0, 0, 0, 10, 0, 0, 0x09, 0x09));
    expect(tpm.tpm.state.ram.objects.size).toBe(before.size);
  });
});
