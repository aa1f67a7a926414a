import type { RsaPrivateKey, RsaPublicKey } from "@vtpm/crypto";
import { TPM_ALG } from "../../spec/constants.ts";
import type { TPMT_PUBLIC_NULLABLE } from "../../spec/structures/index.ts";
import type { KEY_SLOT } from "../../state/object.ts";

/** The public area of an RSA key. */
export type RsaPublicArea = Extract<TPMT_PUBLIC_NULLABLE, { readonly type: typeof TPM_ALG.RSA }>;

/** The areas of an object, an RSA key with its private part as far as the caller knows. */
export type RsaKeyAreas = Pick<KEY_SLOT, "publicArea" | "sensitive">;

/** What exponent 0 stands for. */
const DEFAULT_RSA_EXPONENT = 65537;

/** The public key as the crypto package takes it. */
export function rsaPublicKeyOf({ unique, parameters }: RsaPublicArea): RsaPublicKey {
  return { modulus: unique, exponent: parameters.exponent === 0 ? DEFAULT_RSA_EXPONENT : parameters.exponent };
}

/** The private key; whoever calls has made sure that it is an RSA key and that its sensitive area is loaded. */
export function rsaPrivateKeyOf({ publicArea, sensitive }: RsaKeyAreas): RsaPrivateKey {
  if (publicArea.type !== TPM_ALG.RSA || sensitive?.sensitiveType !== TPM_ALG.RSA) {
    throw new RangeError("expected an RSA key with its private part");
  }
  return { ...rsaPublicKeyOf(publicArea), prime: sensitive.sensitive };
}
