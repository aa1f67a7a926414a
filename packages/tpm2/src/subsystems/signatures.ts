import {
  bigIntToBytes,
  bytesToBigInt,
  type Curve,
  type EccSignature,
  equalBytesConstantTime,
  signEcdaa,
  signEcdsa,
  signEcschnorr,
  signRsapss,
  signRsassa,
  signSm2,
  verifyEcdsa,
  verifyEcschnorr,
  verifyRsapss,
  verifyRsassa,
  verifySm2,
} from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { type FormatOneRc, TPM_RC } from "../spec/response-codes.ts";
import type { TPMT_HA, TPMT_SENSITIVE, TPMT_SIG_SCHEME, TPMT_SIGNATURE } from "../spec/structures/index.ts";
import { TpmError } from "../spec/tpm-error.ts";
import type { KEY_SLOT } from "../state/object.ts";
import { closeCommitment, openCommitment } from "./commitments.ts";
import { holds, refusing } from "./crypto-refusal.ts";
import { curveOf, pointOnCurve } from "./curves.ts";
import { hashNameOf } from "./hash-algorithms.ts";
import { type EccPublicArea, eccPrivateKeyOf } from "./keys/ecc-key.ts";
import { type RsaPublicArea, rsaPrivateKeyOf, rsaPublicKeyOf } from "./keys/rsa-key.ts";
import { randomnessOf } from "./randomness.ts";

/**
 * Signs a digest. The sensitive area of the key is loaded, the scheme is one that `selectSignScheme` has found for it, the
 * digest one of the scheme's hash.
 *
 * @rc VALUE      ECDAA: the count is not that of an open commitment
 * @rc NO_RESULT  SM2: the one private key that cannot sign
 * @rc FAILURE    RSA: numbers that are no key; libtpms' answer, and only an answer
 * @rc HASH       the profile does not sign with SHA-1
 * @rc KEY_SIZE   HMAC: the key is shorter than the profile demands
 */
export function sign(tpm: Engine, key: KEY_SLOT, scheme: TPMT_SIG_SCHEME, digest: Bytes): TPMT_SIGNATURE {
  const { publicArea, sensitive } = key;
  const { attributes } = tpm.profile;
  const isHmac = publicArea.type === TPM_ALG.KEYEDHASH;
  if (scheme.details.hashAlg === TPM_ALG.SHA1 && attributes.has(isHmac ? "no-sha1-hmac-creation" : "no-sha1-signing")) {
    throw new TpmError(TPM_RC.HASH);
  }
  tpm.countAsTested(scheme.scheme);
  switch (publicArea.type) {
    case TPM_ALG.RSA:
      return refusing(TPM_RC.FAILURE, () => signWithRsa(tpm, key, scheme, digest));
    case TPM_ALG.ECC:
      return signWithEcc(tpm, key, publicArea, scheme, digest);
    default:
      if (isShortHmacKey(tpm, sensitive)) throw new TpmError(TPM_RC.KEY_SIZE);
      return { sigAlg: TPM_ALG.HMAC, signature: hmacOf(tpm, sensitive, scheme.details.hashAlg, digest) };
  }
}

function signWithRsa(tpm: Engine, slot: KEY_SLOT, { scheme, details }: TPMT_SIG_SCHEME, digest: Bytes): TPMT_SIGNATURE {
  const key = rsaPrivateKeyOf(slot);
  const hash = hashNameOf(details.hashAlg);
  if (scheme === TPM_ALG.RSAPSS) {
    const sig = signRsapss(tpm.crypto, key, hash, digest, randomnessOf(tpm));
    return { sigAlg: TPM_ALG.RSAPSS, signature: { hash: details.hashAlg, sig } };
  }
  const sig = signRsassa(tpm.crypto, key, hash, digest);
  return { sigAlg: TPM_ALG.RSASSA, signature: { hash: details.hashAlg, sig } };
}

