import { type Bytes, concatBytes, EMPTY, encode, toHex, UINT16 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM2B_SENSITIVE, TPMS_ECC_POINT, type TPMT_PUBLIC } from "../../spec/structures/index.ts";
import { SLOT } from "../../state/object.ts";
import { hash, saltForRsa, text } from "../../testing/caller-crypto.ts";
import { givenImpossibleKey } from "../../testing/given.ts";
import { extended, noPolicy } from "../../testing/policy-digests.ts";
import { startPolicy } from "../../testing/start-session.ts";
import {
  AES_128,
  AES_STORAGE,
  child,
  ECC_SIGNING,
  ECC_STORAGE,
  HMAC_KEY,
  loaded,
  primary,
  RSA_STORAGE,
  SEALED,
  withAttributes,
} from "../../testing/templates.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { FlushContext } from "../context-management/FlushContext.ts";
import { PolicyCommandCode } from "../enhanced-authorization/PolicyCommandCode.ts";
import { LoadExternal } from "../object/LoadExternal.ts";
import { Unseal } from "../object/Unseal.ts";
import { Duplicate } from "./Duplicate.ts";
import { Import } from "./Import.ts";
import { Rewrap } from "./Rewrap.ts";

const NO_CIPHER = { algorithm: TPM_ALG.NULL };
const DUPLICABLE = {
  ...withAttributes(SEALED, { fixedTPM: false, fixedParent: false, userWithAuth: true }),
  authPolicy: extended(noPolicy(), TPM_CC.PolicyCommandCode, encodeCode(TPM_CC.Duplicate)),
};

function encodeCode(code: number): Bytes {
  return Uint8Array.of(0, 0, Math.floor(code / 256), code % 256);
}

/** A TPM with a data object that can be duplicated; its parent is gone to leave a slot for a new parent. */
function setUp(template: TPMT_PUBLIC = DUPLICABLE) {
  const tpm = TestTpm.started();
  const { objectHandle: root } = primary(tpm);
  const data = text("payload");
  const blob = child(tpm, root, template, { data, userAuth: text("auth") });
  const loadedHandle = loaded(tpm, root, blob);
  return { tpm, root, objectHandle: loadedHandle, outPublic: blob.outPublic };
}

interface Options {
  readonly newParentHandle?: number;
  readonly encryptionKeyIn?: Bytes;
  readonly symmetricAlg?: object;
}

function duplicate(tpm: TestTpm, objectHandle: number, options: Options = {}) {
  const session = startPolicy(tpm);
  tpm.run(PolicyCommandCode, { policySession: session.handle, code: TPM_CC.Duplicate });
  const input = { newParentHandle: TPM_RH.NULL, encryptionKeyIn: EMPTY, symmetricAlg: NO_CIPHER, ...options };
  const answer = tpm.run(Duplicate, { objectHandle, ...input }, [session]);
  tpm.run(FlushContext, { flushHandle: session.handle });
  return answer;
}

function importInput(objectPublic: object, changes: object = {}) {
  const none = { encryptionKey: EMPTY, duplicate: EMPTY, inSymSeed: EMPTY, symmetricAlg: NO_CIPHER };
  return { objectPublic, ...none, ...changes };
}

