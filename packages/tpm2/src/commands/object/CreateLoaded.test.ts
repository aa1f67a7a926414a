import { type Bytes, concatBytes, EMPTY, encode, fromHex, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPMS_DERIVE, TPMT_PUBLIC, TPMT_PUBLIC_DERIVE } from "../../spec/structures/index.ts";
import { OBJECT_ATTRIBUTES, SLOT } from "../../state/object.ts";
import { kdfa, text } from "../../testing/caller-crypto.ts";
import {
  AES_KEY,
  type CreateOptions,
  DERIVATION_PARENT,
  ECC_SIGNING,
  ECC_STORAGE,
  HMAC_KEY,
  loaded,
  primary,
  RSA_SIGNING,
  SEALED,
  withAttributes,
} from "../../testing/templates.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { HashSequenceStart } from "../hash-hmac-event-sequences/HashSequenceStart.ts";
import { CreateLoaded } from "./CreateLoaded.ts";
import { ObjectChangeAuth } from "./ObjectChangeAuth.ts";

const NO_LABEL = { label: EMPTY, context: EMPTY };
const DERIVED = { sensitiveDataOrigin: false };

function createLoaded(tpm: TestTpm, parentHandle: number, inPublic: Bytes, options: CreateOptions = {}) {
  const { userAuth = EMPTY, data = EMPTY } = options;
  return tpm.run(CreateLoaded, { parentHandle, inSensitive: { userAuth, data }, inPublic });
}

const template = (publicArea: TPMT_PUBLIC): Bytes => encode(TPMT_PUBLIC, publicArea);
const derivation = (publicArea: TPMT_PUBLIC, unique: TPMS_DERIVE = NO_LABEL): Bytes =>
  encode(TPMT_PUBLIC_DERIVE, { ...publicArea, unique } as TPMT_PUBLIC_DERIVE); // the parts in front of `unique` are the same

function secretOf(tpm: TestTpm, handle: number): Bytes {
  const object = tpm.tpm.state.ram.objects.get(handle);
  if (object?.kind !== SLOT.KEY || object.sensitive === undefined) throw new Error("no key");
  return object.sensitive.sensitive;
}

