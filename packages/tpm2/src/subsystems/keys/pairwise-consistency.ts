import { bytesToBigInt, signEcdsa, verifyEcdsa } from "@vtpm/crypto";
import { concatBytes, equalBytes } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import type { TPMT_PUBLIC, TPMT_SENSITIVE } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { curveOf, pointOnCurve } from "../curves.ts";
import { randomnessOf } from "../randomness.ts";
import { rsaPublicKeyOf } from "./rsa-key.ts";

/**
 * Makes sure that both halves of a new key belong together, if the profile wants that: RSA keys encrypt and decrypt,
 * ECC keys that may sign do so. Draws nothing from the generator that the key came from.
 *
 * @rc FAILURE    they do not, of an RSA key
 * @rc NO_RESULT  they do not, of an ECC key
 */
export function checkPair(tpm: Engine, publicArea: TPMT_PUBLIC, { sensitive }: TPMT_SENSITIVE): void {
  if (!tpm.profile.attributes.has("pct")) return;
  if (publicArea.type === TPM_ALG.RSA) {
    const { modulus, exponent } = rsaPublicKeyOf(publicArea);
    const block = concatBytes(Uint8Array.of(0), tpm.random(modulus.length - 1)); // below the modulus
    const encrypted = tpm.crypto.rsaPublic(modulus, exponent, block);
    const decrypted = tpm.crypto.rsaPrivate({ modulus, exponent, prime: sensitive }, encrypted);
    if (!equalBytes(decrypted, block)) throw new TpmError(TPM_RC.FAILURE);
  }
  if (publicArea.type === TPM_ALG.ECC && TPMA_OBJECT.has(publicArea.objectAttributes, "sign")) {
    const curve = curveOf(publicArea.parameters.curveID);
    const point = pointOnCurve(curve, publicArea.unique);
    const digest = tpm.random(32);
    const signature = signEcdsa(tpm.crypto, curve.name, bytesToBigInt(sensitive), digest, randomnessOf(tpm));
    const holds = point !== undefined && verifyEcdsa(tpm.crypto, curve.name, point, digest, signature);
    if (!holds) throw new TpmError(TPM_RC.NO_RESULT);
  }
}
