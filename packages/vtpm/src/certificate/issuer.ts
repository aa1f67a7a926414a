import { X509Certificate } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  AuthorityKeyIdentifier,
  Certificate,
  id_ce_authorityKeyIdentifier,
  id_ce_subjectKeyIdentifier,
  type Name,
  SubjectKeyIdentifier,
  type TBSCertificate,
} from "@peculiar/asn1-x509";
import { type Bytes, EMPTY } from "@vtpm/wire";
import { CertificateError } from "./certificate-error.ts";
import { keyIdentifierOf } from "./issue-certificate.ts";
import type { PrivateKey } from "./private-key.ts";

/** Whose name stands in the certificates it issues. */
export interface Issuer {
  readonly name: Name;
  readonly keyIdentifier: Bytes;
  readonly key: PrivateKey;
}

/** Puts a certificate, in PEM or DER, and the key that belongs to it together. */
export function openIssuer(path: string, certificate: Uint8Array, key: PrivateKey): Issuer {
  const opened = openCertificate(path, certificate);
  if (!key.belongsTo(opened)) {
    throw new CertificateError(
      "CERTIFICATE",
      `${path} is not the certificate of the signing key: give the pair that belongs together`,
    );
  }
  const { subject, subjectPublicKeyInfo } = parseCertificate(opened.raw);
  return { name: subject, keyIdentifier: keyIdentifierIn(opened.raw) ?? keyIdentifierOf(subjectPublicKeyInfo), key };
}

export function openCertificate(path: string, certificate: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(certificate);
  } catch (error) {
    throw new CertificateError("CERTIFICATE", `${path} is no certificate in PEM or DER`, { cause: error });
  }
}

const parseCertificate = (der: Uint8Array): TBSCertificate => AsnConvert.parse(der, Certificate).tbsCertificate;

function keyIdentifierIn(der: Uint8Array): Bytes | undefined {
  const found = parseCertificate(der).extensions?.find(({ extnID }) => extnID === id_ce_subjectKeyIdentifier);
  if (found === undefined) return undefined;
  return new Uint8Array(AsnConvert.parse(found.extnValue.buffer, SubjectKeyIdentifier).buffer);
}

/** What identifies a certificate: who has issued it, and under which number. */
export function identifiersOf(der: Uint8Array): { readonly authorityKeyIdentifier: Bytes; readonly serial: Bytes } {
  const { extensions, serialNumber } = parseCertificate(der);
  const found = extensions?.find(({ extnID }) => extnID === id_ce_authorityKeyIdentifier);
  const identifier = found && AsnConvert.parse(found.extnValue.buffer, AuthorityKeyIdentifier).keyIdentifier;
  return {
    authorityKeyIdentifier: identifier === undefined ? EMPTY : new Uint8Array(identifier.buffer),
    serial: new Uint8Array(serialNumber),
  };
}
