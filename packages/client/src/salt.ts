import {
  type Bytes,
  bigIntToBytes,
  bytesToBigInt,
  CURVES,
  type CurveName,
  digestSize,
  encodeOaep,
  generateEccKey,
  type HashName,
  isOnCurve,
  KDFe,
} from "@vtpm/crypto";
import { TPM_ALG, TPM_ECC_CURVE, TPMS_ECC_POINT, type TPMT_PUBLIC } from "@vtpm/tpm2/spec";
import { encode } from "@vtpm/wire";
import type { CallerCrypto } from "./caller-crypto.ts";

const LABEL = "SECRET";
/** What 0 stands for. */
const DEFAULT_EXPONENT = 65537;
const HASHES: readonly HashName[] = ["SHA1", "SHA256", "SHA384", "SHA512", "SHA3_256", "SHA3_384", "SHA3_512"];

/** A secret, and the form in which only the TPM that has the key can read it. */
export interface Salt {
  readonly secret: Bytes;
  readonly encrypted: Bytes;
}

/**
 * A new salt for the owner of a decryption key, as long as the digest of its nameAlg.
 *
 * @spec Part 1, "Secret Sharing"
 * @throws RangeError for keys that no secret can be encrypted to
 */
export function createSalt({ provider, random }: CallerCrypto, key: TPMT_PUBLIC): Salt {
  const hashAlg = HASHES.find((name) => TPM_ALG[name] === key.nameAlg);
  if (hashAlg === undefined) throw new RangeError(`nameAlg 0x${key.nameAlg.toString(16)}: expected a hash`);
  const size = digestSize(hashAlg);
  if (key.type === TPM_ALG.RSA) {
    const { scheme, exponent } = key.parameters;
    const ownHash = scheme.scheme === TPM_ALG.OAEP ? scheme.details.hashAlg : key.nameAlg;
    const oaepHash = HASHES.find((name) => TPM_ALG[name] === ownHash) ?? hashAlg;
    const secret = random.generate(size);
    const label = Uint8Array.from(`${LABEL}\0`, (letter) => letter.charCodeAt(0));
    const block = encodeOaep(provider, oaepHash, label, secret, key.unique.length, random);
    return { secret, encrypted: provider.rsaPublic(key.unique, exponent || DEFAULT_EXPONENT, block) };
  }
  if (key.type === TPM_ALG.ECC) {
    const curve = (Object.keys(CURVES) as CurveName[]).find((name) => TPM_ECC_CURVE[name] === key.parameters.curveID);
    if (curve === undefined) throw new RangeError(`curve 0x${key.parameters.curveID.toString(16)} is not known`);
    const { fieldSize } = CURVES[curve];
    const { d, Q } = generateEccKey(provider, curve, random);
    const point = { x: bytesToBigInt(key.unique.x), y: bytesToBigInt(key.unique.y) };
    if (!isOnCurve(curve, point)) throw new RangeError(`the point of the key is not on ${curve}`);
    const x = provider.multiplyX(curve, point, d);
    // The order is prime, so no multiple of a point below it is the point at infinity.
    if (x === undefined) throw new RangeError("the shared point is at infinity");
    const sent = { x: bigIntToBytes(Q.x, fieldSize), y: bigIntToBytes(Q.y, fieldSize) };
    const Z = bigIntToBytes(x, fieldSize);
    const kdfe = { hashAlg, Z, label: LABEL, partyUInfo: sent.x, partyVInfo: key.unique.x, bits: 8 * size };
    return { secret: KDFe(provider, kdfe), encrypted: encode(TPMS_ECC_POINT, sent) };
  }
  throw new RangeError("a salt is encrypted to RSA and ECC keys only");
}
