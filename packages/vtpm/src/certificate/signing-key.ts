import { AlgorithmIdentifier } from "@peculiar/asn1-x509";
import { CertificateError } from "./certificate-error.ts";
import type { PrivateKey } from "./private-key.ts";

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
  sign(data: Uint8Array): Uint8Array;
}

/**
 * What is certified: for a TPM 1.2 SHA-1 is used, which is all it knows, for a TPM 2.0 a hash that is as strong as the key, for
 * RSA of any size but 2048 SHA-384 as by swtpm_cert; an authority's certificate has SHA-256 unless it is the key of a larger curve.
 */
export type Certified = "tpm12" | "tpm2" | "authority";

export function signingKey(key: PrivateKey, certified: Certified): SigningKey {
  const { name, type } = key;
  const signer = (oid: string, hash: string | null, parameters?: null): SigningKey => ({
    algorithm: new AlgorithmIdentifier(parameters === undefined ? { algorithm: oid } : { algorithm: oid, parameters }),
    sign: (data) => key.sign(hash, data),
  });
  switch (type) {
    case "rsa": {
      const hash = hashOfRsa(key.modulusLength ?? 0, certified);
      return signer(RSA_SIGNATURES[hash], hash, null);
    }
    case "ec": {
      const hash = certified === "tpm12" ? "sha1" : hashOfCurve(key.namedCurve);
      return signer(ECDSA_SIGNATURES[hash], hash);
    }
    case "ed25519":
    case "ed448":
      if (certified !== "tpm12") return signer(EDWARDS_SIGNATURES[type], null);
      throw new CertificateError("KEY", `${name} is an ${type} key, which cannot sign for a TPM 1.2: use an RSA key`);
    default:
      throw new CertificateError("KEY", `${name} is of type ${type}, which cannot sign certificates: use RSA or EC`);
  }
}

/** A curve's name has its size: prime256v1, secp384r1, brainpoolP512r1. */
function hashOfCurve(curve = ""): "sha256" | "sha384" | "sha512" {
  const bits = Number(/\d+/.exec(curve)?.[0] ?? 0);
  if (bits >= 512) return "sha512";
  return bits >= 384 ? "sha384" : "sha256";
}

function hashOfRsa(keyBits: number, certified: Certified): "sha1" | "sha256" | "sha384" {
  if (certified === "tpm12") return "sha1";
  return certified === "authority" || keyBits === 2048 ? "sha256" : "sha384";
}
