import type { RsaPrivateKey, RsaPublicKey } from "@vtpm/crypto";
import { TPM_ALG } from "../spec/constants.ts";
import type { TPMT_PUBLIC_NULLABLE, TPMT_SENSITIVE } from "../spec/structures/index.ts";

/** The public area of an RSA key. */
export type RSA_PUBLIC = Extract<TPMT_PUBLIC_NULLABLE, { readonly type: typeof TPM_ALG.RSA }>;

/** Stands for the exponent 0 in a public area. */
const DEFAULT_EXPONENT = 65537;

/** The exponent that a key really has. */
export const exponentOf = ({ parameters }: RSA_PUBLIC): number =>
  parameters.exponent === 0 ? DEFAULT_EXPONENT : parameters.exponent;

export const rsaPublicKeyOf = (publicArea: RSA_PUBLIC): RsaPublicKey => ({
  modulus: publicArea.unique,
  exponent: exponentOf(publicArea),
});

/** What private operations need; whoever calls has made sure that the sensitive area is loaded. */
export function rsaPrivateKeyOf(publicArea: RSA_PUBLIC, sensitive: TPMT_SENSITIVE | undefined): RsaPrivateKey {
  if (sensitive?.sensitiveType !== TPM_ALG.RSA) throw new RangeError("the RSA key has no private part");
  return { ...rsaPublicKeyOf(publicArea), prime: sensitive.sensitive };
}
