import { type Bytes, digestSize, equalBytesConstantTime, type HashName, KDFa } from "@vtpm/crypto";
import { TPM_ALG, TPMA_SESSION, type TPMT_SYM_DEF_NULLABLE } from "@vtpm/tpm2/spec";
import { concatBytes, EMPTY, encode, equalBytes, Reader, UINT32, Writer, xorBytes } from "@vtpm/wire";
import type { CallerCrypto } from "./caller-crypto.ts";
import { ClientError } from "./client-error.ts";

/** Bits of a block of AES and Camellia, the ciphers of parameters. */
const BLOCK_BITS = 128;

/** What a session does beside going along with one command. */
export interface SessionOptions {
  /** Encrypts the first parameter of the command. */
  readonly decrypt?: boolean;
  /** Has the TPM encrypt the first parameter of the response. */
  readonly encrypt?: boolean;
  /** Extends the session's audit digest. */
  readonly audit?: boolean;
  /** Ends the session when the command succeeds. */
  readonly end?: boolean;
  /** The authValue that the command gives the entity, if it changes it: the response is proven with that. */
  readonly newAuthValue?: Bytes;
  /**
   * How the authValue proves itself: in the HMAC key, as a password in the clear (TPM2_PolicyPassword), or not at all. By default HMAC
   * sessions have it in the key, and policy sessions do without, as long as no TPM2_PolicyAuthValue asks for it.
   */
  readonly proof?: "hmac" | "password" | "none";
}

/** A session and how one command uses it. */
export interface SessionUse extends SessionOptions {
  readonly session: Session;
  readonly authValue: Bytes;
}

/** The entity that a session is bound to: with another authValue or Name it is another one. */
export interface BoundEntity {
  readonly name: Bytes;
  readonly authValue: Bytes;
}

/** What is known of a session once the TPM has started it. */
export interface StartedSession {
  readonly handle: number;
  readonly isPolicy: boolean;
  readonly hashAlg: HashName;
  readonly symmetric: TPMT_SYM_DEF_NULLABLE;
  readonly nonceTPM: Bytes;
  readonly nonceCaller: Bytes;
  /** The authValue of the bound entity, then the salt; empty without either. */
  readonly secret: Bytes;
  readonly bound: BoundEntity | undefined;
}

/** The command that sessions vouch for. */
export interface SessionCommand {
  readonly code: number;
  readonly names: readonly Bytes[];
}

/**
 * The caller's side of a session: proves commands, checks responses, encrypts and decrypts parameters. One command at a time.
 *
 * @spec Part 1, "Session-Based Authorizations", "Session-Based Encryption"
 */
export class Session {
  readonly handle: number;
  readonly #crypto: CallerCrypto;
  readonly #started: StartedSession;
  readonly #key: Bytes;
  #bound: BoundEntity | undefined;
  #nonceTPM: Bytes;
  #nonceCaller: Bytes;

  constructor(crypto: CallerCrypto, started: StartedSession) {
    const { handle, hashAlg, nonceTPM, nonceCaller, secret, bound } = started;
    this.handle = handle;
    this.#crypto = crypto;
    this.#started = started;
    this.#bound = bound;
    this.#nonceTPM = nonceTPM;
    this.#nonceCaller = nonceCaller;
    const input = { hashAlg, key: secret, label: "ATH", contextU: nonceTPM, contextV: nonceCaller };
    this.#key = secret.length === 0 ? EMPTY : KDFa(crypto.provider, { ...input, bits: 8 * digestSize(hashAlg) });
  }

  /** Authorizes a handle, whose authValue this is. */
  authorize(authValue: Bytes = EMPTY, options: SessionOptions = {}): SessionUse {
    return { ...options, session: this, authValue: withoutTrailingZeros(authValue) };
  }

  /** Goes along with a command without authorizing anything: to encrypt, to audit, to vouch for what is sent. */
  accompany(options: SessionOptions = {}): SessionUse {
    return { ...options, session: this, authValue: EMPTY };
  }

  /** A new nonce, for the next command. */
  renew(): void {
    this.#nonceCaller = this.#crypto.random.generate(this.#started.nonceCaller.length);
  }

  get nonceTPM(): Bytes {
    return this.#nonceTPM;
  }

  /** The parameters with the first encrypted. */
  encryptCommand(use: SessionUse, parameters: Bytes): Bytes {
    return this.#transform("encrypt", use, this.#nonceCaller, this.#nonceTPM, parameters);
  }

