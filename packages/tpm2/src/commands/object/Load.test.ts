import { concatBytes, EMPTY, encode, fromHex, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { Engine } from "../../engine.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM2B_DIGEST, TPM2B_SENSITIVE, TPMT_SENSITIVE } from "../../spec/structures/index.ts";
import { OBJECT_ATTRIBUTES, SLOT } from "../../state/object.ts";
import { nameOfPublic } from "../../subsystems/keys/names.ts";
import { wrapOuter } from "../../subsystems/keys/outer-wrap.ts";
import { hash, hmac, kdfa } from "../../testing/caller-crypto.ts";
import {
  AES_KEY,
  AES_STORAGE,
  type Child,
  child,
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
import { COMMANDS } from "../index.ts";
import { Load } from "./Load.ts";
import { ReadPublic } from "./ReadPublic.ts";

const NOT_FIXED = { fixedTPM: false, fixedParent: false };
const ESCAPE = withAttributes(ECC_STORAGE, NOT_FIXED);

function load(tpm: TestTpm, parentHandle: number, { outPrivate, outPublic }: Child): string {
  return tpm.run(Load, { parentHandle, inPrivate: outPrivate, inPublic: outPublic }).text;
}

/** What a parent would have protected, had it been asked to: any bytes for any public area. */
function forged(tpm: TestTpm, parentHandle: number, publicArea: object, plain: Uint8Array): Child {
  const engine = new Engine(tpm.platform, tpm.tpm.state, COMMANDS);
  const parent = engine.objects.findKey(parentHandle);
  if (parent?.sensitive === undefined) throw new Error("the parent is not loaded");
  const outPublic = publicArea as Child["outPublic"]; // the test gives nothing but public areas
  const seed = parent.sensitive.seedValue;
  const name = nameOfPublic(engine, outPublic);
  return {
    outPrivate: wrapOuter(engine, { protector: parent.publicArea, seed, name, withIv: true }, plain),
    outPublic,
  };
}

describe("TPM2_Load", () => {
  test("loads a child and answers its Name", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const { outPrivate, outPublic } = child(tpm, parentHandle, ECC_SIGNING);
    const { out } = tpm.run(Load, { parentHandle, inPrivate: outPrivate, inPublic: outPublic });
    const known = tpm.run(ReadPublic, { objectHandle: out.objectHandle }).out;
    expect(known.outPublic).toEqual(outPublic);
    expect(toHex(out.name)).toBe(toHex(known.name));
    const parents = tpm.run(ReadPublic, { objectHandle: parentHandle }).out.qualifiedName;
    expect(toHex(known.qualifiedName)).toBe(`000b${toHex(hash(TPM_ALG.SHA256, parents, out.name))}`);
  });

  test("a grandchild is in the hierarchy of its ancestors, and ends with an stClear parent", () => {
    const tpm = TestTpm.started();
    const { objectHandle: root } = primary(tpm, ECC_STORAGE, TPM_RH.ENDORSEMENT);
    const parent = loaded(tpm, root, child(tpm, root, withAttributes(ECC_STORAGE, { stClear: true })));
    const handle = loaded(tpm, parent, child(tpm, parent, ECC_SIGNING));
    const object = tpm.tpm.state.ram.objects.get(handle);
    expect(object).toMatchObject({ kind: SLOT.KEY, hierarchy: TPM_RH.ENDORSEMENT, seedCompatLevel: 1 });
    expect(object?.attributes).toBe(OBJECT_ATTRIBUTES.of({ epsHierarchy: true, stClear: true }));
  });

  test("under an object of the NULL hierarchy everything is temporary", () => {
    const tpm = TestTpm.started();
    const { objectHandle: root } = primary(tpm, ECC_STORAGE, TPM_RH.NULL);
    const handle = loaded(tpm, root, child(tpm, root, ECC_STORAGE));
    const attributes = OBJECT_ATTRIBUTES.of({ temporary: true, isParent: true });
    expect(tpm.tpm.state.ram.objects.get(handle)?.attributes).toBe(attributes);
  });

  test("works under a symmetric parent", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm, AES_STORAGE);
    expect(load(tpm, parentHandle, child(tpm, parentHandle, HMAC_KEY))).toBe("TPM_RC_SUCCESS");
  });

  test("needs a free slot, and looks at that first", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const blob = child(tpm, parentHandle, ECC_SIGNING);
    primary(tpm);
    primary(tpm);
    expect(load(tpm, parentHandle, { ...blob, outPrivate: EMPTY })).toBe("TPM_RC_OBJECT_MEMORY");
  });

  test("refuses an empty private area before it looks at the parent", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const blob = child(tpm, parentHandle, ECC_SIGNING);
    const { objectHandle: other } = primary(tpm, ECC_SIGNING);
    expect(load(tpm, other, { ...blob, outPrivate: EMPTY })).toBe("TPM_RC_SIZE (parameter 1)");
    expect(load(tpm, other, blob)).toBe("TPM_RC_TYPE (handle 1)");
  });

  test.each([
    ["a derivation parent", DERIVATION_PARENT],
    ["data", SEALED],
  ])("refuses %s as a parent", (_name, template) => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const blob = child(tpm, parentHandle, ECC_SIGNING);
    const data = template === SEALED ? { data: Uint8Array.of(1) } : {};
    const { objectHandle: other } = primary(tpm, template, TPM_RH.OWNER, data);
    expect(load(tpm, other, blob)).toBe("TPM_RC_TYPE (handle 1)");
  });

  test("refuses a sequence as a parent", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const blob = child(tpm, parentHandle, ECC_SIGNING);
    const { out } = tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.SHA256 });
    expect(load(tpm, out.sequenceHandle, blob)).toBe("TPM_RC_TYPE (handle 1)");
  });

  test.each([
    ["another parent's child", (blob: Child) => blob, true, "TPM_RC_INTEGRITY (parameter 1)"],
    [
      "a public area that was changed",
      ({ outPrivate, outPublic }: Child) => ({ outPrivate, outPublic: withAttributes(outPublic, { noDA: true }) }),
      false,
      "TPM_RC_INTEGRITY (parameter 1)",
    ],
    [
      "a private area that was changed",
      ({ outPrivate, outPublic }: Child) => ({
        outPrivate: outPrivate.map((b, i) => (i === 60 ? 255 - b : b)),
        outPublic,
      }),
      false,
      "TPM_RC_INTEGRITY (parameter 1)",
    ],
    [
      "an integrity value that ends too early",
      ({ outPrivate, outPublic }: Child) => ({ outPrivate: outPrivate.slice(0, 20), outPublic }),
      false,
      "TPM_RC_INSUFFICIENT (parameter 1)",
    ],
    [
      "an integrity value that is too long",
      ({ outPublic }: Child) => ({ outPrivate: concatBytes(Uint8Array.of(0, 65), new Uint8Array(70)), outPublic }),
      false,
      "TPM_RC_SIZE (parameter 1)",
    ],
  ])("refuses %s", (_name, change, elsewhere, outcome) => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const blob = change(child(tpm, parentHandle, ECC_SIGNING));
    const other = primary(tpm, ECC_STORAGE, TPM_RH.ENDORSEMENT).objectHandle;
    expect(load(tpm, elsewhere ? other : parentHandle, blob)).toBe(outcome);
  });

  const key = new Uint8Array(16).fill(7);
  const seedValue = new Uint8Array(32).fill(9);
  const aes = { sensitiveType: TPM_ALG.SYMCIPHER, authValue: EMPTY, seedValue, sensitive: key } as const;
  const aesPublic = { ...withAttributes(AES_KEY, NOT_FIXED), unique: hash(TPM_ALG.SHA256, seedValue, key) };
  const prime = new Uint8Array(128).fill(0xff);
  const rsa = { sensitiveType: TPM_ALG.RSA, authValue: EMPTY, seedValue: EMPTY, sensitive: prime } as const;
  const rsaPublic = { ...withAttributes(RSA_SIGNING, NOT_FIXED), unique: new Uint8Array(256).fill(0xfe) };
  const ecc = { sensitiveType: TPM_ALG.ECC, authValue: EMPTY, seedValue: EMPTY, sensitive: Uint8Array.of(1) } as const;
  const eccPublic = { ...withAttributes(ECC_SIGNING, NOT_FIXED), unique: { x: Uint8Array.of(1), y: Uint8Array.of(1) } };
  const tdesPublic = {
    ...aesPublic,
    parameters: { sym: { algorithm: TPM_ALG.TDES, keyBits: 128, mode: TPM_ALG.CFB } },
  };
  const badSchemes = { scheme: { scheme: TPM_ALG.HMAC, details: { hashAlg: TPM_ALG.SHA256 } } };

  test.each<readonly [name: string, publicArea: object, sensitive: TPMT_SENSITIVE, outcome: string]>([
    ["nothing wrong with an AES key", aesPublic, aes, "TPM_RC_SUCCESS"],
    ["a seed too long", aesPublic, { ...aes, seedValue: new Uint8Array(33) }, "TPM_RC_KEY_SIZE (parameter 1)"],
    ["a seed too short", aesPublic, { ...aes, seedValue: new Uint8Array(31) }, "TPM_RC_KEY_SIZE (parameter 1)"],
    ["a key of the wrong size", aesPublic, { ...aes, sensitive: new Uint8Array(15) }, "TPM_RC_KEY_SIZE (parameter 1)"],
    ["a weak TDES key", tdesPublic, { ...aes, sensitive: new Uint8Array(16).fill(1) }, "TPM_RC_KEY (parameter 1)"],
    ["another key", aesPublic, { ...aes, sensitive: new Uint8Array(16) }, "TPM_RC_BINDING"],
    ["fixedTPM", withAttributes(aesPublic, { fixedTPM: true }), aes, "TPM_RC_ATTRIBUTES (parameter 2)"],
    ["a policy of the wrong size", { ...aesPublic, authPolicy: new Uint8Array(4) }, aes, "TPM_RC_SIZE (parameter 2)"],
    [
      "a scheme that does not fit",
      { ...withAttributes(HMAC_KEY, { ...NOT_FIXED, sign: false }), parameters: badSchemes },
      aes,
      "TPM_RC_SCHEME (parameter 2)",
    ],
    [
      "a storage key that stays with a parent of another hash",
      withAttributes({ ...AES_STORAGE, nameAlg: TPM_ALG.SHA384 }, { fixedTPM: false }),
      aes,
      "TPM_RC_HASH (parameter 2)",
    ],
    [
      "a storage key that stays with a parent of another cipher",
      {
        ...withAttributes(AES_STORAGE, { fixedTPM: false }),
        parameters: { sym: { ...AES_STORAGE.parameters.sym, keyBits: 256 } },
      },
      aes,
      "TPM_RC_SYMMETRIC (parameter 2)",
    ],
    [
      "an ECC key with a KDF",
      {
        ...eccPublic,
        parameters: {
          ...eccPublic.parameters,
          kdf: { scheme: TPM_ALG.MGF1, details: { hashAlg: TPM_ALG.SHA256 } },
        },
      },
      ecc,
      "TPM_RC_KDF (parameter 2)",
    ],
    ["a private area of another type", eccPublic, aes, "TPM_RC_TYPE (parameter 1)"],
    ["an ECC key that is not the public one's", eccPublic, ecc, "TPM_RC_BINDING"],
    ["an ECC key that is zero", eccPublic, { ...ecc, sensitive: EMPTY }, "TPM_RC_KEY_SIZE"],
    ["an ECC key above the order", eccPublic, { ...ecc, sensitive: new Uint8Array(32).fill(255) }, "TPM_RC_KEY_SIZE"],
    ["a modulus of the wrong size", { ...rsaPublic, unique: new Uint8Array(8) }, rsa, "TPM_RC_KEY (parameter 2)"],
    ["a modulus too small", { ...rsaPublic, unique: new Uint8Array(256) }, rsa, "TPM_RC_KEY (parameter 2)"],
    [
      "an exponent too small",
      { ...rsaPublic, parameters: { ...rsaPublic.parameters, exponent: 3 } },
      rsa,
      "TPM_RC_VALUE (parameter 2)",
    ],
    ["a prime of the wrong size", rsaPublic, { ...rsa, sensitive: prime.slice(1) }, "TPM_RC_KEY_SIZE (parameter 1)"],
    ["a prime of another modulus", rsaPublic, rsa, "TPM_RC_BINDING"],
    [
      "a storage key with a short seed",
      { ...ESCAPE, unique: p256() },
      { ...ecc, seedValue: new Uint8Array(15) },
      "TPM_RC_SIZE (parameter 1)",
    ],
    [
      "a storage key with half a seed",
      { ...ESCAPE, unique: p256() },
      { ...ecc, seedValue: new Uint8Array(16) },
      "TPM_RC_SUCCESS",
    ],
  ])("under a parent that is not fixedTPM, %s", (_name, publicArea, sensitive, outcome) => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm, ESCAPE);
    expect(load(tpm, parentHandle, forged(tpm, parentHandle, publicArea, encode(TPM2B_SENSITIVE, sensitive)))).toBe(
      outcome,
    );
  });

  test.each([
    ["of another size than it says", Uint8Array.of(0, 3, 0, 0)],
    ["of no type", Uint8Array.of(0, 2, 0, 0)],
    [
      "with something behind it",
      concatBytes(Uint8Array.of(0, 25), encode(TPMT_SENSITIVE, { ...aes, seedValue: EMPTY }), Uint8Array.of(0)),
    ],
  ])("refuses a sensitive area %s, without a position", (_name, plain) => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    expect(load(tpm, parentHandle, forged(tpm, parentHandle, aesPublic, plain))).toBe("TPM_RC_SENSITIVE");
  });

  test("refuses an IV of another size than a block", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const engine = new Engine(tpm.platform, tpm.tpm.state, COMMANDS);
    const parent = engine.objects.findKey(parentHandle);
    if (parent?.sensitive === undefined) throw new Error("the parent is not loaded");
    const outPublic = aesPublic as Child["outPublic"];
    const integrityKey = kdfa(TPM_ALG.SHA256, parent.sensitive.seedValue, "INTEGRITY", EMPTY, EMPTY, 32);
    const body = Uint8Array.of(0, 1, 0, 1, 2, 3);
    const integrity = hmac(TPM_ALG.SHA256, integrityKey, body, nameOfPublic(engine, outPublic));
    const outPrivate = concatBytes(encode(TPM2B_DIGEST, integrity), body);
    expect(load(tpm, parentHandle, { outPrivate, outPublic })).toBe("TPM_RC_VALUE (parameter 1)");
  });

  test("trusts what a fixedTPM parent has protected", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const plain = encode(TPM2B_SENSITIVE, { ...aes, sensitive: new Uint8Array(16) });
    const ours = withAttributes(AES_KEY, {});
    expect(load(tpm, parentHandle, forged(tpm, parentHandle, ours, plain))).toBe("TPM_RC_SUCCESS");
  });
});

/** The point of P-256 with the private key 1, which is the generator. */
function p256(): { readonly x: Uint8Array; readonly y: Uint8Array } {
  return {
    x: fromHex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
    y: fromHex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
  };
}
