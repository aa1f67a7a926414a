/** The commands that are timed, as bytes, and their answers, read. */
import { ByteReader, empty, sized, u8, u16, u32 } from "./bytes.ts";

export const RH = {
  OWNER: 0x40000001,
  NULL: 0x40000007,
  PASSWORD: 0x40000009,
  LOCKOUT: 0x4000000a,
  ENDORSEMENT: 0x4000000b,
  PLATFORM: 0x4000000c,
} as const;

export const ALG = {
  RSA: 1,
  AES: 6,
  KEYEDHASH: 8,
  SHA256: 0x0b,
  NULL: 0x10,
  RSASSA: 0x14,
  OAEP: 0x17,
  ECDSA: 0x18,
  ECDH: 0x19,
  ECDAA: 0x1a,
  ECC: 0x23,
  SYMCIPHER: 0x25,
  CFB: 0x43,
  HMAC: 5,
} as const;

export const CURVE = { NIST_P256: 0x03, NIST_P521: 0x05, BN_P638: 0x11 } as const;

/** A command without sessions. */
export function plain(code: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u16(0x8001), u32(10 + body.length), u32(code), body]);
}

/** A command whose first `handles` are authorized by empty passwords. */
export function authorized(
  code: number,
  handles: readonly number[],
  authorizations: number,
  ...parameters: readonly Uint8Array[]
): Buffer {
  const password = Buffer.concat([u32(RH.PASSWORD), empty, u8(0), empty]);
  const sessions = Buffer.concat(Array.from({ length: authorizations }, () => password));
  const body = Buffer.concat([...handles.map(u32), u32(sessions.length), sessions, ...parameters]);
  return Buffer.concat([u16(0x8002), u32(10 + body.length), u32(code), body]);
}

export class TpmFailure extends Error {
  override readonly name = "TpmFailure";
}

/** Throws unless the response says success. */
export function succeeded(response: Buffer): Buffer {
  const code = response.readUInt32BE(6);
  if (code !== 0) throw new TpmFailure(`the TPM answered 0x${code.toString(16)}`);
  return response;
}

/** The parameters of a response with sessions and without handles. */
export function parametersOf(response: Buffer): ByteReader {
  succeeded(response);
  return new ByteReader(response.subarray(response.readUInt16BE(0) === 0x8002 ? 14 : 10));
}

/** The handle and parameters of a response that begins with a handle. */
export function handleOf(response: Buffer): { readonly handle: number; readonly parameters: ByteReader } {
  succeeded(response);
  const offset = response.readUInt16BE(0) === 0x8002 ? 18 : 14;
  return { handle: response.readUInt32BE(10), parameters: new ByteReader(response.subarray(offset)) };
}

const storageAttributes = 0x00030472; // restricted, decrypt, fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA
const signAttributes = 0x00040472;
const decryptAttributes = 0x00020472;
const symmetricAttributes = 0x00060472;
const sealAttributes = 0x00000452;

const aes128cfb = Buffer.concat([u16(ALG.AES), u16(128), u16(ALG.CFB)]);
const nullAlgorithm = u16(ALG.NULL);
const publicArea = (type: number, attributes: number, ...rest: readonly Uint8Array[]) =>
  Buffer.concat([u16(type), u16(ALG.SHA256), u32(attributes), empty, ...rest]);

const ecc = (
  attributes: number,
  symmetric: Buffer,
  scheme: Buffer,
  unique: Buffer = Buffer.alloc(0),
  curve: number = CURVE.NIST_P256,
) => publicArea(ALG.ECC, attributes, symmetric, scheme, u16(curve), nullAlgorithm, sized(unique), empty);
const rsa = (attributes: number, symmetric: Buffer, scheme: Buffer, unique: Buffer = Buffer.alloc(0)) =>
  publicArea(ALG.RSA, attributes, symmetric, scheme, u16(2048), u32(0), sized(unique));

