import { type Bytes, EMPTY } from "@vtpm/wire";
import { TPM_ALG, TPM_ECC_CURVE } from "../../spec/constants.ts";
import { TPMA_OBJECT, type TPMT_PUBLIC } from "../../spec/structures/index.ts";
import type { Chooser } from "./chooser.ts";

const AES_CFB = { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CFB } as const;
const NO_CIPHER = { algorithm: TPM_ALG.NULL } as const;
const NO_SCHEME = { scheme: TPM_ALG.NULL } as const;
const SHA256 = { hashAlg: TPM_ALG.SHA256 } as const;
const POINT = { x: EMPTY, y: EMPTY } as const;

/** Kinds of objects. */
export const KINDS = [
  "storage",
  "derivationParent",
  "rsaSign",
  "eccSign",
  "eccRestrictedSign",
  "rsaDecrypt",
  "eccDecrypt",
  "hmac",
  "symmetric",
  "sealed",
] as const;
export type Kind = (typeof KINDS)[number];

type Attributes = Parameters<typeof TPMA_OBJECT.of>[0];

/** What is common to all templates: who may use the object and where it may go. */
export interface Common {
  readonly policy: Bytes;
  /** Whether the parent, or the hierarchy, lets the object be fixed to the TPM. */
  readonly mayBeFixed: boolean;
}

