import { TPM_ALG, TPMA_OBJECT, type TPMT_PUBLIC } from "@vtpm/tpm2/spec";
import { type Bytes, EMPTY, fromHex } from "@vtpm/wire";
import { KEY_ALGORITHMS, type KeyAlgorithm } from "./key-algorithm.ts";

type RsaPublic = Extract<TPMT_PUBLIC, { readonly type: typeof TPM_ALG.RSA }>;
type EccPublic = Extract<TPMT_PUBLIC, { readonly type: typeof TPM_ALG.ECC }>;
/** The public area of an asymmetric key. */
export type KeyPublic = RsaPublic | EccPublic;

type HashAlg = (typeof KEY_ALGORITHMS)[KeyAlgorithm]["nameAlg"];
type Attributes = Parameters<typeof TPMA_OBJECT.of>[0];

interface Policies {
  readonly [TPM_ALG.SHA256]: Bytes;
  readonly [TPM_ALG.SHA384]: Bytes;
  readonly [TPM_ALG.SHA512]: Bytes;
}

/**
 * PolicySecret of the endorsement hierarchy (SHA-256), and that or an authorization in NV (the others).
 *
 * @spec TCG EK Credential Profile, "EK Templates": PolicyA for the low range, PolicyB for the high range
 */
const EK_POLICIES: Policies = {
  [TPM_ALG.SHA256]: fromHex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"),
  [TPM_ALG.SHA384]: fromHex(
    "b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12",
  ),
  [TPM_ALG.SHA512]: fromHex(
    "b8221ca69e8550a4914de3faa6a18c072cc01208073a928d5d66d59ef79e49a429c41a6b269571d57edb25fbdb1838425608b413cd616a5f6db5b6071af99bea",
  ),
};

/** @spec TCG TPM 2.0 Keys for Device Identity and Attestation, "IDevID/IAK Policy NV Indices" */
const IAK_POLICIES: Policies = {
  [TPM_ALG.SHA256]: fromHex("5437182326e414fca797d5f174615a1641f61255797c3a2b22c21d120b2d1e07"),
  [TPM_ALG.SHA384]: fromHex(
    "129d94ebf84556652c6eef43bbb757512ac87e52be7b349ca6ce4d826f749fcf672f51716c5cbb605f313bf345aab312",
  ),
  [TPM_ALG.SHA512]: fromHex(
    "8060d1fb31716a29e48a6e5fece088bcfc1b278fc162255e81c3eca3544cd44af94410c3715d561cccd9e39a6cb2646d43535bb54ea88710deb5f7836bd9b586",
  ),
};
const IDEVID_POLICIES: Policies = {
  [TPM_ALG.SHA256]: fromHex("ad6b3a2284fd698a0710bf5cc1b9bdf15e2532e3f601fa4b93a6a8fa8de579ea"),
  [TPM_ALG.SHA384]: fromHex(
    "4db1aa836d0b5615df6ee53a40ef70c61c217f4303d44695925972bc927006cfa5cbdf6dc18c4dbe329b2f1542c3dd33",
  ),
  [TPM_ALG.SHA512]: fromHex(
    "7dd7500fd6c1b94f97a6af910da147301ef28f662fee06f225a4ccadda3b4e6b38e66b2f3ad5dee1a0503cd2daedb1e68cfe4f84b03a8cd22bb6a976f071a72f",
  ),
};

const FIXED: Attributes = { fixedTPM: true, fixedParent: true, sensitiveDataOrigin: true };
const NO_SCHEME = { scheme: TPM_ALG.NULL } as const;
const NO_CIPHER = { algorithm: TPM_ALG.NULL } as const;
const aes = (keyBits: 128 | 256) => ({ algorithm: TPM_ALG.AES, keyBits, mode: TPM_ALG.CFB }) as const;

/** What an endorsement key is allowed beside being a parent. */
export interface EkUse {
  readonly allowSigning: boolean;
  readonly decryption: boolean;
}

/** The template of an endorsement key, without a nonce. @spec TCG EK Credential Profile, "EK Templates" */
export function ekTemplate(algorithm: KeyAlgorithm, { allowSigning, decryption }: EkUse): KeyPublic {
  const { aesBits, nameAlg } = KEY_ALGORITHMS[algorithm];
  const isLow = nameAlg === TPM_ALG.SHA256;
  const use: Attributes = allowSigning ? { sign: true, decrypt: decryption } : { restricted: true, decrypt: true };
  return keyTemplate(algorithm, {
    // In the high range the user of the hierarchy is the user of the key, too.
    objectAttributes: TPMA_OBJECT.of({ ...FIXED, adminWithPolicy: true, userWithAuth: !isLow, ...use }),
    authPolicy: EK_POLICIES[nameAlg],
    symmetric: allowSigning ? NO_CIPHER : aes(aesBits),
    unique: isLow ? zeros(algorithm) : NONE,
  });
}