const ecdsa = Buffer.concat([u16(ALG.ECDSA), u16(ALG.SHA256)]);
const rsassa = Buffer.concat([u16(ALG.RSASSA), u16(ALG.SHA256)]);
const oaep = Buffer.concat([u16(ALG.OAEP), u16(ALG.SHA256)]);
const ecdaa = Buffer.concat([u16(ALG.ECDAA), u16(ALG.SHA256), u16(0)]);
const ecdh = Buffer.concat([u16(ALG.ECDH), u16(ALG.SHA256)]);

export const templates = {
  eccStorage: (unique?: Buffer) => ecc(storageAttributes, aes128cfb, nullAlgorithm, unique),
  rsaStorage: (unique?: Buffer) => rsa(storageAttributes, aes128cfb, nullAlgorithm, unique),
  eccSign: (curve?: number) => ecc(signAttributes, nullAlgorithm, ecdsa, undefined, curve),
  rsaSign: () => rsa(signAttributes, nullAlgorithm, rsassa),
  rsaDecrypt: () => rsa(decryptAttributes, nullAlgorithm, oaep),
  eccAgree: (curve?: number) => ecc(decryptAttributes, nullAlgorithm, ecdh, undefined, curve),
  eccAnonymous: (curve?: number) => ecc(signAttributes, nullAlgorithm, ecdaa, undefined, curve),
  aes: () => publicArea(ALG.SYMCIPHER, symmetricAttributes, aes128cfb, empty),
  hmac: () => publicArea(ALG.KEYEDHASH, signAttributes, u16(ALG.HMAC), u16(ALG.SHA256), empty),
  sealed: () => publicArea(ALG.KEYEDHASH, sealAttributes, nullAlgorithm, empty),
} as const;

const sensitive = (data: Buffer) => sized(empty, sized(data));
const noOutsideInfoNoPcrs = Buffer.concat([empty, u32(0)]);

