import type { CurveName, HashName } from "@vtpm/crypto";
import { type Bytes, fromHex } from "@vtpm/wire";

// Object identifiers, encoded with tag and length.

export const OID = {
  rsaEncryption: fromHex("0609 2a864886f70d010101"),
  mgf1: fromHex("0609 2a864886f70d010108"),
  rsassaPss: fromHex("0609 2a864886f70d01010a"),
  ecPublicKey: fromHex("0607 2a8648ce3d0201"),
  keyUsage: fromHex("0603 551d0f"),
  /** The extension that tells the attributes of a TPM's key. */
  tcgTpmaObject: fromHex("0607 6781050a010101"),
} as const;

export const HASH_OID: Readonly<Record<HashName, Bytes>> = {
  SHA1: fromHex("0605 2b0e03021a"),
  SHA256: fromHex("0609 608648016503040201"),
  SHA384: fromHex("0609 608648016503040202"),
  SHA512: fromHex("0609 608648016503040203"),
  SHA3_256: fromHex("0609 608648016503040208"),
  SHA3_384: fromHex("0609 608648016503040209"),
  SHA3_512: fromHex("0609 60864801650304020a"),
};

/** RSASSA with a hash. */
export const RSASSA_OID: Readonly<Record<HashName, Bytes>> = {
  SHA1: fromHex("0609 2a864886f70d010105"),
  SHA256: fromHex("0609 2a864886f70d01010b"),
  SHA384: fromHex("0609 2a864886f70d01010c"),
  SHA512: fromHex("0609 2a864886f70d01010d"),
  SHA3_256: fromHex("0609 60864801650304030e"),
  SHA3_384: fromHex("0609 60864801650304030f"),
  SHA3_512: fromHex("0609 608648016503040310"),
};

/** ECDSA with a hash. */
export const ECDSA_OID: Readonly<Record<HashName, Bytes>> = {
  SHA1: fromHex("0607 2a8648ce3d0401"),
  SHA256: fromHex("0608 2a8648ce3d040302"),
  SHA384: fromHex("0608 2a8648ce3d040303"),
  SHA512: fromHex("0608 2a8648ce3d040304"),
  SHA3_256: fromHex("0609 60864801650304030a"),
  SHA3_384: fromHex("0609 60864801650304030b"),
  SHA3_512: fromHex("0609 60864801650304030c"),
};

/** The curves that certificates can name. */
export const CURVE_OID: Readonly<Partial<Record<CurveName, Bytes>>> = {
  NIST_P192: fromHex("0608 2a8648ce3d030101"),
  NIST_P224: fromHex("0605 2b81040021"),
  NIST_P256: fromHex("0608 2a8648ce3d030107"),
  NIST_P384: fromHex("0605 2b81040022"),
  NIST_P521: fromHex("0605 2b81040023"),
  SM2_P256: fromHex("0608 2a811ccf5501822d"),
};