/** The template of a storage key at the place where operating systems look for one. @spec TCG TPM v2.0 Provisioning Guidance, "SRK" */
export function storageKeyTemplate(algorithm: KeyAlgorithm): KeyPublic {
  const { aesBits } = KEY_ALGORITHMS[algorithm];
  return keyTemplate(algorithm, {
    objectAttributes: TPMA_OBJECT.of({ ...FIXED, userWithAuth: true, noDA: true, restricted: true, decrypt: true }),
    authPolicy: EMPTY,
    symmetric: aes(aesBits),
    unique: zeros(algorithm),
  });
}

/** The template of an attestation key as clouds have it: it signs what the TPM says, with the key's own authorization. */
export function akTemplate(algorithm: KeyAlgorithm): KeyPublic {
  const { nameAlg: hashAlg, type } = KEY_ALGORITHMS[algorithm];
  return keyTemplate(algorithm, {
    objectAttributes: TPMA_OBJECT.of({ ...FIXED, userWithAuth: true, restricted: true, sign: true }),
    authPolicy: EMPTY,
    unique: NONE,
    ...(type === "rsa"
      ? { rsaScheme: { scheme: TPM_ALG.RSASSA, details: { hashAlg } } }
      : { eccScheme: { scheme: TPM_ALG.ECDSA, details: { hashAlg } } }),
  });
}

/** The template of an initial attestation key. @spec TCG TPM 2.0 Keys for Device Identity and Attestation, "IAK Templates" */
export function iakTemplate(algorithm: KeyAlgorithm): KeyPublic {
  const { nameAlg, type } = KEY_ALGORITHMS[algorithm];
  const hashAlg = nameAlg;
  return keyTemplate(algorithm, {
    objectAttributes: TPMA_OBJECT.of({
      ...FIXED,
      userWithAuth: true,
      adminWithPolicy: true,
      restricted: true,
      sign: true,
    }),
    authPolicy: IAK_POLICIES[nameAlg],
    unique: named("IAK"),
    ...(type === "rsa"
      ? { rsaScheme: { scheme: TPM_ALG.RSAPSS, details: { hashAlg } } }
      : { eccScheme: { scheme: TPM_ALG.ECDSA, details: { hashAlg } } }),
  });
}

/** The template of an initial device identity. @spec TCG TPM 2.0 Keys for Device Identity and Attestation, "IDevID Templates" */
export function idevidTemplate(algorithm: KeyAlgorithm): KeyPublic {
  const { nameAlg, type } = KEY_ALGORITHMS[algorithm];
  return keyTemplate(algorithm, {
    objectAttributes: TPMA_OBJECT.of({ ...FIXED, userWithAuth: true, adminWithPolicy: true, sign: true }),
    authPolicy: IDEVID_POLICIES[nameAlg],
    unique: named("IDEVID"),
    ...(type === "rsa" ? {} : { eccScheme: { scheme: TPM_ALG.ECDSA, details: { hashAlg: nameAlg } } }),
  });
}

interface Unique {
  readonly rsa: Bytes;
  readonly ecc: EccPublic["unique"];
}

interface TemplateParts {
  readonly objectAttributes: number;
  readonly authPolicy: Bytes;
  readonly unique: Unique;
  readonly symmetric?: RsaPublic["parameters"]["symmetric"];
  readonly rsaScheme?: RsaPublic["parameters"]["scheme"];
  readonly eccScheme?: EccPublic["parameters"]["scheme"];
}

/** A template of any kind of asymmetric key. */
export function keyTemplate(algorithm: KeyAlgorithm, parts: TemplateParts): KeyPublic {
  const { objectAttributes, authPolicy, unique, symmetric = NO_CIPHER } = parts;
  const kind = KEY_ALGORITHMS[algorithm];
  const { nameAlg }: { nameAlg: HashAlg } = kind;
  if (kind.type === "rsa") {
    const { rsaScheme: scheme = NO_SCHEME } = parts;
    const parameters = { symmetric, scheme, keyBits: kind.bits, exponent: 0 };
    return { type: TPM_ALG.RSA, nameAlg, objectAttributes, authPolicy, parameters, unique: unique.rsa };
  }
  const { eccScheme: scheme = NO_SCHEME } = parts;
  const parameters = { symmetric, scheme, curveID: kind.curve, kdf: NO_SCHEME };
  return { type: TPM_ALG.ECC, nameAlg, objectAttributes, authPolicy, parameters, unique: unique.ecc };
}

/** `unique` of as many zeros as the key has bytes: another key than with none. */
function zeros(algorithm: KeyAlgorithm): Unique {
  const kind = KEY_ALGORITHMS[algorithm];
  const bytes = new Uint8Array(kind.type === "rsa" ? kind.bits / 8 : kind.size);
  return { rsa: bytes, ecc: { x: bytes, y: bytes } };
}

const NONE: Unique = { rsa: EMPTY, ecc: { x: EMPTY, y: EMPTY } };

function named(name: string): Unique {
  const bytes = new TextEncoder().encode(name);
  return { rsa: bytes, ecc: { x: bytes, y: EMPTY } };
}