describe("TPM2_Duplicate and TPM2_Import", () => {
  test.each([
    ["an ECC parent", ECC_STORAGE, NO_CIPHER, EMPTY],
    ["an RSA parent", RSA_STORAGE, NO_CIPHER, EMPTY],
    [
      "an ECC parent of another hash and cipher",
      {
        ...ECC_STORAGE,
        nameAlg: TPM_ALG.SHA384,
        parameters: { ...ECC_STORAGE.parameters, symmetric: { ...AES_128, keyBits: 256 } },
      },
      NO_CIPHER,
      EMPTY,
    ],
    ["an ECC parent, encrypted inside with a key of the TPM's", ECC_STORAGE, AES_128, EMPTY],
    [
      "an ECC parent, encrypted inside with a key of the caller's",
      ECC_STORAGE,
      AES_128,
      text("sixteen bytes....").slice(0, 16),
    ],
  ])("bring an object to %s", (_name, parentTemplate, symmetricAlg, encryptionKeyIn) => {
    const { tpm, root, objectHandle, outPublic } = setUp();
    tpm.run(FlushContext, { flushHandle: root });
    const { objectHandle: newParentHandle } = primary(tpm, parentTemplate, TPM_RH.ENDORSEMENT);
    const { text: outcome, out } = duplicate(tpm, objectHandle, { newParentHandle, symmetricAlg, encryptionKeyIn });
    expect(outcome).toBe("TPM_RC_SUCCESS");
    const isKeyMade = symmetricAlg.algorithm !== TPM_ALG.NULL && encryptionKeyIn.length === 0;
    expect(out.encryptionKeyOut.length).toBe(isKeyMade ? 16 : 0);
    const encryptionKey = isKeyMade ? out.encryptionKeyOut : encryptionKeyIn;
    const changes = { encryptionKey, duplicate: out.duplicate, inSymSeed: out.outSymSeed, symmetricAlg };
    const imported = tpm.run(Import, { parentHandle: newParentHandle, ...importInput(outPublic, changes) });
    expect(imported.text).toBe("TPM_RC_SUCCESS");
    const itemHandle = loaded(tpm, newParentHandle, { outPrivate: imported.out.outPrivate, outPublic });
    expect(tpm.run(Unseal, { itemHandle }, ["auth"]).out.outData).toEqual(text("payload"));
  });

  test("without any wrap the sensitive area is in the clear, its authValue padded", () => {
    const { tpm, objectHandle } = setUp();
    const object = tpm.tpm.state.ram.objects.get(objectHandle);
    if (object?.kind !== SLOT.KEY) throw new Error("no key");
    const { out } = duplicate(tpm, objectHandle);
    expect(toHex(out.duplicate)).toBe(toHex(encode(TPM2B_SENSITIVE, object.sensitive)));
    expect(out).toMatchObject({ encryptionKeyOut: EMPTY, outSymSeed: EMPTY });
  });

  test("an inner wrap holds a digest of the sensitive area with the Name", () => {
    const { tpm, objectHandle } = setUp();
    const key = new Uint8Array(16).fill(5);
    const plain = duplicate(tpm, objectHandle).out.duplicate;
    const { out } = duplicate(tpm, objectHandle, { symmetricAlg: AES_128, encryptionKeyIn: key });
    const inner = tpm.platform.crypto.decrypt("AES", "CFB", key, new Uint8Array(16), out.duplicate).data;
    const digest = hash(TPM_ALG.SHA256, plain, tpm.nameOf(objectHandle));
    expect(toHex(inner)).toBe(toHex(concatBytes(encode(UINT16, 32), digest, plain)));
  });
});