describe("TPM2_CreateLoaded", () => {
  test("makes an ordinary object that is loaded, and can be loaded again", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const { text: outcome, out } = createLoaded(tpm, parentHandle, template(ECC_SIGNING));
    expect(outcome).toBe("TPM_RC_SUCCESS");
    expect(toHex(tpm.nameOf(out.objectHandle))).toBe(toHex(out.name));
    expect(toHex(tpm.nameOf(loaded(tpm, parentHandle, out)))).toBe(toHex(out.name));
  });

  test("makes the same primary object as TPM2_CreatePrimary", () => {
    const tpm = TestTpm.started();
    const expected = primary(tpm, ECC_STORAGE, TPM_RH.ENDORSEMENT);
    const { out } = createLoaded(tpm, TPM_RH.ENDORSEMENT, template(ECC_STORAGE));
    expect(out).toMatchObject({ name: expected.name, outPublic: expected.outPublic, outPrivate: EMPTY });
    const { objects } = tpm.tpm.state.ram;
    expect(objects.get(out.objectHandle)).toEqual(objects.get(expected.objectHandle));
  });

  test("derives objects that are never kept outside, not even with another authValue", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm, DERIVATION_PARENT);
    const { out } = createLoaded(tpm, parentHandle, derivation(withAttributes(HMAC_KEY, DERIVED)));
    const input = { objectHandle: out.objectHandle, parentHandle, newAuth: text("new") };
    expect(tpm.run(ObjectChangeAuth, input).text).toBe("TPM_RC_TYPE (handle 2)");
  });

  test("derives the same object for the same label and context", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm, DERIVATION_PARENT);
    const unique = { label: text("label"), context: text("context") };
    const publicArea = withAttributes(HMAC_KEY, DERIVED);
    const { out } = createLoaded(tpm, parentHandle, derivation(publicArea, unique));
    const stream = kdfa(TPM_ALG.SHA256, secretOf(tpm, parentHandle), "label", text("context"), EMPTY, 1024);
    expect(toHex(secretOf(tpm, out.objectHandle))).toBe(toHex(stream.slice(0, 32)));
    expect(out.outPrivate).toEqual(EMPTY);
    const object = tpm.tpm.state.ram.objects.get(out.objectHandle);
    expect(object).toMatchObject({ sensitive: { seedValue: stream.slice(32, 64) } });
    expect(object?.attributes).toBe(OBJECT_ATTRIBUTES.of({ spsHierarchy: true }));

    // The label may come as sensitive data; that of the template goes first.
    const data = encode(TPMS_DERIVE, { label: text("label"), context: text("other") });
    const half = derivation(publicArea, { label: EMPTY, context: text("context") });
    expect(createLoaded(tpm, parentHandle, half, { data }).out.name).toEqual(out.name);
  });

  test.each([
    ["a signing key", ECC_SIGNING],
    ["data", SEALED],
  ])("refuses %s as a parent", (_name, parentTemplate) => {
    const tpm = TestTpm.started();
    const data = parentTemplate === SEALED ? text("x") : EMPTY;
    const { objectHandle } = primary(tpm, parentTemplate, TPM_RH.OWNER, { data });
    expect(createLoaded(tpm, objectHandle, EMPTY).text).toBe("TPM_RC_TYPE (handle 1)");
  });

  test("refuses a sequence as a parent", () => {
    const tpm = TestTpm.started();
    const { out } = tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.SHA256 });
    expect(createLoaded(tpm, out.sequenceHandle, EMPTY).text).toBe("TPM_RC_TYPE (handle 1)");
  });

  test("needs a free slot, and looks at that before the template", () => {
    const tpm = TestTpm.started();
    for (let i = 0; i < 3; i++) primary(tpm);
    expect(createLoaded(tpm, TPM_RH.OWNER, EMPTY).text).toBe("TPM_RC_OBJECT_MEMORY");
  });

  const long = new Uint8Array(33).fill(1);
  test.each<readonly [name: string, inPublic: Bytes, options: CreateOptions, outcome: string]>([
    ["no template", EMPTY, {}, "TPM_RC_INSUFFICIENT (parameter 2)"],
    ["an unknown type", Uint8Array.of(0, 6, 0, 11), {}, "TPM_RC_TYPE (parameter 2)"],
    ["more than a template", concatBytes(template(ECC_SIGNING), Uint8Array.of(0)), {}, "TPM_RC_SIZE (parameter 2)"],
    ["an authValue too long, before bad attributes", template(SEALED), { userAuth: long }, "TPM_RC_SIZE (parameter 1)"],
    ["no data for a sealed object", template(SEALED), {}, "TPM_RC_ATTRIBUTES (parameter 2)"],
    [
      "a storage key of another hash",
      template({ ...ECC_STORAGE, nameAlg: TPM_ALG.SHA384 }),
      {},
      "TPM_RC_HASH (parameter 2)",
    ],
    ["a policy of the wrong size", template({ ...ECC_SIGNING, authPolicy: long }), {}, "TPM_RC_SIZE (parameter 2)"],
    [
      "a scheme that does not fit",
      template({ ...HMAC_KEY, parameters: { scheme: { scheme: TPM_ALG.NULL } } }),
      {},
      "TPM_RC_SCHEME (parameter 2)",
    ],
    [
      "a cipher without need",
      template({ ...ECC_SIGNING, parameters: ECC_STORAGE.parameters }),
      {},
      "TPM_RC_SYMMETRIC (parameter 2)",
    ],
    [
      "an ECC key with a KDF",
      template({
        ...ECC_SIGNING,
        parameters: { ...ECC_SIGNING.parameters, kdf: { scheme: TPM_ALG.MGF1, details: { hashAlg: TPM_ALG.SHA256 } } },
      }),
      {},
      "TPM_RC_KDF (parameter 2)",
    ],
    [
      "an exponent too small",
      template({ ...RSA_SIGNING, parameters: { ...RSA_SIGNING.parameters, exponent: 17 } }),
      {},
      "TPM_RC_RANGE",
    ],
    [
      "an AES key of the wrong size",
      template(withAttributes(AES_KEY, { sensitiveDataOrigin: false })),
      { data: text("short") },
      "TPM_RC_KEY_SIZE",
    ],
    [
      "a weak TDES key",
      template({
        ...withAttributes(AES_KEY, { sensitiveDataOrigin: false }),
        parameters: { sym: { algorithm: TPM_ALG.TDES, keyBits: 128, mode: TPM_ALG.CFB } },
      }),
      { data: fromHex("01".repeat(16)) },
      "TPM_RC_KEY",
    ],
    [
      "an HMAC key longer than a block",
      template(withAttributes(HMAC_KEY, { sensitiveDataOrigin: false })),
      { data: new Uint8Array(65) },
      "TPM_RC_SIZE",
    ],
  ])("refuses %s", (_name, inPublic, options, outcome) => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    expect(createLoaded(tpm, parentHandle, inPublic, options).text).toBe(outcome);
  });

  test.each<readonly [name: string, publicArea: TPMT_PUBLIC, data: Bytes, outcome: string]>([
    ["an ECC key", withAttributes(ECC_SIGNING, DERIVED), EMPTY, "TPM_RC_SUCCESS"],
    ["an AES key", withAttributes(AES_KEY, DERIVED), EMPTY, "TPM_RC_SUCCESS"],
    ["an RSA key", RSA_SIGNING, EMPTY, "TPM_RC_TYPE (parameter 2)"],
    ["a secret of the TPM's own", HMAC_KEY, EMPTY, "TPM_RC_ATTRIBUTES"],
    [
      "less than its parent's attributes",
      withAttributes(HMAC_KEY, { ...DERIVED, fixedTPM: false }),
      EMPTY,
      "TPM_RC_ATTRIBUTES (parameter 2)",
    ],
    ["half a label", withAttributes(HMAC_KEY, DERIVED), Uint8Array.of(0), "TPM_RC_INSUFFICIENT"],
    ["a label too long", withAttributes(HMAC_KEY, DERIVED), Uint8Array.of(0, 33), "TPM_RC_SIZE"],
  ])("derives %s", (_name, publicArea, data, outcome) => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm, DERIVATION_PARENT);
    expect(createLoaded(tpm, parentHandle, derivation(publicArea), { data }).text).toBe(outcome);
  });
});