export const commands = {
  startup: () => plain(0x144, u16(0)),
  shutdown: () => plain(0x145, u16(0)),
  selfTest: () => plain(0x143, u8(1)),
  getRandom: (size: number) => plain(0x17b, u16(size)),
  getCapability: (capability: number, property: number, count: number) =>
    plain(0x17a, u32(capability), u32(property), u32(count)),
  pcrRead: (index: number) =>
    plain(
      0x17e,
      u32(1),
      u16(ALG.SHA256),
      u8(3),
      Buffer.from([0, 1, 2].map((byte) => (index >> 3 === byte ? 1 << (index & 7) : 0))),
    ),
  pcrExtend: (index: number, digest: Buffer) => authorized(0x182, [index], 1, u32(1), u16(ALG.SHA256), digest),
  readPublic: (handle: number) => plain(0x173, u32(handle)),
  hash: (data: Buffer) => plain(0x17d, sized(data), u16(ALG.SHA256), u32(RH.NULL)),
  hmac: (key: number, data: Buffer) => authorized(0x155, [key], 1, sized(data), u16(ALG.NULL)),
  hashSequenceStart: () => plain(0x186, empty, u16(ALG.SHA256)),
  sequenceUpdate: (sequence: number, data: Buffer) => authorized(0x15c, [sequence], 1, sized(data)),
  sequenceComplete: (sequence: number) => authorized(0x13e, [sequence], 1, empty, u32(RH.NULL)),
  encryptDecrypt2: (key: number, data: Buffer, iv: Buffer) =>
    authorized(0x193, [key], 1, sized(data), u8(0), u16(ALG.NULL), sized(iv)),
  createPrimary: (hierarchy: number, template: Buffer) =>
    authorized(0x131, [hierarchy], 1, sensitive(Buffer.alloc(0)), sized(template), noOutsideInfoNoPcrs),
  create: (parent: number, template: Buffer, data: Buffer = Buffer.alloc(0)) =>
    authorized(0x153, [parent], 1, sensitive(data), sized(template), noOutsideInfoNoPcrs),
  load: (parent: number, privateArea: Buffer, publicArea: Buffer) =>
    authorized(0x157, [parent], 1, sized(privateArea), sized(publicArea)),
  flush: (handle: number) => plain(0x165, u32(handle)),
  sign: (key: number, digest: Buffer) =>
    authorized(0x15d, [key], 1, sized(digest), u16(ALG.NULL), u16(0x8024), u32(RH.NULL), empty),
  verifySignature: (key: number, digest: Buffer, signature: Buffer) => plain(0x177, u32(key), sized(digest), signature),
  rsaDecrypt: (key: number, cipher: Buffer) => authorized(0x159, [key], 1, sized(cipher), u16(ALG.NULL), empty),
  quote: (key: number, nonce: Buffer) =>
    authorized(0x158, [key], 1, sized(nonce), u16(ALG.NULL), u32(1), u16(ALG.SHA256), u8(3), Buffer.from([0xff, 0, 0])),
  certify: (object: number, key: number, nonce: Buffer) =>
    authorized(0x148, [object, key], 2, sized(nonce), u16(ALG.NULL)),
  ecdhZgen: (key: number, x: Buffer, y: Buffer) => authorized(0x154, [key], 1, sized(sized(x), sized(y))),
  commit: (key: number, point: { readonly x: Buffer; readonly y: Buffer }, s2: Buffer, y2: Buffer) =>
    authorized(0x18b, [key], 1, sized(sized(point.x), sized(point.y)), sized(s2), sized(y2)),
  unseal: (object: number) => authorized(0x15e, [object], 1),
  contextSave: (handle: number) => plain(0x162, u32(handle)),
  contextLoad: (context: Buffer) => plain(0x161, context),
  startAuthSession: (tpmKey: number, nonceCaller: Buffer, encryptedSalt: Buffer, symmetric: boolean) =>
    plain(
      0x176,
      u32(tpmKey),
      u32(RH.NULL),
      sized(nonceCaller),
      encryptedSalt,
      u8(0),
      symmetric ? aes128cfb : nullAlgorithm,
      u16(ALG.SHA256),
    ),
  nvDefine: (index: number, attributes: number, size: number) =>
    authorized(0x12a, [RH.OWNER], 1, empty, sized(u32(index), u16(ALG.SHA256), u32(attributes), empty, u16(size))),
  nvUndefine: (index: number) => authorized(0x122, [RH.OWNER, index], 1),
  nvReadPublic: (index: number) => plain(0x169, u32(index)),
  nvWrite: (index: number, data: Buffer) => authorized(0x137, [index, index], 1, sized(data), u16(0)),
  nvRead: (index: number, size: number) => authorized(0x14e, [index, index], 1, u16(size), u16(0)),
} as const;

/** The code and parameters of an NV read and write, for sessions that carry them. */
export const nvReadRequest = (index: number, name: Buffer, size: number) => ({
  code: 0x14e,
  handles: [index, index],
  names: [name, name],
  parameters: Buffer.concat([u16(size), u16(0)]),
  authValue: Buffer.alloc(0),
});

export const nvWriteRequest = (index: number, name: Buffer, data: Buffer) => ({
  code: 0x137,
  handles: [index, index],
  names: [name, name],
  parameters: Buffer.concat([sized(data), u16(0)]),
  authValue: Buffer.alloc(0),
});

/** The coordinates in an ECC public area made from these templates. */
export function eccPoint(area: Buffer): { readonly x: Buffer; readonly y: Buffer } {
  const reader = new ByteReader(area);
  skipToParameters(reader);
  if (reader.u16() !== ALG.NULL) reader.take(4);
  const scheme = reader.u16();
  if (scheme !== ALG.NULL) reader.take(scheme === ALG.ECDAA ? 4 : 2);
  reader.take(4);
  return { x: reader.sized(), y: reader.sized() };
}

/** The modulus in an RSA public area made from these templates. */
export function rsaModulus(area: Buffer): Buffer {
  const reader = new ByteReader(area);
  skipToParameters(reader);
  if (reader.u16() !== ALG.NULL) reader.take(4);
  if (reader.u16() !== ALG.NULL) reader.take(2);
  reader.take(6);
  return reader.sized();
}

function skipToParameters(reader: ByteReader): void {
  reader.take(8);
  reader.sized();
}