describe("TPM2_Duplicate", () => {
  test("needs a policy for it", () => {
    const { tpm, objectHandle } = setUp();
    const input = { objectHandle, newParentHandle: TPM_RH.NULL, encryptionKeyIn: EMPTY, symmetricAlg: NO_CIPHER };
    expect(tpm.run(Duplicate, input, ["auth"]).text).toBe("TPM_RC_AUTH_TYPE");
  });

  test.each<readonly [name: string, template: TPMT_PUBLIC, options: Options | "signing", outcome: string]>([
    [
      "an object that stays with its parent",
      withAttributes(DUPLICABLE, { fixedTPM: true, fixedParent: true }),
      {},
      "TPM_RC_ATTRIBUTES (handle 1)",
    ],
    ["a new parent that is no storage key", DUPLICABLE, "signing", "TPM_RC_TYPE (handle 2)"],
    [
      "no inner wrap where there must be one",
      withAttributes(DUPLICABLE, { encryptedDuplication: true }),
      {},
      "TPM_RC_SYMMETRIC (parameter 2)",
    ],
    [
      "no new parent where there must be one",
      withAttributes(DUPLICABLE, { encryptedDuplication: true }),
      { symmetricAlg: AES_128 },
      "TPM_RC_HIERARCHY (handle 2)",
    ],
    ["a key without a cipher", DUPLICABLE, { encryptionKeyIn: new Uint8Array(16) }, "TPM_RC_SIZE (parameter 1)"],
    [
      "a key of the wrong size",
      DUPLICABLE,
      { symmetricAlg: AES_128, encryptionKeyIn: new Uint8Array(17) },
      "TPM_RC_SIZE (parameter 1)",
    ],
  ])("refuses %s", (_name, template, options, outcome) => {
    const { tpm, objectHandle } = setUp(template);
    const other = options === "signing" ? { newParentHandle: primary(tpm, ECC_SIGNING).objectHandle } : options;
    expect(duplicate(tpm, objectHandle, other).text).toBe(outcome);
  });

  // Each row has the mistakes of the rows below it, too, as far as they go together.
  test.each<
    readonly [
      name: string,
      attributes: object,
      parent: "signing" | "none" | "broken",
      symmetricAlg: object,
      outcome: string,
    ]
  >([
    [
      "that the object stays",
      { fixedTPM: true, fixedParent: true },
      "signing",
      NO_CIPHER,
      "TPM_RC_ATTRIBUTES (handle 1)",
    ],
    ["the new parent", { encryptedDuplication: true }, "signing", NO_CIPHER, "TPM_RC_TYPE (handle 2)"],
    ["no inner wrap", { encryptedDuplication: true }, "none", NO_CIPHER, "TPM_RC_SYMMETRIC (parameter 2)"],
    ["no outer wrap", { encryptedDuplication: true }, "none", AES_128, "TPM_RC_HIERARCHY (handle 2)"],
    ["the size of the inner key", {}, "broken", AES_128, "TPM_RC_SIZE (parameter 1)"],
    ["a point off the curve", {}, "broken", { ...AES_128, keyBits: 256 }, "TPM_RC_KEY"],
  ])("of several mistakes tells %s", (_name, attributes, parent, symmetricAlg, outcome) => {
    const { tpm, objectHandle } = setUp(withAttributes(DUPLICABLE, attributes));
    const broken = { ...ECC_STORAGE, nameAlg: TPM_ALG.NULL, unique: { x: new Uint8Array(32), y: new Uint8Array(32) } };
    const newParentHandle =
      parent === "none"
        ? TPM_RH.NULL
        : parent === "signing"
          ? primary(tpm, ECC_SIGNING).objectHandle
          : tpm.run(LoadExternal, { inPrivate: undefined, inPublic: broken, hierarchy: TPM_RH.NULL }).out.objectHandle;
    const options = { newParentHandle, symmetricAlg, encryptionKeyIn: new Uint8Array(32) };
    expect(duplicate(tpm, objectHandle, options).text).toBe(outcome);
  });

  test("refuses a new parent that cannot be encrypted to", () => {
    const { tpm, objectHandle } = setUp();
    const { outPublic } = primary(tpm, { ...RSA_STORAGE, parameters: { ...RSA_STORAGE.parameters, keyBits: 1024 } });
    tpm.run(FlushContext, { flushHandle: 0x8000_0002 });
    const withParent = (inPublic: object): string => {
      const { out } = tpm.run(LoadExternal, { inPrivate: undefined, inPublic, hierarchy: TPM_RH.NULL });
      const { text: outcome } = duplicate(tpm, objectHandle, { newParentHandle: out.objectHandle });
      tpm.run(FlushContext, { flushHandle: out.objectHandle });
      return outcome;
    };
    expect(withParent({ ...outPublic, nameAlg: TPM_ALG.SHA512 })).toBe("TPM_RC_FAILURE");
    expect(withParent({ ...outPublic, nameAlg: TPM_ALG.NULL })).toBe("TPM_RC_VALUE");
    const unique = { x: new Uint8Array(32), y: new Uint8Array(32) };
    expect(withParent({ ...ECC_STORAGE, nameAlg: TPM_ALG.NULL, unique })).toBe("TPM_RC_KEY");
    expect(tpm.faults).toEqual([]);
  });
});

