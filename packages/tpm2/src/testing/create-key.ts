import { type Bytes, EMPTY } from "@vtpm/wire";
import { FlushContext } from "../commands/context-management/FlushContext.ts";
import { CreatePrimary } from "../commands/hierarchy/CreatePrimary.ts";
import { TPMA_OBJECT } from "../spec/attributes.ts";
import { TPM_ALG, TPM_ECC_CURVE } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import type { TPMT_PUBLIC } from "../spec/structures/index.ts";
import type { TestTpm } from "./test-tpm.ts";

type ObjectAttributes = Parameters<typeof TPMA_OBJECT.of>[0];
type PublicOf<T extends number> = Extract<TPMT_PUBLIC, { readonly type: T }>;

/** A scheme with one hash, such as RSASSA; without arguments none. */
const NULL_SCHEME = { scheme: TPM_ALG.NULL } as const;

const head = (objectAttributes: ObjectAttributes, nameAlg: TPMT_PUBLIC["nameAlg"] = TPM_ALG.SHA256) => ({
  nameAlg,
  objectAttributes: TPMA_OBJECT.of({
    fixedTPM: true,
    fixedParent: true,
    sensitiveDataOrigin: true,
    userWithAuth: true,
    ...objectAttributes,
  }),
  authPolicy: EMPTY,
});

/** The template of an RSA key. */
export function rsaTemplate(
  attributes: ObjectAttributes,
  scheme: PublicOf<typeof TPM_ALG.RSA>["parameters"]["scheme"] = NULL_SCHEME,
  keyBits: PublicOf<typeof TPM_ALG.RSA>["parameters"]["keyBits"] = 2048,
): PublicOf<typeof TPM_ALG.RSA> {
  return {
    type: TPM_ALG.RSA,
    ...head(attributes),
    parameters: { symmetric: { algorithm: TPM_ALG.NULL }, scheme, keyBits, exponent: 0 },
    unique: EMPTY,
  };
}

/** The template of an ECC key. */
export function eccTemplate(
  attributes: ObjectAttributes,
  scheme: PublicOf<typeof TPM_ALG.ECC>["parameters"]["scheme"] = NULL_SCHEME,
  curveID: PublicOf<typeof TPM_ALG.ECC>["parameters"]["curveID"] = TPM_ECC_CURVE.NIST_P256,
): PublicOf<typeof TPM_ALG.ECC> {
  return {
    type: TPM_ALG.ECC,
    ...head(attributes),
    parameters: { symmetric: { algorithm: TPM_ALG.NULL }, scheme, curveID, kdf: NULL_SCHEME },
    unique: { x: EMPTY, y: EMPTY },
  };
}

/** The template of an HMAC key, or without a scheme of one for any hash. */
export function keyedHashTemplate(
  attributes: ObjectAttributes,
  scheme: PublicOf<typeof TPM_ALG.KEYEDHASH>["parameters"]["scheme"] = NULL_SCHEME,
): PublicOf<typeof TPM_ALG.KEYEDHASH> {
  return { type: TPM_ALG.KEYEDHASH, ...head(attributes), parameters: { scheme }, unique: EMPTY };
}

/** The template of a symmetric key. */
export function cipherTemplate(
  attributes: ObjectAttributes,
  sym: PublicOf<typeof TPM_ALG.SYMCIPHER>["parameters"]["sym"] = {
    algorithm: TPM_ALG.AES,
    keyBits: 128,
    mode: TPM_ALG.NULL,
  },
): PublicOf<typeof TPM_ALG.SYMCIPHER> {
  return { type: TPM_ALG.SYMCIPHER, ...head(attributes), parameters: { sym }, unique: EMPTY };
}

/** What a test may want of a created key beside its template. */
export interface CreateKeyOptions {
  readonly hierarchy?: number;
  readonly userAuth?: Bytes;
  /** Makes keys of one template different. */
  readonly data?: Bytes;
}

/** A key made by TPM2_CreatePrimary. */
export interface CreatedKey {
  readonly handle: number;
  readonly publicArea: TPMT_PUBLIC;
  readonly name: Bytes;
  readonly creationHash: Bytes;
  readonly creationTicket: { readonly tag: number; readonly hierarchy: number; readonly digest: Bytes };
}

/** Frees the slot of an object. */
export function flush(test: TestTpm, flushHandle: number): void {
  test.run(FlushContext, { flushHandle });
}

/** Creates a primary object in the first free slot. */
export function createKey(test: TestTpm, inPublic: TPMT_PUBLIC, options: CreateKeyOptions = {}): CreatedKey {
  const { hierarchy = TPM_RH.OWNER, userAuth = EMPTY, data = EMPTY } = options;
  const { text, out } = test.run(CreatePrimary, {
    primaryHandle: hierarchy,
    inSensitive: { userAuth, data },
    inPublic,
    outsideInfo: EMPTY,
    creationPCR: [],
  });
  if (out === undefined) throw new Error(`TPM2_CreatePrimary: ${text}`);
  const { objectHandle, outPublic, name, creationHash, creationTicket } = out;
  return { handle: objectHandle, publicArea: outPublic, name, creationHash, creationTicket };
}
