import {
  constants,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  publicEncrypt,
} from "node:crypto";
import { type Bytes, concatBytes, encode, UINT16, UINT32 } from "@vtpm/wire";
import { TPM_ALG } from "../spec/constants.ts";

// What a caller computes on its side, from the specification's formulas and with nothing of the engine or its crypto package.

const HASHES = new Map<number, string>([
  [TPM_ALG.SHA1, "sha1"],
  [TPM_ALG.SHA256, "sha256"],
  [TPM_ALG.SHA384, "sha384"],
  [TPM_ALG.SHA512, "sha512"],
]);

function nameOf(hashAlg: number): string {
  const name = HASHES.get(hashAlg);
  if (name === undefined) throw new RangeError(`0x${hashAlg.toString(16)} is no hash`);
  return name;
}

const own = (bytes: Uint8Array): Bytes => new Uint8Array(bytes);

/** A digest. */
export function hash(hashAlg: number, ...data: readonly Bytes[]): Bytes {
  const state = createHash(nameOf(hashAlg));
  for (const part of data) state.update(part);
  return own(state.digest());
}

/** An HMAC. */
export function hmac(hashAlg: number, key: Bytes, ...data: readonly Bytes[]): Bytes {
  const state = createHmac(nameOf(hashAlg), key);
  for (const part of data) state.update(part);
  return own(state.digest());
}

/** Bytes of a digest. */
export const digestSize = (hashAlg: number): number => hash(hashAlg).length;

/** @spec Part 1, "KDFa()" */
export function kdfa(hashAlg: number, key: Bytes, label: string, u: Bytes, v: Bytes, size: number): Bytes {
  const blocks: Bytes[] = [];
  for (let i = 1; (i - 1) * digestSize(hashAlg) < size; i++) {
    blocks.push(hmac(hashAlg, key, encode(UINT32, i), text(`${label}\0`), u, v, encode(UINT32, 8 * size)));
  }
  return concatBytes(...blocks).slice(0, size);
}

/** @spec Part 1, "KDFe for ECDH" */
export function kdfe(hashAlg: number, z: Bytes, label: string, u: Bytes, v: Bytes): Bytes {
  return hash(hashAlg, encode(UINT32, 1), z, text(`${label}\0`), u, v);
}

/** Bytes of a text. */
export const text = (characters: string): Bytes => Uint8Array.from(characters, (c) => c.charCodeAt(0));

/** How a session encrypts parameters: XOR, or a block cipher in CFB. */
export interface SessionCipher {
  readonly algorithm: number;
  readonly keyBits?: number;
  readonly mode?: number;
}

const CIPHERS = new Map<number, { readonly name: (keyBits: number) => string; readonly blockSize: number }>([
  [TPM_ALG.AES, { name: (keyBits) => `aes-${keyBits}-cfb`, blockSize: 16 }],
  [TPM_ALG.CAMELLIA, { name: (keyBits) => `camellia-${keyBits}-cfb`, blockSize: 16 }],
  [TPM_ALG.TDES, { name: (keyBits) => (keyBits === 128 ? "des-ede-cfb" : "des-ede3-cfb"), blockSize: 8 }],
]);

/** @spec Part 1, "Session-Based Encryption" */
export function transformParameter(
  direction: "encrypt" | "decrypt",
  cipher: SessionCipher,
  hashAlg: number,
  key: Bytes,
  nonceNewer: Bytes,
  nonceOlder: Bytes,
  data: Bytes,
): Bytes {
  if (cipher.algorithm === TPM_ALG.XOR) {
    const mask = kdfa(hashAlg, key, "XOR", nonceNewer, nonceOlder, data.length);
    return data.map((byte, i) => byte ^ (mask[i] ?? 0));
  }
  const found = CIPHERS.get(cipher.algorithm);
  if (found === undefined) throw new RangeError("the session does not encrypt");
  const keyBits = cipher.keyBits ?? 128;
  const keyAndIv = kdfa(hashAlg, key, "CFB", nonceNewer, nonceOlder, keyBits / 8 + found.blockSize);
  const make = direction === "encrypt" ? createCipheriv : createDecipheriv;
  const state = make(found.name(keyBits), keyAndIv.slice(0, keyBits / 8), keyAndIv.slice(keyBits / 8));
  return own(Buffer.concat([state.update(data), state.final()]));
}

/** Encrypts a salt to an RSA key by OAEP, or another secret with the label that says what it is for. */
export function saltForRsa(modulus: Bytes, hashAlg: number, salt: Bytes, label = "SECRET"): Bytes {
  const key = createPublicKey({
    key: { kty: "RSA", n: base64(modulus), e: base64(Uint8Array.of(1, 0, 1)) },
    format: "jwk",
  });
  const oaepHash = nameOf(hashAlg);
  const oaepLabel = text(`${label}\0`);
  return own(publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash, oaepLabel }, salt));
}

/** Agrees on a salt with a P-256 key: the salt, and the point to send. */
export function saltForP256(
  point: { readonly x: Bytes; readonly y: Bytes },
  hashAlg: number,
): { readonly salt: Bytes; readonly encrypted: Bytes } {
  const ephemeral = createECDH("prime256v1");
  const sent = own(ephemeral.generateKeys());
  const z = own(ephemeral.computeSecret(concatBytes(Uint8Array.of(4), point.x, point.y)));
  const [x, y] = [sent.slice(1, 33), sent.slice(33)];
  const encrypted = concatBytes(encode(UINT16, x.length), x, encode(UINT16, y.length), y);
  return { salt: kdfe(hashAlg, z, "SECRET", x, point.x), encrypted };
}

const base64 = (bytes: Bytes): string => Buffer.from(bytes).toString("base64url");
