import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  publicEncrypt,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { sized, u8, u16, u32 } from "./bytes.ts";
import { rsaPublicKey } from "./keys.ts";

const CONTINUE = 0x01;
const DECRYPT = 0x20;
const ENCRYPT = 0x40;

const sha256 = (...parts: readonly Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();

/** KDFa with SHA-256 for up to 256 bits. */
export function kdfa(key: Uint8Array, label: string, contextU: Uint8Array, contextV: Uint8Array, bits: number): Buffer {
  return createHmac("sha256", key)
    .update(u32(1))
    .update(`${label}\0`)
    .update(contextU)
    .update(contextV)
    .update(u32(bits))
    .digest()
    .subarray(0, bits / 8);
}

/** A secret for TPM2_StartAuthSession, encrypted to a loaded key. */
export interface Salt {
  readonly salt: Buffer;
  readonly encrypted: Buffer;
}

/** Salt for a P-256 key: an ephemeral key agreement and KDFe. */
export function eccSalt(point: { readonly x: Buffer; readonly y: Buffer }): Salt {
  const ephemeral = createECDH("prime256v1");
  const own = ephemeral.generateKeys();
  const shared = ephemeral.computeSecret(Buffer.concat([u8(4), point.x, point.y]));
  const [x, y] = [own.subarray(1, 33), own.subarray(33)];
  const salt = sha256(u32(1), shared, Buffer.from("SECRET\0"), x, point.x);
  return { salt, encrypted: sized(sized(x), sized(y)) };
}

/** Salt for an RSA key: OAEP with SHA-256 under the label "SECRET". */
export function rsaSalt(modulus: Buffer): Salt {
  const salt = randomBytes(32);
  const encrypted = publicEncrypt(
    { key: rsaPublicKey(modulus), oaepHash: "sha256", oaepLabel: Buffer.from("SECRET\0") },
    salt,
  );
  return { salt, encrypted: sized(encrypted) };
}

/** What a command says and whom it names. */
export interface SessionCommand {
  readonly code: number;
  readonly handles: readonly number[];
  readonly names: readonly Buffer[];
  readonly parameters: Buffer;
  readonly authValue: Buffer;
}

/** An HMAC session with SHA-256 and, where asked for, AES-128 CFB encryption of the first parameters. */
export class HmacSession {
  readonly #handle: number;
  readonly #key: Buffer;
  #nonceTpm: Buffer;
  #nonceCaller: Buffer;
  readonly #attributes: number;

  constructor(handle: number, nonceCaller: Buffer, nonceTpm: Buffer, salt: Buffer, encrypts: boolean) {
    this.#handle = handle;
    this.#key = salt.length === 0 ? Buffer.alloc(0) : kdfa(salt, "ATH", nonceTpm, nonceCaller, 256);
    this.#nonceTpm = nonceTpm;
    this.#nonceCaller = nonceCaller;
    this.#attributes = CONTINUE | (encrypts ? DECRYPT | ENCRYPT : 0);
  }

  /** The command's bytes; `sizedFirst` tells where the first parameter is a sized buffer: only that can be encrypted. */
  command(request: SessionCommand, sizedFirst: "in the command" | "in the response"): Buffer {
    const attributes = this.#attributes & ~(sizedFirst === "in the command" ? ENCRYPT : DECRYPT);
    this.#nonceCaller = randomBytes(16);
    const secret = Buffer.concat([this.#key, request.authValue]);
    const parameters = Buffer.from(request.parameters);
    if ((attributes & DECRYPT) !== 0)
      this.#crypt(createCipheriv, secret, this.#nonceCaller, this.#nonceTpm, parameters);
    const cpHash = sha256(u32(request.code), ...request.names, parameters);
    const hmac = createHmac("sha256", secret)
      .update(Buffer.concat([cpHash, this.#nonceCaller, this.#nonceTpm, u8(attributes)]))
      .digest();
    const session = Buffer.concat([u32(this.#handle), sized(this.#nonceCaller), u8(attributes), sized(hmac)]);
    const body = Buffer.concat([...request.handles.map(u32), u32(session.length), session, parameters]);
    return Buffer.concat([u16(0x8002), u32(10 + body.length), u32(request.code), body]);
  }

  /** Verifies a response without handles and returns its parameters in the clear. */
  response(request: SessionCommand, response: Buffer): Buffer {
    const size = response.readUInt32BE(10);
    const parameters = Buffer.from(response.subarray(14, 14 + size));
    const session = response.subarray(14 + size);
    const nonceTpm = session.subarray(2, 2 + session.readUInt16BE(0));
    const attributes = session.readUInt8(2 + nonceTpm.length);
    const hmac = session.subarray(5 + nonceTpm.length);
    const secret = Buffer.concat([this.#key, request.authValue]);
    const rpHash = sha256(u32(0), u32(request.code), parameters);
    const expected = createHmac("sha256", secret)
      .update(Buffer.concat([rpHash, nonceTpm, this.#nonceCaller, u8(attributes)]))
      .digest();
    if (hmac.length !== expected.length || !timingSafeEqual(hmac, expected))
      throw new Error("the response's HMAC is wrong");
    this.#nonceTpm = Buffer.from(nonceTpm);
    if ((attributes & ENCRYPT) !== 0 && parameters.length > 0)
      this.#crypt(createDecipheriv, secret, this.#nonceTpm, this.#nonceCaller, parameters);
    return parameters;
  }

  /** Encrypts or decrypts the first sized buffer in place. */
  #crypt(
    create: typeof createCipheriv | typeof createDecipheriv,
    secret: Buffer,
    newer: Buffer,
    older: Buffer,
    parameters: Buffer,
  ): void {
    const keyAndIv = kdfa(secret, "CFB", newer, older, 256);
    const cipher = create("aes-128-cfb", keyAndIv.subarray(0, 16), keyAndIv.subarray(16));
    const size = parameters.readUInt16BE(0);
    cipher.update(parameters.subarray(2, 2 + size)).copy(parameters, 2);
  }
}
