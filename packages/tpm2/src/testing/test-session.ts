import { type CryptoProvider, KDFa } from "@vtpm/crypto";
import { createNodeProvider } from "@vtpm/crypto/node";
import { type Bytes, concatBytes, EMPTY, encode, equalBytes, Reader, toHex, UINT16, UINT32 } from "@vtpm/wire";
import { TPMA_SESSION } from "../spec/attributes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { hashNameOf } from "../subsystems/hash-algorithms.ts";

const NODE = createNodeProvider();

/** What a caller knows of a session it has started. */
export interface TestSessionOptions {
  readonly handle: number;
  readonly hashAlg?: number;
  readonly nonceTPM: Bytes;
  readonly nonceCaller: Bytes;
  readonly sessionKey?: Bytes;
  /** TPMA_SESSION for the next commands. */
  readonly attributes?: number;
  readonly symmetric?: { readonly algorithm: number; readonly keyBits?: number };
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
  readonly symmetric: { readonly algorithm: number; readonly keyBits?: number };
  /** The authValue of the entity authorized, as far as it goes into the HMAC. */
  authValue: Bytes = EMPTY;
  /** For a policy session with TPM2_PolicyPassword: the password goes where the HMAC would be. */
  password: Bytes | undefined;
  #counter = 0;
  readonly #crypto: CryptoProvider = NODE;

  constructor(options: TestSessionOptions) {
    this.handle = options.handle;
    this.hashAlg = options.hashAlg ?? TPM_ALG.SHA256;
    this.nonceTPM = options.nonceTPM;
    this.nonceCaller = options.nonceCaller;
    this.sessionKey = options.sessionKey ?? EMPTY;
    this.attributes = options.attributes ?? TPMA_SESSION.of({ continueSession: true });
    this.symmetric = options.symmetric ?? { algorithm: TPM_ALG.NULL };
  }

  /** The session key of a bound or salted session: KDFa over authValue and salt. */
  deriveKey(secret: Bytes): this {
    const hash = hashNameOf(this.hashAlg);
    const bits = 8 * this.#crypto.hash(hash).length;
    this.sessionKey = KDFa(this.#crypto, {
      hashAlg: hash,
      key: secret,
      label: "ATH",
      contextU: this.nonceTPM,
      contextV: this.nonceCaller,
      bits,
    });
    return this;
  }

  with(attributes: Parameters<typeof TPMA_SESSION.of>[0]): this {
    this.attributes = TPMA_SESSION.of(attributes);
    return this;
  }

  /** Encrypts the first parameter if the session is to; called before all HMACs are computed. */
  encryptParameter(parameters: Bytes): Bytes {
    this.nonceCaller = this.#crypto.hash("SHA256", this.nonceCaller, Uint8Array.of(this.#counter++)).slice(0, 20);
    return TPMA_SESSION.has(this.attributes, "decrypt")
      ? this.#transform("encrypt", parameters, this.nonceCaller, this.nonceTPM)
      : parameters;
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
    const hash = hashNameOf(this.hashAlg);
    const cpHash = this.#crypto.hash(hash, encode(UINT32, commandCode), ...names, parameters);
    const others = guards ? this.#othersNonces(sessions) : EMPTY;
    const key = concatBytes(this.sessionKey, this.authValue);
    const hmac =
      this.password ??
      (key.length === 0
        ? EMPTY
        : this.#crypto.hmac(
            hash,
            key,
            cpHash,
            this.nonceCaller,
            this.nonceTPM,
            others,
            Uint8Array.of(this.attributes),
          ));
    return concatBytes(
      encode(UINT32, this.handle),
      encode(UINT16, this.nonceCaller.length),
      this.nonceCaller,
      Uint8Array.of(this.attributes),
      encode(UINT16, hmac.length),
      hmac,
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
  accept(commandCode: number, parameters: Bytes, nonceTPM: Bytes, attributes: number, hmac: Bytes): Bytes {
    this.nonceTPM = nonceTPM;
    const hash = hashNameOf(this.hashAlg);
    const key = concatBytes(this.sessionKey, this.authValue);
    if (key.length > 0 && this.password === undefined) {
      const rpHash = this.#crypto.hash(hash, encode(UINT32, 0), encode(UINT32, commandCode), parameters);
      const flags = Uint8Array.of(attributes);
      const expected = this.#crypto.hmac(hash, key, rpHash, nonceTPM, this.nonceCaller, flags);
      if (!equalBytes(expected, hmac)) throw new Error(`response HMAC ${toHex(hmac)}, expected ${toHex(expected)}`);
    }
    return TPMA_SESSION.has(this.attributes, "encrypt")
      ? this.#transform("decrypt", parameters, nonceTPM, this.nonceCaller)
      : parameters;
  }

  #transform(direction: "encrypt" | "decrypt", parameters: Bytes, newer: Bytes, older: Bytes): Bytes {
    const size = new Reader(parameters).uint16();
    const data = parameters.slice(2, 2 + size);
    const kdf = {
      hashAlg: hashNameOf(this.hashAlg),
      key: concatBytes(this.sessionKey, this.authValue),
      contextU: newer,
      contextV: older,
    };
    let result: Bytes;
    if (this.symmetric.algorithm === TPM_ALG.XOR) {
      const mask = KDFa(this.#crypto, { ...kdf, label: "XOR", bits: 8 * size });
      result = data.map((byte, i) => byte ^ (mask[i] ?? 0));
    } else {
      const keySize = (this.symmetric.keyBits ?? 128) / 8;
      const keyAndIv = KDFa(this.#crypto, { ...kdf, label: "CFB", bits: 8 * (keySize + 16) });
      const [cipherKey, iv] = [keyAndIv.slice(0, keySize), keyAndIv.slice(keySize)];
      result = this.#crypto[direction]("AES", "CFB", cipherKey, iv, data).data;
    }
    return concatBytes(parameters.slice(0, 2), result, parameters.slice(2 + size));
  }
}
