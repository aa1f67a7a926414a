import { TPM_ALG, TPM_ECC_CURVE } from "../spec/constants.ts";

/** A size of key in bits, and the format that a state must have for it. */
export interface KeySize {
  readonly bits: number;
  readonly level: number;
}

/** An algorithm as configurations name it. */
export interface KnownAlgorithm {
  readonly token: string;
  /** TPMA_ALGORITHM; absent: not listed by TPM2_GetCapability. */
  readonly properties?: number;
  /** Whether no profile can do without it. */
  readonly required: boolean;
  readonly keySizes?: readonly KeySize[];
}

const optional = (token: string, properties: number): KnownAlgorithm => ({ token, properties, required: false });
const required = (token: string, properties: number): KnownAlgorithm => ({ token, properties, required: true });
const sizes = (...bits: readonly number[]): KeySize[] => bits.map((size) => ({ bits: size, level: 1 }));
/** 192 bits were added later. */
const CIPHER_SIZES: readonly KeySize[] = [
  { bits: 128, level: 1 },
  { bits: 192, level: 4 },
  { bits: 256, level: 1 },
];

/** The algorithms of libtpms in the order of TPM_CAP_ALGS. @spec Part 2, "TPMA_ALGORITHM" */
export const ALGORITHMS: ReadonlyMap<number, KnownAlgorithm> = new Map([
  [TPM_ALG.RSA, { ...required("rsa", 0x009), keySizes: [...sizes(1024, 2048, 3072), { bits: 4096, level: 8 }] }],
  [TPM_ALG.TDES, { ...optional("tdes", 0x002), keySizes: sizes(128, 192) }],
  [TPM_ALG.SHA1, optional("sha1", 0x004)],
  [TPM_ALG.HMAC, required("hmac", 0x104)],
  [TPM_ALG.AES, { ...required("aes", 0x002), keySizes: CIPHER_SIZES }],
  [TPM_ALG.MGF1, required("mgf1", 0x404)],
  [TPM_ALG.KEYEDHASH, required("keyedhash", 0x30c)],
  [TPM_ALG.XOR, required("xor", 0x006)],
  [TPM_ALG.SHA256, required("sha256", 0x004)],
  [TPM_ALG.SHA384, required("sha384", 0x004)],
  [TPM_ALG.SHA512, optional("sha512", 0x004)],
  [TPM_ALG.NULL, { token: "null", required: true }],
  [TPM_ALG.RSASSA, optional("rsassa", 0x101)],
  [TPM_ALG.RSAES, optional("rsaes", 0x201)],
  [TPM_ALG.RSAPSS, optional("rsapss", 0x101)],
  [TPM_ALG.OAEP, required("oaep", 0x201)],
  [TPM_ALG.ECDSA, required("ecdsa", 0x101)],
  [TPM_ALG.ECDH, required("ecdh", 0x401)],
  [TPM_ALG.ECDAA, optional("ecdaa", 0x101)],
  [TPM_ALG.SM2, optional("sm2", 0x501)],
  [TPM_ALG.ECSCHNORR, optional("ecschnorr", 0x101)],
  [TPM_ALG.ECMQV, optional("ecmqv", 0x401)],
  [TPM_ALG.KDF1_SP800_56A, required("kdf1-sp800-56a", 0x404)],
  [TPM_ALG.KDF2, required("kdf2", 0x404)],
  [TPM_ALG.KDF1_SP800_108, required("kdf1-sp800-108", 0x404)],
  [TPM_ALG.ECC, { ...required("ecc", 0x009), keySizes: sizes(192, 224, 256, 384, 521, 638) }],
  [TPM_ALG.SYMCIPHER, required("symcipher", 0x008)],
  [TPM_ALG.CAMELLIA, { ...optional("camellia", 0x002), keySizes: CIPHER_SIZES }],
  [TPM_ALG.CMAC, optional("cmac", 0x102)],
  [TPM_ALG.CTR, optional("ctr", 0x202)],
  [TPM_ALG.OFB, optional("ofb", 0x202)],
  [TPM_ALG.CBC, optional("cbc", 0x202)],
  [TPM_ALG.CFB, required("cfb", 0x202)],
  [TPM_ALG.ECB, optional("ecb", 0x202)],
]);

/** A curve as configurations name it, by itself or with the others of its family. */
export interface KnownCurve {
  readonly token: string;
  readonly family?: string;
  readonly bits: number;
  readonly required: boolean;
}

const nist = (bits: number, isRequired = false): KnownCurve => ({
  token: `ecc-nist-p${bits}`,
  family: "ecc-nist",
  bits,
  required: isRequired,
});
const bn = (bits: number): KnownCurve => ({ token: `ecc-bn-p${bits}`, family: "ecc-bn", bits, required: false });

/** The curves of libtpms in the order of TPM_CAP_ECC_CURVES. */
export const KNOWN_CURVES: ReadonlyMap<number, KnownCurve> = new Map([
  [TPM_ECC_CURVE.NIST_P192, nist(192)],
  [TPM_ECC_CURVE.NIST_P224, nist(224)],
  [TPM_ECC_CURVE.NIST_P256, nist(256, true)],
  [TPM_ECC_CURVE.NIST_P384, nist(384, true)],
  [TPM_ECC_CURVE.NIST_P521, nist(521)],
  [TPM_ECC_CURVE.BN_P256, bn(256)],
  [TPM_ECC_CURVE.BN_P638, bn(638)],
  [TPM_ECC_CURVE.SM2_P256, { token: "ecc-sm2-p256", bits: 256, required: false }],
]);
