import { bigIntToBytes, CURVES } from "@vtpm/crypto";
import { type Bytes, concatBytes, EMPTY, encode, UINT16, UINT64 } from "@vtpm/wire";
import { TPMA_NV, TPMA_OBJECT } from "../spec/attributes.ts";
import { TPM_ALG, TPM_ECC_CURVE, TPM_NT } from "../spec/constants.ts";
import { HANDLE, TPM_RH } from "../spec/handles.ts";
import { type TPMT_PUBLIC, TPMT_PUBLIC_NULLABLE, type TPMT_SENSITIVE } from "../spec/structures/index.ts";
import type { PERSISTENT_DATA, STATE_CLEAR_DATA } from "../state/data.ts";
import type { NV_INDEX } from "../state/nv-index.ts";
import { type KEY_SLOT, OBJECT_ATTRIBUTES, SLOT } from "../state/object.ts";
import type { RAM_STATE } from "../state/tpm-state.ts";
import { hash } from "./caller-crypto.ts";
import type { TestTpm } from "./test-tpm.ts";

// State put into a TPM directly, for tests of commands that need something but are not about how it got there.

/** Changes persistent data, such as authValues and policies of hierarchies. */
export function givenPersistent({ tpm }: TestTpm, changes: Partial<PERSISTENT_DATA>): void {
  const { nv, ram } = tpm.state;
  tpm.state = { nv: { ...nv, persistent: { ...nv.persistent, ...changes } }, ram };
}

/** Changes what is in RAM. */
export function givenRam({ tpm }: TestTpm, changes: Partial<RAM_STATE>): void {
  tpm.state = { nv: tpm.state.nv, ram: { ...tpm.state.ram, ...changes } };
}

/** Changes what a TPM Restart forgets, such as enables and platformAuth. */
export function givenStateClear(test: TestTpm, changes: Partial<STATE_CLEAR_DATA>): void {
  givenRam(test, { stateClear: { ...test.tpm.state.ram.stateClear, ...changes } });
}

/** What an NV Index is like; whatever is left out is empty, and anybody with its authValue reads and writes it. */
export interface GivenIndex {
  readonly nvIndex?: number;
  readonly nameAlg?: typeof TPM_ALG.SHA1 | typeof TPM_ALG.SHA256 | typeof TPM_ALG.SHA384 | typeof TPM_ALG.SHA512;
  readonly attributes?: Parameters<typeof TPMA_NV.of>[0];
  readonly data?: Bytes;
  readonly authValue?: Bytes;
  readonly authPolicy?: Bytes;
}

/** Defines an NV Index, by default a written one; returns its handle. */
export function givenIndex({ tpm }: TestTpm, given: GivenIndex = {}): number {
  const {
    nvIndex = 0x0180_0001,
    nameAlg = TPM_ALG.SHA256,
    data = new Uint8Array(8),
    authValue = EMPTY,
    authPolicy = EMPTY,
  } = given;
  const attributes = TPMA_NV.of({ AUTHREAD: true, AUTHWRITE: true, WRITTEN: true, ...given.attributes });
  const publicArea = { nvIndex, nameAlg, attributes, authPolicy, dataSize: data.length };
  const index: NV_INDEX = { publicArea, authValue, data };
  const { nv, ram } = tpm.state;
  tpm.state = { nv: { ...nv, indices: new Map(nv.indices).set(nvIndex, index) }, ram };
  return nvIndex;
}

/** Defines a PIN Index with count and limit. */
export function givenPin(
  test: TestTpm,
  type: "PIN_FAIL" | "PIN_PASS",
  count: number,
  limit: number,
  pin: Bytes,
): number {
  const data = encode(UINT64, BigInt(count) * 2n ** 32n + BigInt(limit));
  const attributes = { TPM_NT: TPM_NT[type], AUTHWRITE: false, NO_DA: true, PPWRITE: true };
  return givenIndex(test, { nvIndex: 0x0180_00f0 + TPM_NT[type], attributes, data, authValue: pin });
}

/** The contents of a PIN Index: how often it was used, and how often it may be. */
export function pinCountOf({ tpm }: TestTpm, nvIndex: number): number {
  const data = tpm.state.nv.indices.get(nvIndex)?.data ?? EMPTY;
  return new DataView(data.buffer, data.byteOffset).getUint32(0);
}