  /** The session's part of the authorization area. `name`: of what it authorizes. `others`: nonces of sessions that encrypt for this one. */
  prove(use: SessionUse, command: SessionCommand, parameters: Bytes, name: Bytes | undefined, others: Bytes): Bytes {
    const { provider } = this.#crypto;
    const { hashAlg } = this.#started;
    const attributes = attributesOf(use);
    let proof = use.authValue;
    if (use.proof !== "password") {
      const cpHash = provider.hash(hashAlg, encode(UINT32, command.code), ...command.names, parameters);
      const flags = Uint8Array.of(attributes);
      const key = concatBytes(this.#key, this.#isInKey(use, name) ? use.authValue : EMPTY);
      proof = provider.hmac(hashAlg, key, cpHash, this.#nonceCaller, this.#nonceTPM, others, flags);
    }
    const writer = new Writer();
    writer.uint32(this.handle);
    writer.uint16(this.#nonceCaller.length);
    writer.bytes(this.#nonceCaller);
    writer.uint8(attributes);
    writer.uint16(proof.length);
    writer.bytes(proof);
    return writer.finish();
  }

  /**
   * Checks that the response comes from the TPM.
   *
   * @throws ClientError `UNAUTHENTIC` if it does not
   */
  check(
    use: SessionUse,
    command: SessionCommand,
    parameters: Bytes,
    name: Bytes | undefined,
    { nonceTPM, attributes, hmac }: ResponseSession,
  ): void {
    this.#nonceTPM = nonceTPM;
    if (use.proof === "password") return;
    const { provider } = this.#crypto;
    const { hashAlg } = this.#started;
    const authValue = withoutTrailingZeros(use.newAuthValue ?? use.authValue);
    const isInKey = this.#isInKey(use, name);
    // Where a TPM keeps what a session is bound to, there is its audit digest from the first audited command on.
    if (use.audit === true) this.#bound = undefined;
    const key = concatBytes(this.#key, isInKey ? authValue : EMPTY);
    const rpHash = provider.hash(hashAlg, encode(UINT32, 0), encode(UINT32, command.code), parameters);
    const expected = provider.hmac(hashAlg, key, rpHash, nonceTPM, this.#nonceCaller, Uint8Array.of(attributes));
    if (!equalBytesConstantTime(expected, hmac)) {
      const session = `session 0x${this.handle.toString(16)}`;
      throw new ClientError("UNAUTHENTIC", `the response was not made with the key of ${session}: it may be forged`);
    }
  }

  /** The parameters of a response with the first decrypted. */
  decryptResponse(use: SessionUse, parameters: Bytes): Bytes {
    const { newAuthValue, authValue } = use;
    const now = { ...use, authValue: withoutTrailingZeros(newAuthValue ?? authValue) };
    return this.#transform("decrypt", now, this.#nonceTPM, this.#nonceCaller, parameters);
  }

  /** @spec Part 1, "HMAC Computation": the key of a bound session has the authValue of its entity already */
  #isInKey({ proof, authValue }: SessionUse, name: Bytes | undefined): boolean {
    if (name === undefined) return false;
    if (this.#started.isPolicy) return proof === "hmac";
    if (proof === "none") return false;
    const bound = this.#bound;
    return bound === undefined || !equalBytes(bound.name, name) || !equalBytesConstantTime(bound.authValue, authValue);
  }

  #transform(direction: "encrypt" | "decrypt", use: SessionUse, newer: Bytes, older: Bytes, parameters: Bytes): Bytes {
    const { symmetric, hashAlg } = this.#started;
    const { provider } = this.#crypto;
    if (symmetric.algorithm === TPM_ALG.NULL) throw new RangeError("the session was started without a cipher");
    const reader = new Reader(parameters);
    const data = reader.bytes(reader.uint16());
    const kdf = { hashAlg, key: concatBytes(this.#key, use.authValue), contextU: newer, contextV: older };
    let result: Bytes;
    if (symmetric.algorithm === TPM_ALG.XOR) {
      result = xorBytes(data, KDFa(provider, { ...kdf, label: "XOR", bits: 8 * data.length }));
    } else {
      const cipher = symmetric.algorithm === TPM_ALG.AES ? "AES" : "CAMELLIA";
      const keySize = symmetric.keyBits / 8;
      const keyAndIv = KDFa(provider, { ...kdf, label: "CFB", bits: symmetric.keyBits + BLOCK_BITS });
      const [key, iv] = [keyAndIv.slice(0, keySize), keyAndIv.slice(keySize)];
      result = provider[direction](cipher, "CFB", key, iv, data).data;
    }
    return concatBytes(parameters.slice(0, 2), result, parameters.slice(2 + data.length));
  }
}

/** The session's part of a response. */
export interface ResponseSession {
  readonly nonceTPM: Bytes;
  readonly attributes: number;
  readonly hmac: Bytes;
}

function attributesOf({ decrypt = false, encrypt = false, audit = false, end = false }: SessionOptions): number {
  return TPMA_SESSION.of({ continueSession: !end, decrypt, encrypt, audit });
}

/** The TPM compares and keys authValues without them. @spec Part 1, "Authorization Values" */
export function withoutTrailingZeros(authValue: Bytes): Bytes {
  let size = authValue.length;
  while (size > 0 && authValue[size - 1] === 0) size--;
  return authValue.slice(0, size);
}
