import { createHash, randomBytes } from "node:crypto";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectKeyIdentifier,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  type Name,
  SubjectKeyIdentifier,
  type SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from "@peculiar/asn1-x509";
import type { Bytes } from "@vtpm/wire";
import type { SigningKey } from "./signing-key.ts";

/** The end of time. @spec RFC 5280, "Validity": no well-defined expiration date */
export const NEVER = new Date(Date.UTC(9999, 11, 31, 23, 59, 59));

/** @spec RFC 5280, "Serial Number" */
export const MAX_SERIAL_SIZE = 20;

/** A positive number that nobody will meet again. */
export function randomSerial(): Bytes {
  const serial = new Uint8Array(randomBytes(MAX_SERIAL_SIZE));
  serial[0] = (serial[0] ?? 0) >> 1;
  return serial;
}

export interface CertificateContent {
  /** A positive number of at most 20 bytes. */
  readonly serial: Bytes;
  readonly issuer: Name;
  readonly subject: Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: SubjectPublicKeyInfo;
  /** In the order in which they shall stand. */
  readonly extensions: readonly Extension[];
}

/** Signs a certificate; DER. */
export function issueCertificate(content: CertificateContent, signer: SigningKey): Bytes {
  const { serial, issuer, subject, notBefore, notAfter, publicKey, extensions } = content;
  const { algorithm } = signer;
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: integer(serial),
    signature: algorithm,
    issuer,
    validity: new Validity({ notBefore: wholeSeconds(notBefore), notAfter: wholeSeconds(notAfter) }),
    subject,
    subjectPublicKeyInfo: publicKey,
    extensions: new Extensions([...extensions]),
  });
  const signature = signer.sign(new Uint8Array(AsnConvert.serialize(tbsCertificate)));
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: new Uint8Array(signature).buffer,
  });
  return new Uint8Array(AsnConvert.serialize(certificate));
}

/** An unsigned number as the content of an INTEGER. */
function integer(unsigned: Bytes): ArrayBuffer {
  const from = unsigned.findIndex((byte) => byte !== 0);
  const digits = from < 0 ? Uint8Array.of(0) : unsigned.subarray(from);
  const signed = (digits[0] ?? 0) >= 0x80 ? Uint8Array.of(0, ...digits) : Uint8Array.from(digits);
  return signed.buffer;
}

const wholeSeconds = (date: Date): Date => new Date(Math.floor(date.getTime() / 1000) * 1000);

/** An extension with its value. */
export function extension(extnID: string, value: object | ArrayBuffer, critical = false): Extension {
  const der = value instanceof ArrayBuffer ? value : AsnConvert.serialize(value);
  return new Extension({ extnID, critical, extnValue: new OctetString(der) });
}

export const basicConstraints = (cA: boolean): Extension =>
  extension(id_ce_basicConstraints, new BasicConstraints({ cA }), true);

export type KeyUse = keyof typeof KeyUsageFlags;

export function keyUsage(...uses: readonly KeyUse[]): Extension {
  const flags = uses.reduce((sum, use) => sum | KeyUsageFlags[use], 0);
  return extension(id_ce_keyUsage, new KeyUsage(flags), true);
}

export const extendedKeyUsage = (purpose: string): Extension =>
  extension(id_ce_extKeyUsage, new ExtendedKeyUsage([purpose]));

export const subjectKeyIdentifier = (identifier: Bytes): Extension =>
  extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(new Uint8Array(identifier).buffer));

export const authorityKeyIdentifier = (identifier: Bytes): Extension =>
  extension(
    id_ce_authorityKeyIdentifier,
    new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(new Uint8Array(identifier).buffer) }),
  );

/** @spec RFC 5280, "Subject Key Identifier", method 1 */
export function keyIdentifierOf(info: SubjectPublicKeyInfo): Bytes {
  return new Uint8Array(createHash("sha1").update(new Uint8Array(info.subjectPublicKey)).digest());
}
