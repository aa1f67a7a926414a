import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { AlgorithmIdentifier } from "@peculiar/asn1-x509";
import { systemErrorCode } from "../host-error.ts";
import { CertificateError } from "./certificate-error.ts";

/** @spec RFC 4055; RFC 5758; RFC 8410 */
const RSA_SIGNATURES = {
  sha1: "1.2.840.113549.1.1.5",
  sha256: "1.2.840.113549.1.1.11",
  sha384: "1.2.840.113549.1.1.12",
} as const;
const ECDSA_SIGNATURES = {
  sha1: "1.2.840.10045.4.1",
  sha256: "1.2.840.10045.4.3.2",
  sha384: "1.2.840.10045.4.3.3",
  sha512: "1.2.840.10045.4.3.4",
} as const;
const EDWARDS_SIGNATURES = { ed25519: "1.3.101.112", ed448: "1.3.101.113" } as const;

/** How a key signs a certificate. */
export interface SigningKey {
  readonly algorithm: AlgorithmIdentifier;
  readonly privateKey: KeyObject;
  sign(data: Uint8Array): Uint8Array;
}

/** Opens the private key of a PEM file. */
export function openPrivateKey(path: string, pem: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, passphrase: passphrase ?? "" });
  } catch (error) {
    const code = systemErrorCode(error);
    const why =
      passphrase === undefined
        ? "it is no private key in PEM, or has a password that was not given"
        : "it is no private key in PEM, or its password is another one";
    throw new CertificateError(
      "KEY",
      `cannot use the signing key ${path}: ${why}${code === undefined ? "" : ` (${code})`}`,
    );
  }
}

/**
 * What is certified: for a TPM 1.2 SHA-1 is used, which is all it knows, for a TPM 2.0 a hash that is as strong as the key; an
 * authority's certificate has SHA-256 unless it is the key of a larger curve.
 */
export type Certified = "tpm12" | "tpm2" | "authority";

export function signingKey(path: string, privateKey: KeyObject, certified: Certified): SigningKey {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = privateKey;
  const signer = (oid: string, hash: string | null, parameters?: null): SigningKey => ({
    algorithm: new AlgorithmIdentifier(parameters === undefined ? { algorithm: oid } : { algorithm: oid, parameters }),
    privateKey,
    sign: (data) => sign(hash, data, privateKey),
  });
  switch (type) {
    case "rsa": {
      const hash = hashOfRsa(details?.modulusLength ?? 0, certified);
      return signer(RSA_SIGNATURES[hash], hash, null);
    }
    case "ec": {
      const hash = certified === "tpm12" ? "sha1" : hashOfCurve(details?.namedCurve);
      return signer(ECDSA_SIGNATURES[hash], hash);
    }
    case "ed25519":
    case "ed448":
      if (certified !== "tpm12") return signer(EDWARDS_SIGNATURES[type], null);
      throw new CertificateError("KEY", `${path} is an ${type} key, which cannot sign for a TPM 1.2: use an RSA key`);
    default:
      throw new CertificateError("KEY", `${path} is of type ${type}, which cannot sign certificates: use RSA or EC`);
  }
}

function hashOfCurve(curve: string | undefined): "sha256" | "sha384" | "sha512" {
  if (curve === "secp521r1") return "sha512";
  return curve === "secp384r1" ? "sha384" : "sha256";
}

function hashOfRsa(keyBits: number, certified: Certified): "sha1" | "sha256" | "sha384" {
  if (certified === "tpm12") return "sha1";
  return certified === "authority" || keyBits <= 2048 ? "sha256" : "sha384";
}
