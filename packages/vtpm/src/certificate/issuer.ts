import { X509Certificate } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  Certificate,
  id_ce_subjectKeyIdentifier,
  type Name,
  SubjectKeyIdentifier,
  type SubjectPublicKeyInfo,
} from "@peculiar/asn1-x509";
import type { Bytes } from "@vtpm/wire";
import { CertificateError } from "./certificate-error.ts";
import { keyIdentifierOf } from "./issue-certificate.ts";
import type { SigningKey } from "./signing-key.ts";

/** Whose name stands in the certificates it issues. */
export interface Issuer {
  readonly name: Name;
  readonly keyIdentifier: Bytes;
  readonly key: SigningKey;
}

/** Puts a certificate, in PEM or DER, and the key that belongs to it together. */
export function openIssuer(path: string, certificate: Uint8Array, key: SigningKey): Issuer {
  const opened = openCertificate(path, certificate);
  if (!opened.checkPrivateKey(key.privateKey)) {
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

interface Parsed {
  readonly subject: Name;
  readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
}

const parseCertificate = (der: Uint8Array): Parsed => AsnConvert.parse(der, Certificate).tbsCertificate;

function keyIdentifierIn(der: Uint8Array): Bytes | undefined {
  const { extensions } = AsnConvert.parse(der, Certificate).tbsCertificate;
  const found = extensions?.find(({ extnID }) => extnID === id_ce_subjectKeyIdentifier);
  if (found === undefined) return undefined;
  return new Uint8Array(AsnConvert.parse(found.extnValue.buffer, SubjectKeyIdentifier).buffer);
}
