import { EMPTY, encode, fromHex, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_ECC_CURVE, TPM_ST } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPMS_CREATION_DATA } from "../../spec/structures/index.ts";
import { hash, hmac, text } from "../../testing/caller-crypto.ts";
import {
  AES_128,
  AES_KEY,
  AES_STORAGE,
  creationInput,
  DERIVATION_PARENT,
  ECC_SIGNING,
  ECC_STORAGE,
  HMAC_KEY,
  loaded,
  primary,
  RSA_SIGNING,
  RSA_STORAGE,
  SEALED,
  withAttributes,
} from "../../testing/templates.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { HashSequenceStart } from "../hash-hmac-event-sequences/HashSequenceStart.ts";
import { Create } from "./Create.ts";
import { Unseal } from "./Unseal.ts";

const ECDSA = { scheme: TPM_ALG.ECDSA, details: { hashAlg: TPM_ALG.SHA256 } };
const XOR = { scheme: TPM_ALG.XOR, details: { hashAlg: TPM_ALG.SHA256, kdf: TPM_ALG.KDF1_SP800_108 } };
const weakTdes = fromHex("0101010101010101".repeat(2));

describe("TPM2_Create", () => {
  test.each([
    ["an ECC storage key", ECC_STORAGE],
    ["an RSA storage key", RSA_STORAGE],
    ["a symmetric storage key", AES_STORAGE],
    ["an ECC key that signs", ECC_SIGNING],
    ["an RSA key that signs", RSA_SIGNING],
    ["an HMAC key", HMAC_KEY],
    ["a derivation parent", DERIVATION_PARENT],
    ["an AES key", AES_KEY],
    ["a TDES key", { ...AES_KEY, parameters: { sym: { ...AES_128, algorithm: TPM_ALG.TDES, keyBits: 192 } } }],
  ])("makes %s that loads under its parent", (_name, template) => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const { text: outcome, out } = tpm.run(Create, { parentHandle, ...creationInput(template) });
    expect(outcome).toBe("TPM_RC_SUCCESS");
    expect(loaded(tpm, parentHandle, out)).toBe(0x8000_0001);
    // The next one is another.
    const again = tpm.run(Create, { parentHandle, ...creationInput(template) });
    expect(again.out.outPublic.unique).not.toEqual(out.outPublic.unique);
  });

  test("seals data that TPM2_Unseal gives back", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const input = creationInput(SEALED, { data: text("secret"), userAuth: text("auth") });
    const { out } = tpm.run(Create, { parentHandle, ...input });
    expect(toHex(out.outPrivate)).not.toContain(toHex(text("secret")));
    const itemHandle = loaded(tpm, parentHandle, out);
    expect(tpm.run(Unseal, { itemHandle }, ["auth"]).out.outData).toEqual(text("secret"));
  });

  test("tells in what circumstances", () => {
    const tpm = TestTpm.started();
    const parent = primary(tpm);
    const { objectHandle: parentHandle, name: parentName } = parent;
    const selection = [{ hash: TPM_ALG.SHA256, pcrSelect: Uint8Array.of(3, 0, 0) }];
    const input = { ...creationInput(ECC_SIGNING, { outsideInfo: text("outside") }), creationPCR: selection };
    tpm.locality = 3;
    const { out } = tpm.run(Create, { parentHandle, ...input });
    expect(out.creationData).toEqual({
      pcrSelect: selection,
      pcrDigest: hash(TPM_ALG.SHA256, new Uint8Array(64)),
      locality: 8,
      parentNameAlg: TPM_ALG.SHA256,
      parentName,
      parentQualifiedName: qualifiedNameUnderOwner(parentName),
      outsideInfo: text("outside"),
    });
    const creationHash = hash(TPM_ALG.SHA256, encode(TPMS_CREATION_DATA, out.creationData));
    expect(out.creationHash).toEqual(creationHash);
    const name = nameOf(tpm, loaded(tpm, parentHandle, out));
    const { shProof } = tpm.tpm.state.nv.persistent;
    expect(out.creationTicket).toEqual({
      tag: TPM_ST.CREATION,
      hierarchy: TPM_RH.OWNER,
      digest: hmac(TPM_ALG.SHA512, shProof, Uint8Array.of(0x80, 0x21), name, creationHash),
    });
  });

  test("changes nothing in the TPM", () => {
    const tpm = TestTpm.started();
    // A parent protected from dictionary attack leaves a mark when it is used.
    const { objectHandle: parentHandle } = primary(tpm, withAttributes(ECC_STORAGE, { noDA: true }));
    const { nv, ram } = tpm.tpm.state;
    tpm.run(Create, { parentHandle, ...creationInput(ECC_SIGNING) });
    expect(tpm.tpm.state.nv).toBe(nv);
    expect(tpm.tpm.state.ram.objects).toBe(ram.objects);
  });

  test.each([
    ["no data for a sealed object", SEALED, {}, "TPM_RC_ATTRIBUTES (parameter 2)"],
    ["data for a key that the TPM makes", HMAC_KEY, { data: text("x") }, "TPM_RC_ATTRIBUTES (parameter 2)"],
    [
      "data for an asymmetric key",
      withAttributes(ECC_SIGNING, { sensitiveDataOrigin: false }),
      { data: text("x") },
      "TPM_RC_ATTRIBUTES (parameter 2)",
    ],
    [
      "a sealed object of the TPM's own",
      withAttributes(SEALED, { sensitiveDataOrigin: true }),
      {},
      "TPM_RC_ATTRIBUTES (parameter 2)",
    ],
    [
      "a restricted key that the caller knows, for good",
      withAttributes(HMAC_KEY, { sensitiveDataOrigin: false, restricted: true }),
      { data: text("x") },
      "TPM_RC_ATTRIBUTES (parameter 2)",
    ],
    [
      "fixedTPM without fixedParent",
      withAttributes(ECC_SIGNING, { fixedParent: false }),
      {},
      "TPM_RC_ATTRIBUTES (parameter 2)",
    ],
    [
      "fixedTPM with encryptedDuplication",
      withAttributes(ECC_SIGNING, { encryptedDuplication: true }),
      {},
      "TPM_RC_ATTRIBUTES (parameter 2)",
    ],
    [
      "restricted without a use",
      withAttributes(ECC_SIGNING, { restricted: true, decrypt: true }),
      {},
      "TPM_RC_ATTRIBUTES (parameter 2)",
    ],
    [
      "an asymmetric key without a use",
      withAttributes(ECC_SIGNING, { sign: false }),
      {},
      "TPM_RC_ATTRIBUTES (parameter 2)",
    ],
    [
      "a key limited to a firmware",
      withAttributes(ECC_SIGNING, { firmwareLimited: true }),
      {},
      "TPM_RC_ATTRIBUTES (parameter 2)",
    ],
    [
      "a storage key with another hash than its parent",
      { ...ECC_STORAGE, nameAlg: TPM_ALG.SHA384 },
      {},
      "TPM_RC_HASH (parameter 2)",
    ],
    ["a policy of the wrong size", { ...ECC_SIGNING, authPolicy: new Uint8Array(20) }, {}, "TPM_RC_SIZE (parameter 2)"],
    [
      "a signing scheme for a storage key",
      { ...ECC_STORAGE, parameters: { ...ECC_STORAGE.parameters, scheme: ECDSA } },
      {},
      "TPM_RC_SCHEME (parameter 2)",
    ],
    [
      "a restricted signing key without a scheme",
      withAttributes(ECC_SIGNING, { restricted: true }),
      {},
      "TPM_RC_SCHEME (parameter 2)",
    ],
    [
      "a scheme for a key of both uses",
      {
        ...withAttributes(ECC_SIGNING, { decrypt: true }),
        parameters: { ...ECC_SIGNING.parameters, scheme: ECDSA },
      },
      {},
      "TPM_RC_SCHEME (parameter 2)",
    ],
    ["XOR for an HMAC key", { ...HMAC_KEY, parameters: { scheme: XOR } }, {}, "TPM_RC_SCHEME (parameter 2)"],
    [
      "another KDF for a derivation parent",
      {
        ...DERIVATION_PARENT,
        parameters: { scheme: { ...XOR, details: { hashAlg: TPM_ALG.SHA256, kdf: TPM_ALG.MGF1 } } },
      },
      {},
      "TPM_RC_SCHEME (parameter 2)",
    ],
    [
      "CMAC for a cipher",
      { ...AES_KEY, parameters: { sym: { ...AES_128, mode: TPM_ALG.CMAC } } },
      {},
      "TPM_RC_SCHEME (parameter 2)",
    ],
    [
      "a storage key without a cipher",
      { ...ECC_STORAGE, parameters: ECC_SIGNING.parameters },
      {},
      "TPM_RC_SYMMETRIC (parameter 2)",
    ],
    [
      "a storage key with another cipher than its parent",
      { ...ECC_STORAGE, parameters: { ...ECC_STORAGE.parameters, symmetric: { ...AES_128, keyBits: 256 } } },
      {},
      "TPM_RC_SYMMETRIC (parameter 2)",
    ],
    [
      "a signing key with a cipher",
      { ...ECC_SIGNING, parameters: ECC_STORAGE.parameters },
      {},
      "TPM_RC_SYMMETRIC (parameter 2)",
    ],
    [
      "an ECC key with a KDF",
      {
        ...ECC_SIGNING,
        parameters: {
          ...ECC_SIGNING.parameters,
          curveID: TPM_ECC_CURVE.NIST_P256,
          kdf: { scheme: TPM_ALG.KDF1_SP800_56A, details: { hashAlg: TPM_ALG.SHA256 } },
        },
      },
      {},
      "TPM_RC_KDF (parameter 2)",
    ],
    ["an authValue too long", ECC_SIGNING, { userAuth: new Uint8Array(33).fill(1) }, "TPM_RC_SIZE (parameter 1)"],
    [
      "an exponent too small",
      { ...RSA_SIGNING, parameters: { ...RSA_SIGNING.parameters, exponent: 3 } },
      {},
      "TPM_RC_RANGE",
    ],
    [
      "an exponent that is not prime",
      { ...RSA_SIGNING, parameters: { ...RSA_SIGNING.parameters, exponent: 65539 * 3 } },
      {},
      "TPM_RC_RANGE",
    ],
    [
      "an AES key of the wrong size",
      withAttributes(AES_KEY, { sensitiveDataOrigin: false }),
      { data: new Uint8Array(17) },
      "TPM_RC_KEY_SIZE",
    ],
    [
      "a weak TDES key",
      {
        ...withAttributes(AES_KEY, { sensitiveDataOrigin: false }),
        parameters: { sym: { ...AES_128, algorithm: TPM_ALG.TDES } },
      },
      { data: weakTdes },
      "TPM_RC_KEY",
    ],
    [
      "an HMAC key longer than a block",
      withAttributes(HMAC_KEY, { sensitiveDataOrigin: false }),
      { data: new Uint8Array(65) },
      "TPM_RC_SIZE",
    ],
  ])("refuses %s", (_name, template, options, outcome) => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    expect(tpm.run(Create, { parentHandle, ...creationInput(template, options) }).text).toBe(outcome);
  });

  test("a child of a parent that can be duplicated must be so too", () => {
    const tpm = TestTpm.started();
    const free = withAttributes(ECC_STORAGE, { fixedTPM: false, fixedParent: false });
    const { objectHandle: parentHandle } = primary(tpm, free);
    const create = (template: object): string => tpm.run(Create, { parentHandle, ...creationInput(template) }).text;
    expect(create(ECC_SIGNING)).toBe("TPM_RC_ATTRIBUTES (parameter 2)");
    expect(create(withAttributes(ECC_SIGNING, { fixedTPM: false }))).toBe("TPM_RC_SUCCESS");
    expect(create(withAttributes(ECC_SIGNING, { fixedTPM: false, encryptedDuplication: true }))).toBe(
      "TPM_RC_ATTRIBUTES (parameter 2)",
    );
  });

  test.each([
    ["a signing key", ECC_SIGNING],
    ["a derivation parent", DERIVATION_PARENT],
  ])("refuses %s as a parent", (_name, template) => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm, template);
    expect(tpm.run(Create, { parentHandle, ...creationInput(HMAC_KEY) }).text).toBe("TPM_RC_TYPE (handle 1)");
  });

  test("refuses a sequence as a parent", () => {
    const tpm = TestTpm.started();
    const { out } = tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.SHA256 });
    const answer = tpm.run(Create, { parentHandle: out.sequenceHandle, ...creationInput(HMAC_KEY) });
    expect(answer.text).toBe("TPM_RC_TYPE (handle 1)");
  });

  test("needs a free slot, and looks at that before the template", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    primary(tpm);
    primary(tpm);
    expect(tpm.run(Create, { parentHandle, ...creationInput(SEALED) }).text).toBe("TPM_RC_OBJECT_MEMORY");
  });

  test("looks at the template before the authValue", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const input = creationInput(SEALED, { userAuth: new Uint8Array(33).fill(1) });
    expect(tpm.run(Create, { parentHandle, ...input }).text).toBe("TPM_RC_ATTRIBUTES (parameter 2)");
  });
});

function nameOf(tpm: TestTpm, handle: number): Uint8Array {
  return tpm.nameOf(handle);
}

function qualifiedNameUnderOwner(name: Uint8Array): Uint8Array {
  const digest = hash(TPM_ALG.SHA256, Uint8Array.of(0x40, 0, 0, 1), name);
  return Uint8Array.of(0x00, 0x0b, ...digest);
}
