import { bigIntToBytes, type Curve, equalBytesConstantTime, generateEccKey, type Point } from "@vtpm/crypto";
import { type Bytes, concatBytes, xorBytes } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { uint32 } from "../integer-bytes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import type { TPMS_ECC_POINT, TPMT_KDF_SCHEME, TPMT_KDF_SCHEME_NULLABLE } from "../spec/structures/index.ts";
import { pointToBytes } from "./curves.ts";
import { hashNameOf } from "./hash-algorithms.ts";
import type { EccPublicArea } from "./keys/ecc-key.ts";
import { randomnessOf } from "./randomness.ts";

/** The key's derivation scheme, or the one that the command names; `undefined` if there is none, or both differ. */
export function selectKdf(
  { parameters }: EccPublicArea,
  inScheme: TPMT_KDF_SCHEME_NULLABLE,
): TPMT_KDF_SCHEME | undefined {
  const own = parameters.kdf;
  const scheme = inScheme.scheme === TPM_ALG.NULL ? own : inScheme;
  if (scheme.scheme === TPM_ALG.NULL) return undefined;
  if (own.scheme === TPM_ALG.NULL) return scheme;
  return own.scheme === scheme.scheme && own.details.hashAlg === scheme.details.hashAlg ? scheme : undefined;
}

/** What TPM2_ECC_Encrypt makes of a text. */
export interface EccCipherText {
  readonly C1: TPMS_ECC_POINT;
  readonly C2: Bytes;
  readonly C3: Bytes;
}

/** Encrypts for the owner of a public point. @spec Part 1, "ECC Encrypt" */
export function eccEncrypt(tpm: Engine, curve: Curve, key: Point, hashAlg: number, plainText: Bytes): EccCipherText {
  const { d, Q } = generateEccKey(tpm.crypto, curve.name, randomnessOf(tpm));
  const shared = tpm.crypto.multiply(curve.name, key, d);
  // The order is prime, so no multiple of a point below it is the point at infinity.
  if (shared === undefined) throw new RangeError("the shared point is at infinity");
  return {
    C1: pointToBytes(curve, Q),
    C2: xorBytes(plainText, kdf2(tpm, curve, hashAlg, shared, plainText.length)),
    C3: digestOf(tpm, curve, hashAlg, shared, plainText),
  };
}

/** The text encrypted for the private key `d`; `undefined` if its digest is not the one that was sent. */
export function eccDecrypt(
  tpm: Engine,
  curve: Curve,
  d: bigint,
  hashAlg: number,
  C1: Point,
  C2: Bytes,
  C3: Bytes,
): Bytes | undefined {
  const shared = tpm.crypto.multiply(curve.name, C1, d);
  if (shared === undefined) return undefined;
  const plainText = xorBytes(C2, kdf2(tpm, curve, hashAlg, shared, C2.length));
  return equalBytesConstantTime(digestOf(tpm, curve, hashAlg, shared, plainText), C3) ? plainText : undefined;
}

function digestOf(tpm: Engine, { fieldSize }: Curve, hashAlg: number, { x, y }: Point, text: Bytes): Bytes {
  return tpm.crypto.hash(hashNameOf(hashAlg), bigIntToBytes(x, fieldSize), text, bigIntToBytes(y, fieldSize));
}

/** @spec ISO 18033-2, "KDF2" */
function kdf2(tpm: Engine, { fieldSize }: Curve, hashAlg: number, { x, y }: Point, size: number): Bytes {
  const blocks: Bytes[] = [];
  for (let counter = 1, filled = 0; filled < size; counter++) {
    const block = tpm.crypto.hash(
      hashNameOf(hashAlg),
      bigIntToBytes(x, fieldSize),
      bigIntToBytes(y, fieldSize),
      uint32(counter),
    );
    blocks.push(block);
    filled += block.length;
  }
  return concatBytes(...blocks).slice(0, size);
}