/** A public area to create an object of a kind from; with data where its kind has some. */
export function template(
  dice: Chooser,
  kind: Kind,
  { policy, mayBeFixed }: Common,
): { readonly publicArea: TPMT_PUBLIC; readonly data: Bytes } {
  const fixed = mayBeFixed && dice.chance(0.7);
  const usual: Attributes = {
    fixedTPM: fixed,
    fixedParent: fixed,
    sensitiveDataOrigin: true,
    userWithAuth: dice.chance(0.95),
    adminWithPolicy: policy.length > 0 && dice.chance(0.4),
    noDA: dice.chance(0.6),
    stClear: dice.chance(0.05),
    encryptedDuplication: !fixed && dice.chance(0.1),
  };
  const area = (changes: Attributes) =>
    ({
      nameAlg: dice.chance(0.85) || policy.length > 0 ? TPM_ALG.SHA256 : dice.pick([TPM_ALG.SHA1, TPM_ALG.SHA384]),
      objectAttributes: TPMA_OBJECT.of({ ...usual, ...changes }),
      authPolicy: policy,
    }) as const;
  const ecc = (
    attributes: Attributes,
    scheme: EccScheme,
    curveID: Curve,
    symmetric: Cipher = NO_CIPHER,
  ): TPMT_PUBLIC => ({
    type: TPM_ALG.ECC,
    ...area(attributes),
    parameters: { symmetric, scheme, curveID, kdf: NO_SCHEME },
    unique: POINT,
  });
  const rsa = (attributes: Attributes, scheme: RsaScheme, symmetric: Cipher = NO_CIPHER): TPMT_PUBLIC => ({
    type: TPM_ALG.RSA,
    ...area(attributes),
    parameters: { symmetric, scheme, keyBits: dice.chance(0.7) ? 2048 : 1024, exponent: dice.pick([0, 0, 65537]) },
    unique: EMPTY,
  });
  const only = (publicArea: TPMT_PUBLIC) => ({ publicArea, data: EMPTY });
  const NIST = [TPM_ECC_CURVE.NIST_P256, TPM_ECC_CURVE.NIST_P256, TPM_ECC_CURVE.NIST_P384] as const;
  switch (kind) {
    case "storage":
      if (dice.chance(0.1)) return only(rsa({ restricted: true, decrypt: true }, NO_SCHEME, AES_CFB));
      if (dice.chance(0.1)) {
        return only({
          type: TPM_ALG.SYMCIPHER,
          ...area({ restricted: true, decrypt: true }),
          parameters: { sym: AES_CFB },
          unique: EMPTY,
        });
      }
      return only(ecc({ restricted: true, decrypt: true }, NO_SCHEME, dice.pick(NIST), AES_CFB));
    case "derivationParent": {
      const details = { hashAlg: TPM_ALG.SHA256, kdf: TPM_ALG.KDF1_SP800_108 } as const;
      return only({
        type: TPM_ALG.KEYEDHASH,
        ...area({ restricted: true, decrypt: true }),
        parameters: { scheme: { scheme: TPM_ALG.XOR, details } },
        unique: EMPTY,
      });
    }
    case "rsaSign":
      return only(
        rsa(
          { sign: true, restricted: dice.chance(0.1), x509sign: dice.chance(0.3) },
          dice.pick([
            NO_SCHEME,
            { scheme: TPM_ALG.RSASSA, details: SHA256 },
            { scheme: TPM_ALG.RSAPSS, details: SHA256 },
          ]),
        ),
      );
    case "eccSign": {
      const scheme = dice.pick<EccScheme>([
        NO_SCHEME,
        { scheme: TPM_ALG.ECDSA, details: SHA256 },
        { scheme: TPM_ALG.ECSCHNORR, details: SHA256 },
        { scheme: TPM_ALG.ECDAA, details: { hashAlg: TPM_ALG.SHA256, count: 1 } },
        { scheme: TPM_ALG.SM2, details: SHA256 },
      ]);
      const curves = [TPM_ECC_CURVE.NIST_P256, TPM_ECC_CURVE.BN_P256, TPM_ECC_CURVE.SM2_P256] as const;
      const curve = scheme.scheme === TPM_ALG.ECDAA ? TPM_ECC_CURVE.BN_P256 : dice.pick([...NIST, ...curves]);
      return only(ecc({ sign: true, x509sign: dice.chance(0.2) }, scheme, curve));
    }
    case "eccRestrictedSign":
      return only(ecc({ sign: true, restricted: true }, { scheme: TPM_ALG.ECDSA, details: SHA256 }, dice.pick(NIST)));
    case "rsaDecrypt":
      return only(
        rsa(
          { decrypt: true },
          dice.pick([NO_SCHEME, { scheme: TPM_ALG.OAEP, details: SHA256 }, { scheme: TPM_ALG.RSAES, details: {} }]),
        ),
      );
    case "eccDecrypt":
      return only(
        ecc(
          { decrypt: true },
          dice.pick<EccScheme>([NO_SCHEME, { scheme: TPM_ALG.ECDH, details: SHA256 }]),
          dice.pick([...NIST, TPM_ECC_CURVE.BN_P256, TPM_ECC_CURVE.NIST_P521]),
        ),
      );
    case "hmac": {
      const data = dice.chance(0.5) ? dice.bytes(32) : EMPTY;
      const restricted = dice.chance(0.2);
      const open = !restricted && dice.chance(0.3);
      return {
        publicArea: {
          type: TPM_ALG.KEYEDHASH,
          ...area({ sign: true, restricted, sensitiveDataOrigin: data.length === 0 }),
          parameters: { scheme: open ? NO_SCHEME : { scheme: TPM_ALG.HMAC, details: SHA256 } },
          unique: EMPTY,
        },
        data,
      };
    }
    case "symmetric":
      return only({
        type: TPM_ALG.SYMCIPHER,
        ...area({ decrypt: true, sign: dice.chance(0.8) }),
        parameters: {
          sym: {
            algorithm: dice.pick([TPM_ALG.AES, TPM_ALG.AES, TPM_ALG.CAMELLIA, TPM_ALG.TDES]),
            keyBits: 128,
            mode: dice.pick([
              TPM_ALG.CFB,
              TPM_ALG.CBC,
              TPM_ALG.CTR,
              TPM_ALG.OFB,
              TPM_ALG.ECB,
              TPM_ALG.NULL,
              TPM_ALG.CMAC,
            ]),
          },
        },
        unique: EMPTY,
      });
    case "sealed":
      return {
        publicArea: {
          type: TPM_ALG.KEYEDHASH,
          ...area({ sensitiveDataOrigin: false }),
          parameters: { scheme: NO_SCHEME },
          unique: EMPTY,
        },
        data: dice.bytes(dice.pick([1, 16, 128])),
      };
  }
}

type Ecc = Extract<TPMT_PUBLIC, { readonly type: typeof TPM_ALG.ECC }>["parameters"];
type EccScheme = Ecc["scheme"];
type Curve = Ecc["curveID"];
type Cipher = Ecc["symmetric"];
type RsaScheme = Extract<TPMT_PUBLIC, { readonly type: typeof TPM_ALG.RSA }>["parameters"]["scheme"];