function signWithEcc(
  tpm: Engine,
  key: KEY_SLOT,
  publicArea: EccPublicArea,
  scheme: TPMT_SIG_SCHEME,
  digest: Bytes,
): TPMT_SIGNATURE {
  const { crypto } = tpm;
  const curve = curveOf(publicArea.parameters.curveID);
  const d = eccPrivateKeyOf(key);
  const random = randomnessOf(tpm);
  const { hashAlg } = scheme.details;
  switch (scheme.scheme) {
    case TPM_ALG.ECDAA: {
      const { count } = scheme.details;
      const r = openCommitment(tpm, curve.name, key.name, count);
      if (r === undefined) throw new TpmError(TPM_RC.VALUE);
      const signature = signEcdaa(crypto, curve.name, d, r, hashNameOf(hashAlg), digest, random);
      closeCommitment(tpm, count);
      // The random number of this scheme goes without leading zeros.
      return eccSignature(TPM_ALG.ECDAA, hashAlg, curve, signature, true);
    }
    case TPM_ALG.ECSCHNORR:
      return eccSignature(
        TPM_ALG.ECSCHNORR,
        hashAlg,
        curve,
        signEcschnorr(crypto, curve.name, d, hashNameOf(hashAlg), digest, random),
      );
    case TPM_ALG.SM2:
      if (d + 1n === curve.n) throw new TpmError(TPM_RC.NO_RESULT);
      return eccSignature(TPM_ALG.SM2, hashAlg, curve, signSm2(crypto, curve.name, d, digest, random));
    default:
      return eccSignature(TPM_ALG.ECDSA, hashAlg, curve, signEcdsa(crypto, curve.name, d, digest, random));
  }
}

type EccScheme = Extract<TPMT_SIGNATURE, { readonly signature: { readonly signatureR: Bytes } }>["sigAlg"];

function eccSignature(
  sigAlg: EccScheme,
  hash: TPMT_SIG_SCHEME["details"]["hashAlg"],
  { orderSize }: Curve,
  { r, s }: EccSignature,
  shortR = false,
): TPMT_SIGNATURE {
  const wholeR = bigIntToBytes(r, orderSize);
  const signatureR = shortR ? wholeR.slice(wholeR.findIndex((byte) => byte !== 0)) : wholeR;
  return { sigAlg, signature: { hash, signatureR, signatureS: bigIntToBytes(s, orderSize) } };
}

const isShortHmacKey = ({ profile }: Engine, sensitive: TPMT_SENSITIVE | undefined): boolean =>
  8 * (sensitive?.sensitive.length ?? 0) < profile.minHmacKeyBits;

function hmacOf(
  tpm: Engine,
  sensitive: TPMT_SENSITIVE | undefined,
  hashAlg: TPMT_HA["hashAlg"],
  digest: Bytes,
): TPMT_HA {
  if (sensitive?.sensitiveType !== TPM_ALG.KEYEDHASH) throw new RangeError("the key makes no HMAC");
  return { hashAlg, digest: tpm.crypto.hmac(hashNameOf(hashAlg), sensitive.sensitive, digest) };
}

/**
 * Why a signature does not count as the key's signature of the digest; `undefined` if it does.
 *
 * @rc SCHEME     a scheme that cannot be verified, or not with this key
 * @rc HANDLE     an HMAC key of which only the public area is loaded
 * @rc SIGNATURE  not the key's, or not of this digest
 * @rc HASH       the profile does not verify with SHA-1
 * @rc KEY_SIZE   HMAC: the key is shorter than the profile demands
 */
export function verifySignature(
  tpm: Engine,
  keyHandle: number,
  digest: Bytes,
  signature: TPMT_SIGNATURE,
): FormatOneRc | undefined {
  const key = tpm.objects.findKey(keyHandle);
  switch (key?.publicArea.type) {
    case TPM_ALG.RSA:
      return verifyWithRsa(tpm, key.publicArea, digest, signature);
    case TPM_ALG.ECC:
      return verifyWithEcc(tpm, key.publicArea, digest, signature);
    case TPM_ALG.KEYEDHASH:
      return verifyHmac(tpm, key, digest, signature);
    default:
      return TPM_RC.SCHEME;
  }
}

const SHA1_SIZE = 20;

const isRefusedSha1 = ({ profile }: Engine, hashAlg: number): boolean =>
  hashAlg === TPM_ALG.SHA1 && profile.attributes.has("no-sha1-verification");

