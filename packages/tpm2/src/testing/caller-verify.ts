import { constants, createPublicKey, type KeyObject, verify } from "node:crypto";
import type { Bytes } from "@vtpm/wire";
import { TPM_ALG, TPM_ECC_CURVE } from "../spec/constants.ts";
import type { TPMT_PUBLIC, TPMT_SIGNATURE } from "../spec/structures/index.ts";

// Signatures verified by OpenSSL, with nothing of the engine.

const CURVES = new Map<number, string>([
  [TPM_ECC_CURVE.NIST_P256, "P-256"],
  [TPM_ECC_CURVE.NIST_P384, "P-384"],
  [TPM_ECC_CURVE.NIST_P521, "P-521"],
]);
const HASHES = new Map<number, string>([
  [TPM_ALG.SHA1, "sha1"],
  [TPM_ALG.SHA256, "sha256"],
  [TPM_ALG.SHA384, "sha384"],
  [TPM_ALG.SHA512, "sha512"],
]);

const base64 = (bytes: Bytes): string => Buffer.from(bytes).toString("base64url");

/** A TPM's public key as OpenSSL has it. */
export function toPublicKey(publicArea: TPMT_PUBLIC): KeyObject {
  switch (publicArea.type) {
    case TPM_ALG.RSA:
      return createPublicKey({ key: { kty: "RSA", n: base64(publicArea.unique), e: "AQAB" }, format: "jwk" });
    case TPM_ALG.ECC: {
      const { x, y } = publicArea.unique;
      const crv = CURVES.get(publicArea.parameters.curveID) ?? "none";
      return createPublicKey({ key: { kty: "EC", crv, x: base64(x), y: base64(y) }, format: "jwk" });
    }
    default:
      throw new TypeError("not a public key");
  }
}

/** Whether OpenSSL takes a signature of data (not of its digest): RSASSA, RSAPSS or ECDSA. */
export function isSignatureOf(publicArea: TPMT_PUBLIC, data: Bytes, given: TPMT_SIGNATURE): boolean {
  const key = toPublicKey(publicArea);
  switch (given.sigAlg) {
    case TPM_ALG.RSASSA:
      return verify(HASHES.get(given.signature.hash), data, key, given.signature.sig);
    case TPM_ALG.RSAPSS: {
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      return verify(HASHES.get(given.signature.hash), data, { key, padding }, given.signature.sig);
    }
    case TPM_ALG.ECDSA: {
      const { hash, signatureR, signatureS } = given.signature;
      const both = Buffer.concat([signatureR, signatureS]);
      return verify(HASHES.get(hash), data, { key, dsaEncoding: "ieee-p1363" }, both);
    }
    default:
      throw new TypeError("OpenSSL does not verify this");
  }
}
