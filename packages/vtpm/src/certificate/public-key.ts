import { createPublicKey, type KeyObject } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier, SubjectPublicKeyInfo } from "@peculiar/asn1-x509";
import type { Bytes } from "@vtpm/wire";
import { CertificateError } from "./certificate-error.ts";

/** Curves by the name that certificate tools use; Node.js knows them by another. */
const CURVES = {
  secp256r1: { crv: "P-256", size: 32 },
  secp384r1: { crv: "P-384", size: 48 },
  secp521r1: { crv: "P-521", size: 66 },
} as const;
export type CurveName = keyof typeof CURVES;

export const isCurveName = (name: string): name is CurveName => Object.hasOwn(CURVES, name);

/** Key types that Node.js has no word for, by object identifier and size. @spec FIPS 203; FIPS 204; RFC 9881; RFC 9935 */
const LATTICE_KEYS = {
  "ml-kem-512": { oid: "2.16.840.1.101.3.4.4.1", size: 800, signs: false },
  "ml-kem-768": { oid: "2.16.840.1.101.3.4.4.2", size: 1184, signs: false },
  "ml-kem-1024": { oid: "2.16.840.1.101.3.4.4.3", size: 1568, signs: false },
  "ml-dsa-44": { oid: "2.16.840.1.101.3.4.3.17", size: 1312, signs: true },
  "ml-dsa-65": { oid: "2.16.840.1.101.3.4.3.18", size: 1952, signs: true },
  "ml-dsa-87": { oid: "2.16.840.1.101.3.4.3.19", size: 2592, signs: true },
} as const;
export type LatticeKeyName = keyof typeof LATTICE_KEYS;

export const isLatticeKeyName = (name: string): name is LatticeKeyName => Object.hasOwn(LATTICE_KEYS, name);

/** A public key to be certified, and what it can be used for beside what a certificate's kind says. */
export interface CertifiedKey {
  readonly info: SubjectPublicKeyInfo;
  readonly use: "keyEncipherment" | "keyAgreement" | "digitalSignature";
}

const base64url = (bytes: Bytes): string => Buffer.from(bytes).toString("base64url");

/** An RSA key by its numbers. */
export function rsaKey(modulus: Bytes, exponent = 65537): CertifiedKey {
  const e = exponent.toString(16);
  const jwk = { kty: "RSA", n: base64url(modulus), e: base64url(Buffer.from(e.length % 2 === 0 ? e : `0${e}`, "hex")) };
  return { info: infoOf(openKey("the RSA key", jwk)), use: "keyEncipherment" };
}

/** A point on a curve. */
export function eccKey(x: Bytes, y: Bytes, curve: CurveName = "secp256r1"): CertifiedKey {
  const { crv, size } = CURVES[curve];
  const coordinate = (name: string, bytes: Bytes): string => {
    if (bytes.length > size) throw new CertificateError("CONTENT", `${name} of a point on ${curve} has ${size} bytes`);
    const padded = new Uint8Array(size);
    padded.set(bytes, size - bytes.length);
    return base64url(padded);
  };
  const jwk = { kty: "EC", crv, x: coordinate("x", x), y: coordinate("y", y) };
  return { info: infoOf(openKey(`the point on ${curve}`, jwk)), use: "keyAgreement" };
}

/** A key of a lattice algorithm as it is encoded. */
export function latticeKey(algorithm: LatticeKeyName, encoded: Bytes): CertifiedKey {
  const { oid, size, signs } = LATTICE_KEYS[algorithm];
  if (encoded.length !== size) {
    throw new CertificateError("CONTENT", `a public key of ${algorithm} has ${size} bytes, not ${encoded.length}`);
  }
  const info = new SubjectPublicKeyInfo({
    algorithm: new AlgorithmIdentifier({ algorithm: oid }),
    subjectPublicKey: new Uint8Array(encoded).buffer,
  });
  return { info, use: signs ? "digitalSignature" : "keyEncipherment" };
}

/** The key in a PEM file. */
export function pemKey(path: string, pem: string): CertifiedKey {
  const key = openKey(`${path}`, pem);
  return { info: infoOf(key), use: key.asymmetricKeyType === "rsa" ? "keyEncipherment" : "keyAgreement" };
}

function openKey(what: string, source: string | Readonly<Record<string, string>>): KeyObject {
  try {
    return typeof source === "string" ? createPublicKey(source) : createPublicKey({ key: source, format: "jwk" });
  } catch (error) {
    throw new CertificateError("KEY", `${what} is no public key`, { cause: error });
  }
}

const infoOf = (key: KeyObject): SubjectPublicKeyInfo =>
  AsnConvert.parse(key.export({ type: "spki", format: "der" }), SubjectPublicKeyInfo);