const unless = (isGood: boolean): FormatOneRc | undefined => (isGood ? undefined : TPM_RC.SIGNATURE);

function verifyWithRsa(
  tpm: Engine,
  publicArea: RsaPublicArea,
  digest: Bytes,
  given: TPMT_SIGNATURE,
): FormatOneRc | undefined {
  const key = rsaPublicKeyOf(publicArea);
  tpm.countAsTested(given.sigAlg);
  switch (given.sigAlg) {
    case TPM_ALG.RSASSA: {
      const { hash, sig } = given.signature;
      if (sig.length === key.modulus.length && isRefusedSha1(tpm, hash)) return TPM_RC.HASH;
      return unless(holds(() => verifyRsassa(tpm.crypto, key, hashNameOf(hash), digest, sig)));
    }
    case TPM_ALG.RSAPSS: {
      const { hash, sig } = given.signature;
      if (sig.length === key.modulus.length && isRefusedSha1(tpm, hash)) return TPM_RC.HASH;
      return unless(holds(() => verifyRsapss(tpm.crypto, key, hashNameOf(hash), digest, sig)));
    }
    default:
      return TPM_RC.SCHEME;
  }
}

function verifyWithEcc(
  tpm: Engine,
  { parameters, unique }: EccPublicArea,
  digest: Bytes,
  given: TPMT_SIGNATURE,
): FormatOneRc | undefined {
  const curve = curveOf(parameters.curveID);
  // A key without a Name was loaded without looking at its point.
  const point = pointOnCurve(curve, unique);
  switch (given.sigAlg) {
    case TPM_ALG.ECDSA:
    case TPM_ALG.ECSCHNORR:
    case TPM_ALG.SM2:
      break;
    default:
      return TPM_RC.SCHEME;
  }
  if (point === undefined) return TPM_RC.SIGNATURE;
  const { hash, signatureR, signatureS } = given.signature;
  const signature = { r: bytesToBigInt(signatureR), s: bytesToBigInt(signatureS) };
  const isScalar = (value: bigint): boolean => value > 0n && value < curve.n;
  if (!isScalar(signature.r) || !isScalar(signature.s)) return TPM_RC.SIGNATURE;
  // Only this scheme is told the hash; with the others a digest of that size counts as one.
  const usesSha1 =
    given.sigAlg === TPM_ALG.ECSCHNORR ? hash : digest.length === SHA1_SIZE ? TPM_ALG.SHA1 : TPM_ALG.NULL;
  if (isRefusedSha1(tpm, usesSha1)) return TPM_RC.HASH;
  switch (given.sigAlg) {
    case TPM_ALG.ECDSA:
      return unless(verifyEcdsa(tpm.crypto, curve.name, point, digest, signature));
    case TPM_ALG.ECSCHNORR:
      return unless(verifyEcschnorr(tpm.crypto, curve.name, point, hashNameOf(hash), digest, signature));
    default:
      return unless(verifySm2(tpm.crypto, curve.name, point, digest, signature));
  }
}

function verifyHmac(
  tpm: Engine,
  { publicArea, sensitive }: KEY_SLOT,
  digest: Bytes,
  given: TPMT_SIGNATURE,
): FormatOneRc | undefined {
  if (sensitive === undefined) return TPM_RC.HANDLE;
  if (isShortHmacKey(tpm, sensitive)) return TPM_RC.KEY_SIZE;
  if (given.sigAlg !== TPM_ALG.HMAC || publicArea.type !== TPM_ALG.KEYEDHASH) return TPM_RC.SCHEME;
  const { hashAlg } = given.signature;
  const own = publicArea.parameters.scheme;
  if (own.scheme !== TPM_ALG.NULL && (own.scheme !== TPM_ALG.HMAC || own.details.hashAlg !== hashAlg)) {
    return TPM_RC.SIGNATURE;
  }
  if (hashAlg === TPM_ALG.SHA1 && tpm.profile.attributes.has("no-sha1-hmac-verification")) return TPM_RC.HASH;
  const expected = hmacOf(tpm, sensitive, hashAlg, digest);
  return unless(equalBytesConstantTime(expected.digest, given.signature.digest));
}
