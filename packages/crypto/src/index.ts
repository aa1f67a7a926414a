export { bigIntToBytes, bytesToBigInt, gcd } from "./big-integer.ts";
export { cipherBlockSize, isKeySize } from "./cipher-sizes.ts";
export { type CmacState, cmac, cmacFinish, cmacStart, cmacUpdate } from "./cmac.ts";
export { equalBytesConstantTime } from "./constant-time.ts";
export { Drbg, type DrbgState } from "./drbg.ts";
export { addPoints } from "./ecc/add-points.ts";
export { commitScalar } from "./ecc/commit-scalar.ts";
export { CURVES, type Curve, isOnCurve } from "./ecc/curves.ts";
export { type CommitInput, type Commitment, commitEcdaa, signEcdaa } from "./ecc/ecdaa.ts";
export { signEcdsa, verifyEcdsa } from "./ecc/ecdsa.ts";
export { signEcschnorr, verifyEcschnorr } from "./ecc/ecschnorr.ts";
export { exchangeEcdh, exchangeMqv, exchangeSm2, type TwoPhaseInput } from "./ecc/key-exchange.ts";
export { generateScalar } from "./ecc/scalar.ts";
export type { EccSignature } from "./ecc/signature.ts";
export { signSm2, verifySm2 } from "./ecc/sm2.ts";
export { digestSize, hashBlockSize } from "./hash-sizes.ts";
export { type HmacState, hmacFinish, hmacStart, hmacUpdate } from "./hmac-state.ts";
export type { KdfLabel } from "./kdf-label.ts";
export { createKdfaStream, KDFa, type KdfaInput } from "./kdfa.ts";
export { KDFe, type KdfeInput } from "./kdfe.ts";
export { type EccKey, generateEccKey } from "./keys/ecc-key.ts";
export { generateRsaKey, type RsaKey, type RsaKeyRequest } from "./keys/rsa-key.ts";
export type { SeedLevel } from "./keys/rsa-prime.ts";
export { generateSymmetricKey } from "./keys/symmetric-key.ts";
export { isTdesKeyUsable } from "./keys/tdes-key.ts";
export { mgf1 } from "./mgf1.ts";
export { pbkdf2Sha512 } from "./pbkdf2.ts";
export { createPortableProvider } from "./portable/provider.ts";
export type {
  Bytes,
  CipherMode,
  CipherName,
  CipherResult,
  CryptoProvider,
  CurveName,
  HashName,
  HashState,
  Point,
  RandomSource,
  RsaPrivateKey,
} from "./provider.ts";
export { decodeOaep, encodeOaep } from "./rsa/oaep.ts";
export { privateKeyParts } from "./rsa/private-key-parts.ts";
export type { RsaPublicKey } from "./rsa/public-key.ts";
export { decodeRsaes, encodeRsaes } from "./rsa/rsaes.ts";
export { encodePss, isPssEncoding, pssSaltSize, signRsapss, verifyRsapss } from "./rsa/rsapss.ts";
export { digestInfo, encodeRsassa, signRsassa, verifyRsassa } from "./rsa/rsassa.ts";
