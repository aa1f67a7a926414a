import { createPrivateKey, type KeyObject, sign, type X509Certificate } from "node:crypto";
import { systemErrorCode } from "../host-error.ts";
import { CertificateError } from "./certificate-error.ts";

/** A private key, wherever it is kept. */
export interface PrivateKey {
  /** Its file, or whatever else it is found by: for messages. */
  readonly name: string;
  /** As Node.js calls it, such as "rsa". */
  readonly type: string | undefined;
  /** Of an RSA key. */
  readonly modulusLength: number | undefined;
  /** Of an EC key. */
  readonly namedCurve: string | undefined;
  /** `hash` is null for a key whose scheme has its own. ECDSA's signatures are in DER. */
  sign(hash: string | null, data: Uint8Array): Uint8Array;
  /** Whether the certificate is of this key. */
  belongsTo(certificate: X509Certificate): boolean;
}

/** Opens the private key of a PEM file. */
export function openPemKey(path: string, pem: Buffer, passphrase: string | undefined): KeyObject {
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

/** A key in this process. */
export function keyInMemory(name: string, key: KeyObject): PrivateKey {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  return {
    name,
    type,
    modulusLength: details?.modulusLength,
    namedCurve: details?.namedCurve,
    sign: (hash, data) => sign(hash, data, key),
    belongsTo: (certificate) => certificate.checkPrivateKey(key),
  };
}
