import { type Bytes, concatBytes, EMPTY, encode, equalBytes, Reader, toHex, UINT16, UINT32 } from "@vtpm/wire";
import { TPMA_SESSION } from "../spec/attributes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { digestSize, hash, hmac, kdfa, type SessionCipher, transformParameter } from "./caller-crypto.ts";

/** What a caller knows of a session it has started. */
export interface TestSessionOptions {
  readonly handle: number;
  readonly hashAlg?: number;
  readonly nonceTPM: Bytes;
  readonly nonceCaller: Bytes;
  readonly sessionKey?: Bytes;
  /** TPMA_SESSION for the next commands. */
  readonly attributes?: number;
  readonly symmetric?: SessionCipher;
}

/**
 * The caller's side of a session: computes HMACs and encrypts parameters from the specification's formulas, independently
 * of the engine, and checks what the TPM answers.
 */
export class TestSession {
  readonly handle: number;
  readonly hashAlg: number;
  nonceTPM: Bytes;
  nonceCaller: Bytes;
  sessionKey: Bytes;
  attributes: number;
  readonly symmetric: SessionCipher;
  /** The authValue of the entity authorized. */
  authValue: Bytes = EMPTY;
  /** Whether it stays out of the HMAC key: for the bound entity, and without TPM2_PolicyAuthValue. It always encrypts. */
  leavesOutAuthValue = false;
  /** The authValue that the command gives the entity: the response is made with it. */
  nextAuthValue: Bytes | undefined;
  /** For a policy session with TPM2_PolicyPassword: the password goes where the HMAC would be. */
  password: Bytes | undefined;
  /** Sent in place of the right HMAC. */
  forgedHmac: Bytes | undefined;
  /** TPMA_SESSION of the last response. */
  answeredAttributes = 0;
  #counter = 0;
  #sentHmac = false;

  constructor(options: TestSessionOptions) {
    this.handle = options.handle;
    this.hashAlg = options.hashAlg ?? TPM_ALG.SHA256;
    this.nonceTPM = options.nonceTPM;
    this.nonceCaller = options.nonceCaller;
    this.sessionKey = options.sessionKey ?? EMPTY;
    this.attributes = options.attributes ?? TPMA_SESSION.of({ continueSession: true });
    this.symmetric = options.symmetric ?? { algorithm: TPM_ALG.NULL };
  }

  /** The session key of a bound or salted session, from authValue and salt. */
  deriveKey(secret: Bytes): this {
    this.sessionKey = kdfa(this.hashAlg, secret, "ATH", this.nonceTPM, this.nonceCaller, digestSize(this.hashAlg));
    return this;
  }

  /** Sets the TPMA_SESSION of the next commands. */
  with(attributes: Parameters<typeof TPMA_SESSION.of>[0]): this {
    this.attributes = TPMA_SESSION.of(attributes);
    return this;
  }

  /** Sets the authValue of the entity that the next commands authorize. */
  knowing(authValue: Bytes): this {
    this.authValue = authValue;
    return this;
  }

  /** Encrypts the first parameter if the session is to; called before all HMACs are computed. */
  encryptParameter(parameters: Bytes): Bytes {
    this.nonceCaller = hash(TPM_ALG.SHA256, this.nonceCaller, Uint8Array.of(this.#counter++)).slice(0, 20);
    return TPMA_SESSION.has(this.attributes, "decrypt") && parameters.length >= 2
      ? this.#transform("encrypt", parameters, this.nonceCaller, this.nonceTPM)
      : parameters;
  }

  get #hmacKey(): Bytes {
    return this.leavesOutAuthValue ? this.sessionKey : concatBytes(this.sessionKey, this.authValue);
  }

  /** The session's part of the authorization area. */
  authorize(
    commandCode: number,
    names: readonly Bytes[],
    parameters: Bytes,
    _handle: number | undefined,
    sessions: readonly TestSession[],
    guards: boolean,
  ): Bytes {
    const cpHash = hash(this.hashAlg, encode(UINT32, commandCode), ...names, parameters);
    const others = guards ? this.#othersNonces(sessions) : EMPTY;
    const flags = Uint8Array.of(this.attributes);
    const key = this.#hmacKey;
    const right =
      key.length === 0 ? EMPTY : hmac(this.hashAlg, key, cpHash, this.nonceCaller, this.nonceTPM, others, flags);
    const sent = this.forgedHmac ?? this.password ?? right;
    this.#sentHmac = sent.length > 0;
    return concatBytes(
      encode(UINT32, this.handle),
      encode(UINT16, this.nonceCaller.length),
      this.nonceCaller,
      flags,
      encode(UINT16, sent.length),
      sent,
    );
  }

  #othersNonces(sessions: readonly TestSession[]): Bytes {
    const decrypt = sessions.find((session) => TPMA_SESSION.has(session.attributes, "decrypt"));
    const encrypt = sessions.find((session) => TPMA_SESSION.has(session.attributes, "encrypt"));
    const nonceOf = (session: TestSession | undefined): Bytes =>
      session === undefined || session === this ? EMPTY : session.nonceTPM;
    return concatBytes(nonceOf(decrypt), encrypt === decrypt ? EMPTY : nonceOf(encrypt));
  }

  /** Checks the response HMAC, takes over the new nonce and decrypts the first response parameter. */
  accept(commandCode: number, parameters: Bytes, nonceTPM: Bytes, attributes: number, received: Bytes): Bytes {
    this.nonceTPM = nonceTPM;
    this.answeredAttributes = attributes;
    if (this.nextAuthValue !== undefined) this.authValue = this.nextAuthValue;
    this.nextAuthValue = undefined;
    const key = this.#hmacKey;
    let expected: Bytes = EMPTY;
    // Without any secret there is no HMAC, unless the command had one: then the key has just become empty.
    if ((key.length > 0 || this.#sentHmac) && this.password === undefined) {
      const rpHash = hash(this.hashAlg, encode(UINT32, 0), encode(UINT32, commandCode), parameters);
      expected = hmac(this.hashAlg, key, rpHash, nonceTPM, this.nonceCaller, Uint8Array.of(attributes));
    }
    if (!equalBytes(expected, received)) {
      throw new Error(`response HMAC ${toHex(received)}, expected ${toHex(expected)}`);
    }
    return TPMA_SESSION.has(this.attributes, "encrypt")
      ? this.#transform("decrypt", parameters, nonceTPM, this.nonceCaller)
      : parameters;
  }

  #transform(direction: "encrypt" | "decrypt", parameters: Bytes, newer: Bytes, older: Bytes): Bytes {
    const size = new Reader(parameters).uint16();
    const data = parameters.slice(2, 2 + size);
    const key = concatBytes(this.sessionKey, this.authValue);
    const result = transformParameter(direction, this.symmetric, this.hashAlg, key, newer, older, data);
    return concatBytes(parameters.slice(0, 2), result, parameters.slice(2 + size));
  }
}
