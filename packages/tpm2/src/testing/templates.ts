import { type Bytes, EMPTY } from "@vtpm/wire";
import { CreatePrimary } from "../commands/hierarchy/CreatePrimary.ts";
import { Create } from "../commands/object/Create.ts";
import { Load } from "../commands/object/Load.ts";
import { TPMA_OBJECT } from "../spec/attributes.ts";
import { TPM_ALG, TPM_ECC_CURVE } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import type { TPM2B_CREATION_DATA, TPMT_PUBLIC, TPMT_TK_CREATION } from "../spec/structures/index.ts";
import type { Auth, TestTpm } from "./test-tpm.ts";

// Templates of all kinds of objects, and objects made of them.

type Attributes = Parameters<typeof TPMA_OBJECT.of>[0];
type Template<T extends number> = Extract<TPMT_PUBLIC, { readonly type: T }>;

/** Made by the TPM, for good, and used with its authValue. */
const ORDINARY: Attributes = { fixedTPM: true, fixedParent: true, sensitiveDataOrigin: true, userWithAuth: true };
const STORAGE: Attributes = { ...ORDINARY, restricted: true, decrypt: true };
const NO_SCHEME = { scheme: TPM_ALG.NULL } as const;
const NO_CIPHER = { algorithm: TPM_ALG.NULL } as const;
export const AES_128 = { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CFB } as const;
const COMMON = { nameAlg: TPM_ALG.SHA256, authPolicy: EMPTY } as const;

/** A storage key on P-256, what most tests use as a parent. */
export const ECC_STORAGE: Template<typeof TPM_ALG.ECC> = {
  ...COMMON,
  type: TPM_ALG.ECC,
  objectAttributes: TPMA_OBJECT.of(STORAGE),
  parameters: { symmetric: AES_128, scheme: NO_SCHEME, curveID: TPM_ECC_CURVE.NIST_P256, kdf: NO_SCHEME },
  unique: { x: EMPTY, y: EMPTY },
};

/** An RSA storage key. */
export const RSA_STORAGE: Template<typeof TPM_ALG.RSA> = {
  ...COMMON,
  type: TPM_ALG.RSA,
  objectAttributes: TPMA_OBJECT.of(STORAGE),
  parameters: { symmetric: AES_128, scheme: NO_SCHEME, keyBits: 2048, exponent: 0 },
  unique: EMPTY,
};

/** A storage key that is not asymmetric. */
export const AES_STORAGE: Template<typeof TPM_ALG.SYMCIPHER> = {
  ...COMMON,
  type: TPM_ALG.SYMCIPHER,
  objectAttributes: TPMA_OBJECT.of(STORAGE),
  parameters: { sym: AES_128 },
  unique: EMPTY,
};

/** A key that signs with ECDSA. */
export const ECC_SIGNING: Template<typeof TPM_ALG.ECC> = {
  ...ECC_STORAGE,
  objectAttributes: TPMA_OBJECT.of({ ...ORDINARY, sign: true }),
  parameters: { ...ECC_STORAGE.parameters, symmetric: NO_CIPHER },
};

/** A key that signs with RSA. */
export const RSA_SIGNING: Template<typeof TPM_ALG.RSA> = {
  ...RSA_STORAGE,
  objectAttributes: TPMA_OBJECT.of({ ...ORDINARY, sign: true }),
  parameters: { ...RSA_STORAGE.parameters, symmetric: NO_CIPHER },
};

/** Data that the caller wants kept. */
export const SEALED: Template<typeof TPM_ALG.KEYEDHASH> = {
  ...COMMON,
  type: TPM_ALG.KEYEDHASH,
  objectAttributes: TPMA_OBJECT.of({ ...ORDINARY, sensitiveDataOrigin: false }),
  parameters: { scheme: NO_SCHEME },
  unique: EMPTY,
};

/** An HMAC key. */
export const HMAC_KEY: Template<typeof TPM_ALG.KEYEDHASH> = {
  ...SEALED,
  objectAttributes: TPMA_OBJECT.of({ ...ORDINARY, sign: true }),
  parameters: { scheme: { scheme: TPM_ALG.HMAC, details: { hashAlg: TPM_ALG.SHA256 } } },
};

/** A parent of derived objects. */
export const DERIVATION_PARENT: Template<typeof TPM_ALG.KEYEDHASH> = {
  ...SEALED,
  objectAttributes: TPMA_OBJECT.of(STORAGE),
  parameters: {
    scheme: { scheme: TPM_ALG.XOR, details: { hashAlg: TPM_ALG.SHA256, kdf: TPM_ALG.KDF1_SP800_108 } },
  },
};

/** A key for encryption of data. */
export const AES_KEY: Template<typeof TPM_ALG.SYMCIPHER> = {
  ...AES_STORAGE,
  objectAttributes: TPMA_OBJECT.of({ ...ORDINARY, decrypt: true, sign: true }),
};

/** The same template with some attributes changed. */
export function withAttributes<T extends TPMT_PUBLIC>(template: T, attributes: Attributes): T {
  return { ...template, objectAttributes: TPMA_OBJECT.with(template.objectAttributes, attributes) };
}

/** What a test says of a new object besides its template. */
export interface CreateOptions {
  readonly userAuth?: Bytes;
  readonly data?: Bytes;
  readonly outsideInfo?: Bytes;
  readonly parentAuth?: Auth;
}

/** The input of a creation command. */
export function creationInput(
  inPublic: object,
  { userAuth = EMPTY, data = EMPTY, outsideInfo = EMPTY }: CreateOptions = {},
) {
  return { inSensitive: { userAuth, data }, inPublic, outsideInfo, creationPCR: [] };
}

/** What TPM2_CreatePrimary answers. */
export interface Primary {
  readonly objectHandle: number;
  readonly outPublic: TPMT_PUBLIC;
  readonly name: Bytes;
  readonly creationData: TPM2B_CREATION_DATA;
  readonly creationHash: Bytes;
  readonly creationTicket: TPMT_TK_CREATION;
}

/** A primary object that is there. */
export function primary(
  test: TestTpm,
  template: object = ECC_STORAGE,
  hierarchy: number = TPM_RH.OWNER,
  options: CreateOptions = {},
): Primary {
  const answer = test.run(CreatePrimary, { primaryHandle: hierarchy, ...creationInput(template, options) });
  if (answer.rc !== 0) throw new Error(`TPM2_CreatePrimary: ${answer.text}`);
  return answer.out;
}

/** A child as TPM2_Create gives it out. */
export interface Child {
  readonly outPrivate: Bytes;
  readonly outPublic: TPMT_PUBLIC;
}

/** A child of a parent that is loaded; not loaded itself. */
export function child(test: TestTpm, parentHandle: number, template: object, options: CreateOptions = {}): Child {
  const auths = options.parentAuth === undefined ? [] : [options.parentAuth];
  const answer = test.run(Create, { parentHandle, ...creationInput(template, options) }, auths);
  if (answer.rc !== 0) throw new Error(`TPM2_Create: ${answer.text}`);
  return answer.out;
}

/** Loads a child; returns its handle. */
export function loaded(test: TestTpm, parentHandle: number, { outPrivate, outPublic }: Child): number {
  const answer = test.run(Load, { parentHandle, inPrivate: outPrivate, inPublic: outPublic });
  if (answer.rc !== 0) throw new Error(`TPM2_Load: ${answer.text}`);
  return answer.out.objectHandle;
}