/** Loads an object of the owner's; returns its handle. Without a sensitive area it is public only. */
export function givenObject(
  test: TestTpm,
  publicArea: TPMT_PUBLIC_NULLABLE,
  sensitive?: TPMT_SENSITIVE,
  attributes: Parameters<typeof OBJECT_ATTRIBUTES.of>[0] = { spsHierarchy: true },
): number {
  const { objects } = test.tpm.state.ram;
  const handle = HANDLE.TRANSIENT_FIRST + objects.size;
  const name =
    publicArea.nameAlg === TPM_ALG.NULL
      ? EMPTY
      : concatBytes(
          encode(UINT16, publicArea.nameAlg),
          hash(publicArea.nameAlg, encode(TPMT_PUBLIC_NULLABLE, publicArea)),
        );
  const object: KEY_SLOT = {
    kind: SLOT.KEY,
    attributes: OBJECT_ATTRIBUTES.of({ publicOnly: sensitive === undefined, ...attributes }),
    publicArea,
    sensitive,
    name,
    qualifiedName: name,
    hierarchy: TPM_RH.OWNER,
    seedCompatLevel: 1,
  };
  givenRam(test, { objects: new Map(objects).set(handle, object) });
  return handle;
}

/** Gives a loaded ECC key on P-256 the order of the curve as its private key, which no command would: nothing comes of it. */
export function givenImpossibleKey(test: TestTpm, handle: number): void {
  const { objects } = test.tpm.state.ram;
  const object = objects.get(handle);
  if (object?.kind !== SLOT.KEY || object.sensitive === undefined) throw new Error("no key is loaded there");
  const order = bigIntToBytes(CURVES.NIST_P256.n, 32);
  const sensitive: TPMT_SENSITIVE = { ...object.sensitive, sensitiveType: TPM_ALG.ECC, sensitive: order };
  givenRam(test, { objects: new Map(objects).set(handle, { ...object, sensitive }) });
}

/** An HMAC key. */
export function givenHmacKey(
  test: TestTpm,
  key: Bytes,
  authValue: Bytes = EMPTY,
  objectAttributes: Parameters<typeof TPMA_OBJECT.of>[0] = {},
  authPolicy: Bytes = EMPTY,
): number {
  const publicArea: TPMT_PUBLIC = {
    type: TPM_ALG.KEYEDHASH,
    nameAlg: TPM_ALG.SHA256,
    objectAttributes: TPMA_OBJECT.of({ userWithAuth: true, sign: true, ...objectAttributes }),
    authPolicy,
    parameters: { scheme: { scheme: TPM_ALG.HMAC, details: { hashAlg: TPM_ALG.SHA256 } } },
    unique: hash(TPM_ALG.SHA256, key),
  };
  const sensitive = { sensitiveType: TPM_ALG.KEYEDHASH, authValue, seedValue: EMPTY, sensitive: key } as const;
  return givenObject(test, publicArea, sensitive);
}

/** A P-256 key; with its private part if that is given. */
export function givenP256Key(
  test: TestTpm,
  point: { readonly x: Bytes; readonly y: Bytes },
  privateKey?: Bytes,
  objectAttributes: Parameters<typeof TPMA_OBJECT.of>[0] = { decrypt: true, userWithAuth: true },
): number {
  const publicArea: TPMT_PUBLIC = {
    type: TPM_ALG.ECC,
    nameAlg: TPM_ALG.SHA256,
    objectAttributes: TPMA_OBJECT.of(objectAttributes),
    authPolicy: EMPTY,
    parameters: {
      symmetric: { algorithm: TPM_ALG.NULL },
      scheme: { scheme: TPM_ALG.NULL },
      curveID: TPM_ECC_CURVE.NIST_P256,
      kdf: { scheme: TPM_ALG.NULL },
    },
    unique: point,
  };
  return givenObject(
    test,
    publicArea,
    privateKey === undefined
      ? undefined
      : { sensitiveType: TPM_ALG.ECC, authValue: EMPTY, seedValue: EMPTY, sensitive: privateKey },
  );
}

/** An RSA key; with its private part if a prime is given. */
export function givenRsaKey(
  test: TestTpm,
  modulus: Bytes,
  prime?: Bytes,
  objectAttributes: Parameters<typeof TPMA_OBJECT.of>[0] = { decrypt: true, userWithAuth: true },
): number {
  const publicArea: TPMT_PUBLIC = {
    type: TPM_ALG.RSA,
    nameAlg: TPM_ALG.SHA256,
    objectAttributes: TPMA_OBJECT.of(objectAttributes),
    authPolicy: EMPTY,
    parameters: {
      symmetric: { algorithm: TPM_ALG.NULL },
      scheme: { scheme: TPM_ALG.NULL },
      keyBits: 2048,
      exponent: 0,
    },
    unique: modulus,
  };
  return givenObject(
    test,
    publicArea,
    prime === undefined
      ? undefined
      : { sensitiveType: TPM_ALG.RSA, authValue: EMPTY, seedValue: EMPTY, sensitive: prime },
  );
}
