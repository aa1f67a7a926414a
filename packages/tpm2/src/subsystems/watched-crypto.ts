import type { CipherName, CryptoProvider } from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";
import { TPM_ALG } from "../spec/constants.ts";

/** The same provider, which tells of every algorithm that it is used for. */
export function watchedCrypto(crypto: CryptoProvider, use: (algorithm: number) => void): CryptoProvider {
  const useCipher = (cipher: CipherName, data: Bytes) => {
    if (data.length > 0) use(TPM_ALG[cipher]);
  };
  return {
    name: crypto.name,
    hash(hashAlg, ...data) {
      use(TPM_ALG[hashAlg]);
      return crypto.hash(hashAlg, ...data);
    },
    hmac(hashAlg, key, ...data) {
      use(TPM_ALG[hashAlg]);
      return crypto.hmac(hashAlg, key, ...data);
    },
    hashStart(hashAlg) {
      use(TPM_ALG[hashAlg]);
      return crypto.hashStart(hashAlg);
    },
    hashUpdate: (state, data) => crypto.hashUpdate(state, data),
    hashFinish: (state) => crypto.hashFinish(state),
    encrypt(cipher, mode, key, iv, data) {
      useCipher(cipher, data);
      return crypto.encrypt(cipher, mode, key, iv, data);
    },
    decrypt(cipher, mode, key, iv, data) {
      useCipher(cipher, data);
      return crypto.decrypt(cipher, mode, key, iv, data);
    },
    // Which scheme RSA is used with, only the caller knows.
    rsaPublic: (modulus, exponent, block) => crypto.rsaPublic(modulus, exponent, block),
    rsaPrivate: (key, block) => crypto.rsaPrivate(key, block),
    modPow: (base, exponent, modulus) => crypto.modPow(base, exponent, modulus),
    isPrime: (candidate) => crypto.isPrime(candidate),
    multiplyBase(curve, scalar) {
      use(TPM_ALG.ECDH);
      return crypto.multiplyBase(curve, scalar);
    },
    multiply(curve, point, scalar) {
      use(TPM_ALG.ECDH);
      return crypto.multiply(curve, point, scalar);
    },
    multiplyX(curve, point, scalar) {
      use(TPM_ALG.ECDH);
      return crypto.multiplyX(curve, point, scalar);
    },
    multiplyAdd(curve, a, point, b) {
      use(TPM_ALG.ECDH);
      return crypto.multiplyAdd(curve, a, point, b);
    },
    multiplyAddX(curve, a, point, b) {
      use(TPM_ALG.ECDH);
      return crypto.multiplyAddX(curve, a, point, b);
    },
  };
}