describe("TPM2_Import", () => {
  /** An object that nobody has wrapped. */
  const seedValue = new Uint8Array(32).fill(3);
  const key = text("hmac key");
  const publicArea = {
    ...withAttributes(HMAC_KEY, { fixedTPM: false, fixedParent: false, sensitiveDataOrigin: false }),
    unique: hash(TPM_ALG.SHA256, seedValue, key),
  };
  const sensitive = { sensitiveType: TPM_ALG.KEYEDHASH, authValue: EMPTY, seedValue, sensitive: key } as const;
  const plain = encode(TPM2B_SENSITIVE, sensitive);
  const encrypted = withAttributes(publicArea, { encryptedDuplication: true });
  const eccPublic = {
    ...withAttributes(ECC_SIGNING, { fixedTPM: false, fixedParent: false }),
    unique: { x: EMPTY, y: EMPTY },
  };
  const eccPrivate = { sensitiveType: TPM_ALG.ECC, authValue: EMPTY, seedValue: EMPTY, sensitive: EMPTY } as const;

  test.each<readonly [name: string, objectPublic: object, changes: object, outcome: string]>([
    ["nothing wrong with an HMAC key", publicArea, {}, "TPM_RC_SUCCESS"],
    ["fixedTPM", withAttributes(publicArea, { fixedTPM: true }), {}, "TPM_RC_ATTRIBUTES (parameter 2)"],
    ["fixedParent", withAttributes(publicArea, { fixedParent: true }), {}, "TPM_RC_ATTRIBUTES (parameter 2)"],
    ["a key without a cipher", publicArea, { encryptionKey: new Uint8Array(16) }, "TPM_RC_SIZE (parameter 1)"],
    ["a cipher without a key", publicArea, { symmetricAlg: AES_128 }, "TPM_RC_SIZE (parameter 1)"],
    ["no inner wrap where there must be one", encrypted, {}, "TPM_RC_ATTRIBUTES (parameter 1)"],
    [
      "no outer wrap where there must be one",
      encrypted,
      { symmetricAlg: AES_128, encryptionKey: new Uint8Array(16) },
      "TPM_RC_ATTRIBUTES (parameter 4)",
    ],
    ["no point", publicArea, { inSymSeed: Uint8Array.of(0) }, "TPM_RC_INSUFFICIENT (parameter 4)"],
    [
      "a point that is too long",
      publicArea,
      { inSymSeed: concatBytes(encode(UINT16, 81), new Uint8Array(90)) },
      "TPM_RC_SIZE (parameter 4)",
    ],
    [
      "a point that is not on the curve",
      publicArea,
      { inSymSeed: encode(TPMS_ECC_POINT, { x: Uint8Array.of(1), y: Uint8Array.of(1) }) },
      "TPM_RC_ECC_POINT (parameter 4)",
    ],
    [
      "a broken inner wrap",
      publicArea,
      { symmetricAlg: AES_128, encryptionKey: new Uint8Array(16), duplicate: EMPTY },
      "TPM_RC_INSUFFICIENT (parameter 3)",
    ],
    ["no sensitive area", publicArea, { duplicate: EMPTY }, "TPM_RC_INSUFFICIENT (parameter 3)"],
    ["a wrong size", publicArea, { duplicate: plain.slice(0, -1) }, "TPM_RC_SIZE (parameter 3)"],
    [
      "more than a sensitive area",
      publicArea,
      { duplicate: concatBytes(encode(UINT16, plain.length - 1), plain.slice(2), Uint8Array.of(0)) },
      "TPM_RC_SIZE (parameter 3)",
    ],
    ["a policy of the wrong size", { ...publicArea, authPolicy: key }, {}, "TPM_RC_SIZE (parameter 2)"],
    [
      "a scheme that does not fit",
      { ...publicArea, parameters: { scheme: { scheme: TPM_ALG.NULL } } },
      {},
      "TPM_RC_SCHEME (parameter 2)",
    ],
    ["a private area of another type", eccPublic, {}, "TPM_RC_TYPE (parameter 3)"],
    [
      "a cipher without need",
      { ...eccPublic, parameters: ECC_STORAGE.parameters },
      { duplicate: encode(TPM2B_SENSITIVE, eccPrivate) },
      "TPM_RC_SYMMETRIC (parameter 2)",
    ],
    [
      "an ECC key with a KDF",
      {
        ...eccPublic,
        parameters: { ...eccPublic.parameters, kdf: { scheme: TPM_ALG.MGF1, details: { hashAlg: TPM_ALG.SHA256 } } },
      },
      { duplicate: encode(TPM2B_SENSITIVE, eccPrivate) },
      "TPM_RC_KDF (parameter 2)",
    ],
    ["an ECC key out of range", eccPublic, { duplicate: encode(TPM2B_SENSITIVE, eccPrivate) }, "TPM_RC_KEY_SIZE"],
    [
      "a modulus of the wrong size",
      withAttributes(
        { ...RSA_STORAGE, parameters: { ...RSA_STORAGE.parameters } },
        { fixedTPM: false, fixedParent: false },
      ),
      { duplicate: encode(TPM2B_SENSITIVE, { ...eccPrivate, sensitiveType: TPM_ALG.RSA }) },
      "TPM_RC_KEY (parameter 2)",
    ],
    [
      "an HMAC key longer than a block",
      publicArea,
      { duplicate: encode(TPM2B_SENSITIVE, { ...sensitive, sensitive: new Uint8Array(65) }) },
      "TPM_RC_KEY_SIZE (parameter 3)",
    ],
    [
      "an authValue too long",
      publicArea,
      { duplicate: encode(TPM2B_SENSITIVE, { ...sensitive, authValue: new Uint8Array(33) }) },
      "TPM_RC_SIZE (parameter 3)",
    ],
    [
      "another key",
      publicArea,
      { duplicate: encode(TPM2B_SENSITIVE, { ...sensitive, sensitive: text("other") }) },
      "TPM_RC_BINDING",
    ],
  ])("%s", (_name, objectPublic, changes, outcome) => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const input = importInput(objectPublic, { duplicate: plain, ...changes });
    expect(tpm.run(Import, { parentHandle, ...input }).text).toBe(outcome);
  });

  test("a prime or an exponent that cannot be, and a weak TDES key", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm);
    const free = { fixedTPM: false, fixedParent: false };
    const run = (objectPublic: object, secret: Parameters<typeof TPM2B_SENSITIVE.write>[1]): string =>
      tpm.run(Import, {
        parentHandle,
        ...importInput(objectPublic, { duplicate: encode(TPM2B_SENSITIVE, secret) }),
      }).text;
    const rsa = withAttributes({ ...RSA_STORAGE, unique: new Uint8Array(256).fill(0xfe) }, free);
    const small = { ...rsa, parameters: { ...rsa.parameters, exponent: 5 } };
    const prime = {
      ...eccPrivate,
      sensitiveType: TPM_ALG.RSA,
      sensitive: new Uint8Array(128).fill(255),
      seedValue,
    } as const;
    expect(run(small, prime)).toBe("TPM_RC_VALUE (parameter 2)");
    expect(run(rsa, prime)).toBe("TPM_RC_BINDING");
    const tdes = withAttributes(
      { ...AES_STORAGE, parameters: { sym: { algorithm: TPM_ALG.TDES, keyBits: 128, mode: TPM_ALG.CFB } } },
      free,
    );
    const weak = {
      sensitiveType: TPM_ALG.SYMCIPHER,
      authValue: EMPTY,
      seedValue,
      sensitive: new Uint8Array(16),
    } as const;
    expect(run(tdes, weak)).toBe("TPM_RC_KEY (parameter 3)");
  });

  test("refuses a parent of which nothing can come", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle, outPublic } = primary(tpm);
    if (outPublic.type !== TPM_ALG.ECC) throw new TypeError("not an ECC key");
    givenImpossibleKey(tpm, parentHandle);
    const inSymSeed = encode(TPMS_ECC_POINT, outPublic.unique);
    const input = importInput(publicArea, { duplicate: plain, inSymSeed });
    expect(tpm.run(Import, { parentHandle, ...input }).text).toBe("TPM_RC_NO_RESULT");
  });

  test("refuses a parent that is no storage key, and a symmetric one for a seed", () => {
    const tpm = TestTpm.started();
    const { objectHandle: signing } = primary(tpm, ECC_SIGNING);
    const { objectHandle: symmetric } = primary(tpm, AES_STORAGE);
    const run = (parentHandle: number, changes: object): string =>
      tpm.run(Import, { parentHandle, ...importInput(publicArea, { duplicate: plain, ...changes }) }).text;
    expect(run(signing, {})).toBe("TPM_RC_TYPE (handle 1)");
    expect(run(symmetric, {})).toBe("TPM_RC_SUCCESS");
    expect(run(symmetric, { inSymSeed: text("seed") })).toBe("TPM_RC_TYPE (handle 1)");
  });

  test("refuses a duplicate for another parent, for another object, or changed", () => {
    const { tpm, root, objectHandle, outPublic } = setUp();
    const { out } = duplicate(tpm, objectHandle, { newParentHandle: root });
    const changes = { duplicate: out.duplicate, inSymSeed: out.outSymSeed };
    const run = (parentHandle: number, area: object, more: object = {}): string =>
      tpm.run(Import, { parentHandle, ...importInput(area, { ...changes, ...more }) }).text;
    expect(run(root, outPublic)).toBe("TPM_RC_SUCCESS");
    expect(run(root, withAttributes(outPublic, { noDA: true }))).toBe("TPM_RC_INTEGRITY (parameter 3)");
    const broken = out.duplicate.map((b: number, i: number) => (i === 40 ? 255 - b : b));
    expect(run(root, outPublic, { duplicate: broken })).toBe("TPM_RC_INTEGRITY (parameter 3)");
    const { objectHandle: other } = primary(tpm, ECC_STORAGE, TPM_RH.ENDORSEMENT);
    expect(run(other, outPublic)).toBe("TPM_RC_INTEGRITY (parameter 3)");
  });

  test("with an RSA parent, a seed that cannot be decrypted", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle } = primary(tpm, RSA_STORAGE);
    const run = (inSymSeed: Bytes): string =>
      tpm.run(Import, { parentHandle, ...importInput(publicArea, { duplicate: plain, inSymSeed }) }).text;
    expect(run(new Uint8Array(255))).toBe("TPM_RC_SIZE (parameter 4)");
    expect(run(new Uint8Array(256).fill(1))).toBe("TPM_RC_VALUE (parameter 4)");
  });

  test("with an RSA parent, a seed of no bytes stands for no outer wrap", () => {
    const tpm = TestTpm.started();
    const { objectHandle: parentHandle, outPublic } = primary(tpm, RSA_STORAGE);
    if (outPublic.type !== TPM_ALG.RSA) throw new TypeError("not an RSA key");
    const inSymSeed = saltForRsa(outPublic.unique, TPM_ALG.SHA256, EMPTY, "DUPLICATE");
    const input = importInput(publicArea, { duplicate: plain, inSymSeed });
    expect(tpm.run(Import, { parentHandle, ...input }).text).toBe("TPM_RC_SUCCESS");
  });

  // Each row has the mistakes of the rows below it, too, as far as they go together.
  test.each<readonly [name: string, changes: object, outcome: string]>([
    [
      "an attribute",
      { parent: "signing", attributes: { fixedParent: true }, encryptionKey: key },
      "TPM_RC_ATTRIBUTES (parameter 2)",
    ],
    [
      "the parent",
      { parent: "signing", attributes: { encryptedDuplication: true }, encryptionKey: key },
      "TPM_RC_TYPE (handle 1)",
    ],
    [
      "the size of the inner key",
      { attributes: { encryptedDuplication: true }, encryptionKey: key },
      "TPM_RC_SIZE (parameter 1)",
    ],
    ["no inner wrap", { attributes: { encryptedDuplication: true } }, "TPM_RC_ATTRIBUTES (parameter 1)"],
    [
      "no outer wrap",
      {
        attributes: { encryptedDuplication: true },
        symmetricAlg: AES_128,
        encryptionKey: new Uint8Array(16),
        duplicate: EMPTY,
      },
      "TPM_RC_ATTRIBUTES (parameter 4)",
    ],
    ["a parent for no seed", { parent: "symmetric", inSymSeed: key, duplicate: EMPTY }, "TPM_RC_TYPE (handle 1)"],
    ["the seed", { inSymSeed: key, duplicate: EMPTY }, "TPM_RC_SIZE (parameter 4)"],
    ["the duplicate", { duplicate: EMPTY, authPolicy: key }, "TPM_RC_INSUFFICIENT (parameter 3)"],
    [
      "the seed value",
      { duplicate: encode(TPM2B_SENSITIVE, { ...sensitive, seedValue: new Uint8Array(33) }), authPolicy: key },
      "TPM_RC_KEY_SIZE (parameter 3)",
    ],
    [
      "the public area",
      { duplicate: encode(TPM2B_SENSITIVE, { ...sensitive, sensitive: new Uint8Array(65) }), authPolicy: key },
      "TPM_RC_SIZE (parameter 2)",
    ],
    [
      "the private area",
      { duplicate: encode(TPM2B_SENSITIVE, { ...sensitive, sensitive: new Uint8Array(65) }), unique: key },
      "TPM_RC_KEY_SIZE (parameter 3)",
    ],
  ])("of several mistakes tells %s", (_name, changes, outcome) => {
    const tpm = TestTpm.started();
    const {
      parent,
      attributes = {},
      authPolicy = EMPTY,
      unique = publicArea.unique,
      ...input
    } = changes as {
      readonly parent?: "signing" | "symmetric";
      readonly attributes?: object;
      readonly authPolicy?: Bytes;
      readonly unique?: Bytes;
    };
    const template = parent === "signing" ? ECC_SIGNING : parent === "symmetric" ? AES_STORAGE : ECC_STORAGE;
    const { objectHandle: parentHandle } = primary(tpm, template);
    const objectPublic = { ...withAttributes(publicArea, attributes), authPolicy, unique };
    const answer = tpm.run(Import, { parentHandle, ...importInput(objectPublic, { duplicate: plain, ...input }) });
    expect(answer.text).toBe(outcome);
  });
});

