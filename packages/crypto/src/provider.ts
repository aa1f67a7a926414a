/** Bytes as the engine knows them: never a `Buffer`, never aliasing a caller's memory. */
export type Bytes = Uint8Array;

/** Hash algorithms a TPM may have. */
export type HashName = "SHA1" | "SHA256" | "SHA384" | "SHA512" | "SHA3_256" | "SHA3_384" | "SHA3_512";

/** Block ciphers a TPM may have; the key size follows from the key. */
export type CipherName = "AES" | "CAMELLIA" | "TDES";

/** Block cipher modes of Part 2, "TPMI_ALG_SYM_MODE". */
export type CipherMode = "CTR" | "OFB" | "CBC" | "CFB" | "ECB";

/** Elliptic curves, by the specification's names without the `TPM_ECC_` prefix. */
export type CurveName =
  | "NIST_P192"
  | "NIST_P224"
  | "NIST_P256"
  | "NIST_P384"
  | "NIST_P521"
  | "BN_P256"
  | "BN_P638"
  | "SM2_P256";

/** An affine point; the point at infinity is `undefined` wherever it can occur. */
export interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** A hash computation at rest: plain data, so that it can be saved, compared and resumed anywhere. */
export interface HashState {
  readonly hashAlg: HashName;
  /** Chaining value, big-endian words in order: 20, 32 or 64 bytes; of SHA-3 the 200 bytes of the sponge. */
  readonly chaining: Bytes;
  /** Bytes absorbed so far, the pending ones included. */
  readonly length: bigint;
  /** Bytes that do not fill a block yet. */
  readonly pending: Bytes;
}

/** An RSA private key as a TPM keeps it: everything else is derived at first use and remembered by the provider. */
export interface RsaPrivateKey {
  /** Modulus, big-endian, without leading zeros. */
  readonly modulus: Bytes;
  readonly exponent: number;
  /** One prime factor, big-endian; the caller has checked that it divides the modulus. */
  readonly prime: Bytes;
}

/** What a symmetric operation leaves behind. */
export interface CipherResult {
  readonly data: Bytes;
  /**
   * The chaining value with which a next call continues; empty for ECB, unchanged when there was no data.
   * CTR: the counter after the last block used, whole or not. CBC: the last ciphertext block. OFB: the last key stream block.
   * CFB: the last ciphertext block; if the data ends inside a block, what is missing is the unused key stream of that block, as in libtpms
   * built with OpenSSL (the reference code has zeros there).
   */
  readonly iv: Bytes;
}

/**
 * The primitives the engine needs, nothing more: schemes (paddings, signatures, key derivation) are built on them once,
 * for all providers. Synchronous, deterministic, no randomness of its own: equal input gives equal output in every provider.
 * Sizes that an operation cannot take are a `RangeError` in every provider.
 */
export interface CryptoProvider {
  readonly name: string;

  /** Digest of the concatenation of all data. */
  hash(hashAlg: HashName, ...data: Bytes[]): Bytes;
  /** HMAC of the concatenation of all data; a key of any size. */
  hmac(hashAlg: HashName, key: Bytes, ...data: Bytes[]): Bytes;

  hashStart(hashAlg: HashName): HashState;
  hashUpdate(state: HashState, data: Bytes): HashState;
  hashFinish(state: HashState): Bytes;

  /** AES in ECB mode for many calls with one key, where a provider is faster with that than with `encrypt`. */
  aesEncryptor?(key: Bytes): (blocks: Bytes) => Bytes;
  /** One call of a mode over whole data (CTR, OFB, CFB: any size; CBC, ECB: whole blocks). */
  encrypt(cipher: CipherName, mode: CipherMode, key: Bytes, iv: Bytes, data: Bytes): CipherResult;
  decrypt(cipher: CipherName, mode: CipherMode, key: Bytes, iv: Bytes, data: Bytes): CipherResult;

  /** `block^exponent mod modulus`, as many bytes as the modulus; `block` is less than the modulus and not longer. */
  rsaPublic(modulus: Bytes, exponent: number, block: Bytes): Bytes;
  /**
   * `block^d mod modulus`, as many bytes as the modulus, blinded or native. A key whose factors are no primes is a `RangeError`, at the
   * latest when a result is wrong.
   */
  rsaPrivate(key: RsaPrivateKey, block: Bytes): Bytes;
  /** `base^exponent mod modulus` for an odd modulus above 1; `0 <= base`, `0 <= exponent < modulus`. Not for secret exponents. */
  modPow(base: bigint, exponent: bigint, modulus: bigint): bigint;
  /** Whether `candidate` is prime; error probability below 2^-100, for hostile candidates too. */
  isPrime(candidate: bigint): boolean;

  /** `scalar * G`; `undefined` for a multiple of the order. */
  multiplyBase(curve: CurveName, scalar: bigint): Point | undefined;
  /** `scalar * point`; the point is on the curve. */
  multiply(curve: CurveName, point: Point, scalar: bigint): Point | undefined;
  /** The x coordinate of `scalar * point`, at half the price where a provider has no more than that natively. */
  multiplyX(curve: CurveName, point: Point, scalar: bigint): bigint | undefined;
  /** `a * G + b * point`, for public scalars. */
  multiplyAdd(curve: CurveName, a: bigint, point: Point, b: bigint): Point | undefined;
  /** The x coordinate of `a * G + b * point`, for public scalars: what verifying a signature needs. */
  multiplyAddX(curve: CurveName, a: bigint, point: Point, b: bigint): bigint | undefined;
}

/** A source of bytes for key generation: the seeded generator, a KDF stream, or the platform's entropy. */
export interface RandomSource {
  generate(size: number): Bytes;
}
