import { bigIntToBytes, type CryptoProvider, encodeOaep, generateEccKey, KDFe } from "@vtpm/crypto";
import { type Bytes, encode } from "@vtpm/wire";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPMS_ECC_POINT, type TPMT_PUBLIC } from "../../spec/structures/index.ts";
import { curveOf, pointOnCurve, pointToBytes } from "../../subsystems/curves.ts";
import { digestSizeOf, hashNameOf } from "../../subsystems/hash-algorithms.ts";
import { text } from "../caller-crypto.ts";

/**
 * A salt encrypted to a key, as a caller does it; always the same for the same key and bytes, so that a sequence can be
 * replayed. `undefined` for a key that cannot.
 */
export function encryptSalt(
  crypto: CryptoProvider,
  publicArea: TPMT_PUBLIC,
  secret: Bytes,
  filler: Bytes,
): { readonly salt: Bytes; readonly encrypted: Bytes } | undefined {
  const random = { generate: (size: number): Bytes => Uint8Array.from({ length: size }, (_, i) => filler[i] ?? 0x5a) };
  const hashAlg = hashNameOf(publicArea.nameAlg);
  if (publicArea.type === TPM_ALG.RSA) {
    const { scheme } = publicArea.parameters;
    const oaepHash = scheme.scheme === TPM_ALG.OAEP ? hashNameOf(scheme.details.hashAlg) : hashAlg;
    const modulus = publicArea.unique;
    const padded = encodeOaep(crypto, oaepHash, text("SECRET\0"), secret, modulus.length, random);
    return { salt: secret, encrypted: crypto.rsaPublic(modulus, publicArea.parameters.exponent || 65537, padded) };
  }
  if (publicArea.type !== TPM_ALG.ECC) return undefined;
  const curve = curveOf(publicArea.parameters.curveID);
  const point = pointOnCurve(curve, publicArea.unique);
  if (point === undefined) return undefined;
  const ephemeral = generateEccKey(crypto, curve.name, random);
  const x = crypto.multiplyX(curve.name, point, ephemeral.d);
  if (x === undefined) return undefined;
  const sent = pointToBytes(curve, ephemeral.Q);
  const salt = KDFe(crypto, {
    hashAlg,
    Z: bigIntToBytes(x, curve.fieldSize),
    label: "SECRET",
    partyUInfo: sent.x,
    partyVInfo: publicArea.unique.x,
    bits: 8 * digestSizeOf(publicArea.nameAlg),
  });
  return { salt, encrypted: encode(TPMS_ECC_POINT, sent) };
}