describe("TPM2_Rewrap", () => {
  function rewrapSetUp() {
    const { tpm, root, objectHandle, outPublic } = setUp();
    const name = tpm.nameOf(objectHandle);
    const { out } = duplicate(tpm, objectHandle, { newParentHandle: root });
    tpm.run(FlushContext, { flushHandle: objectHandle });
    const { objectHandle: newParent } = primary(tpm, RSA_STORAGE, TPM_RH.ENDORSEMENT);
    const input = { oldParent: root, newParent, inDuplicate: out.duplicate, name, inSymSeed: out.outSymSeed };
    return {
      tpm,
      root,
      newParent,
      outPublic,
      input,
      rewrap: (changes: object = {}) => tpm.run(Rewrap, { ...input, ...changes }),
    };
  }

  test("hands a duplicate from one parent to another", () => {
    const { tpm, newParent, outPublic, rewrap } = rewrapSetUp();
    const { outDuplicate, outSymSeed } = rewrap().out;
    const changes = { duplicate: outDuplicate, inSymSeed: outSymSeed };
    const imported = tpm.run(Import, { parentHandle: newParent, ...importInput(outPublic, changes) });
    const itemHandle = loaded(tpm, newParent, { outPrivate: imported.out.outPrivate, outPublic });
    expect(tpm.run(Unseal, { itemHandle }, ["auth"]).out.outData).toEqual(text("payload"));
  });

  test("takes the outer wrap off, and puts one around what had none", () => {
    const { tpm, root, outPublic, rewrap, newParent } = rewrapSetUp();
    const { outDuplicate, outSymSeed } = rewrap({ newParent: TPM_RH.NULL }).out;
    expect(outSymSeed).toEqual(EMPTY);
    expect(toHex(outDuplicate)).toContain(toHex(text("payload")));
    const again = rewrap({ oldParent: TPM_RH.NULL, newParent: root, inDuplicate: outDuplicate, inSymSeed: EMPTY }).out;
    const changes = { duplicate: again.outDuplicate, inSymSeed: again.outSymSeed };
    expect(tpm.run(Import, { parentHandle: root, ...importInput(outPublic, changes) }).text).toBe("TPM_RC_SUCCESS");
    expect(tpm.run(Import, { parentHandle: newParent, ...importInput(outPublic, changes) }).rc).not.toBe(0);
  });

  test.each<readonly [name: string, changes: (parts: ReturnType<typeof rewrapSetUp>) => object, outcome: string]>([
    ["a parent without a seed", () => ({ inSymSeed: EMPTY }), "TPM_RC_HANDLE (handle 1)"],
    ["a seed without a parent", () => ({ oldParent: TPM_RH.NULL }), "TPM_RC_HANDLE (handle 1)"],
    [
      "an old parent that is no storage key",
      ({ tpm }) => ({ oldParent: primary(tpm, HMAC_KEY).objectHandle }),
      "TPM_RC_TYPE (handle 1)",
    ],
    [
      "a new parent that is no storage key",
      ({ tpm }) => ({ newParent: primary(tpm, HMAC_KEY).objectHandle }),
      "TPM_RC_TYPE (handle 2)",
    ],
    ["a seed that cannot be decrypted", () => ({ inSymSeed: Uint8Array.of(1) }), "TPM_RC_VALUE (parameter 3)"],
    ["another object", () => ({ name: text("name") }), "TPM_RC_INTEGRITY (parameter 1)"],
    ["a duplicate without integrity", () => ({ inDuplicate: EMPTY }), "TPM_RC_INSUFFICIENT (parameter 1)"],
    [
      "an integrity value that is too long",
      () => ({ inDuplicate: concatBytes(encode(UINT16, 65), new Uint8Array(65)) }),
      "TPM_RC_SIZE (parameter 1)",
    ],
    [
      "what would be too long with a wrap",
      () => ({ oldParent: TPM_RH.NULL, inSymSeed: EMPTY, inDuplicate: new Uint8Array(1550) }),
      "TPM_RC_VALUE (parameter 1)",
    ],
  ])("refuses %s", (_name, changes, outcome) => {
    const parts = rewrapSetUp();
    expect(parts.rewrap(changes(parts)).text).toBe(outcome);
  });

  // Each row has the mistakes of the rows below it, too, as far as they go together.
  test.each<
    readonly [
      name: string,
      attributes: object,
      parent: "signing" | "none" | "broken",
      symmetricAlg: object,
      outcome: string,
    ]
  >([
    [
      "that the object stays",
      { fixedTPM: true, fixedParent: true },
      "signing",
      NO_CIPHER,
      "TPM_RC_ATTRIBUTES (handle 1)",
    ],
    ["the new parent", { encryptedDuplication: true }, "signing", NO_CIPHER, "TPM_RC_TYPE (handle 2)"],
    ["no inner wrap", { encryptedDuplication: true }, "none", NO_CIPHER, "TPM_RC_SYMMETRIC (parameter 2)"],
    ["no outer wrap", { encryptedDuplication: true }, "none", AES_128, "TPM_RC_HIERARCHY (handle 2)"],
    ["the size of the inner key", {}, "broken", AES_128, "TPM_RC_SIZE (parameter 1)"],
    ["a point off the curve", {}, "broken", { ...AES_128, keyBits: 256 }, "TPM_RC_KEY"],
  ])("of several mistakes tells %s", (_name, attributes, parent, symmetricAlg, outcome) => {
    const { tpm, objectHandle } = setUp(withAttributes(DUPLICABLE, attributes));
    const broken = { ...ECC_STORAGE, nameAlg: TPM_ALG.NULL, unique: { x: new Uint8Array(32), y: new Uint8Array(32) } };
    const newParentHandle =
      parent === "none"
        ? TPM_RH.NULL
        : parent === "signing"
          ? primary(tpm, ECC_SIGNING).objectHandle
          : tpm.run(LoadExternal, { inPrivate: undefined, inPublic: broken, hierarchy: TPM_RH.NULL }).out.objectHandle;
    const options = { newParentHandle, symmetricAlg, encryptionKeyIn: new Uint8Array(32) };
    expect(duplicate(tpm, objectHandle, options).text).toBe(outcome);
  });

  test("refuses a new parent that cannot be encrypted to", () => {
    const { tpm, rewrap } = rewrapSetUp();
    const withParent = (inPublic: object): string => {
      const { out } = tpm.run(LoadExternal, { inPrivate: undefined, inPublic, hierarchy: TPM_RH.NULL });
      const { text: outcome } = rewrap({ newParent: out.objectHandle });
      tpm.run(FlushContext, { flushHandle: out.objectHandle });
      return outcome;
    };
    const rsa = {
      ...RSA_STORAGE,
      parameters: { ...RSA_STORAGE.parameters, keyBits: 1024 },
      unique: new Uint8Array(128).fill(255),
    };
    expect(withParent({ ...rsa, nameAlg: TPM_ALG.SHA512 })).toBe("TPM_RC_FAILURE");
    expect(withParent({ ...rsa, nameAlg: TPM_ALG.NULL })).toBe("TPM_RC_VALUE");
    const unique = { x: new Uint8Array(32), y: new Uint8Array(32) };
    expect(withParent({ ...ECC_STORAGE, nameAlg: TPM_ALG.NULL, unique })).toBe("TPM_RC_KEY");
  });
});
