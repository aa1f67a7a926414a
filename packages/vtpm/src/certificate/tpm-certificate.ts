import {
  Attribute,
  type Extension,
  GeneralName,
  id_ce_subjectAltName,
  id_ce_subjectDirectoryAttributes,
  Name,
  SubjectAlternativeName,
  SubjectDirectoryAttributes,
} from "@peculiar/asn1-x509";
import type { Bytes } from "@vtpm/wire";
import { nameOfAttributes } from "./distinguished-name.ts";
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  extension,
  issueCertificate,
  type KeyUse,
  keyUsage,
} from "./issue-certificate.ts";
import type { Issuer } from "./issuer.ts";
import type { CertifiedKey } from "./public-key.ts";
import { signingKey } from "./signing-key.ts";
import { hardwareModuleName, joinedNames, type TpmSpecification, tpmSpecification } from "./tcg-attributes.ts";

/** What a TPM says of itself. @spec TCG EK Credential Profile, "Subject Alternative Name" */
export interface TpmIdentity {
  readonly manufacturer: string;
  readonly model: string;
  readonly version: string;
}

/** What the key is, and what its kind of certificate says beyond that. */
export type CertificateKind =
  | { readonly type: "ek"; readonly tpm: TpmIdentity; readonly specification: TpmSpecification }
  | { readonly type: "platform"; readonly tpm: TpmIdentity; readonly platform: TpmIdentity }
  | { readonly type: "ak"; readonly tpm: TpmIdentity }
  | { readonly type: "iak" | "idevid"; readonly serialNumber: string };

export type CertificateType = CertificateKind["type"];

export interface TpmCertificate {
  readonly kind: CertificateKind;
  readonly family: "1.2" | "2.0";
  readonly serial: Bytes;
  /** Left out for TPM 1.2. */
  readonly subject: Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly key: CertifiedKey;
  readonly allowSigning: boolean;
  readonly decryption: boolean;
}

/** @spec TCG EK Credential Profile; TCG Platform Certificate Profile */
const OID = {
  tpm: ["2.23.133.2.1", "2.23.133.2.2", "2.23.133.2.3"],
  platform: ["2.23.133.5.1.1", "2.23.133.5.1.4", "2.23.133.5.1.5"],
  platform12: ["2.23.133.2.4", "2.23.133.2.5", "2.23.133.2.6"],
  tpmSpecification: "2.23.133.2.16",
  ekCertificate: "2.23.133.8.1",
  platformCertificate: "2.23.133.8.2",
  akCertificate: "2.23.133.8.3",
} as const;

/** Issues a certificate of a TPM's key, as swtpm_cert lays it out. */
export function issueTpmCertificate(certificate: TpmCertificate, issuer: Issuer): Bytes {
  const { family, subject, key, ...rest } = certificate;
  const content = {
    ...rest,
    issuer: issuer.name,
    subject: family === "2.0" ? subject : new Name(),
    publicKey: key.info,
    extensions: extensionsOf(certificate, issuer),
  };
  return issueCertificate(content, signingKey(issuer.key, family === "2.0" ? "tpm2" : "tpm12"));
}

function extensionsOf({ kind, family, key, allowSigning, decryption }: TpmCertificate, issuer: Issuer): Extension[] {
  const extensions = [subjectAltName(kind, family), basicConstraints(false)];
  if (kind.type === "ek") extensions.push(specificationAttribute(kind.specification));
  extensions.push(authorityKeyIdentifier(issuer.keyIdentifier));
  if (kind.type === "iak" || kind.type === "idevid") return [...extensions, keyUsage("digitalSignature")];
  if (kind.type === "ak") return [...extensions, keyUsage("digitalSignature"), extendedKeyUsage(OID.akCertificate)];
  const purpose = kind.type === "ek" ? OID.ekCertificate : OID.platformCertificate;
  const uses = family === "1.2" ? (["keyEncipherment"] as const) : usesOfTpm2(key.use, allowSigning, decryption);
  return [...extensions, keyUsage(...uses), extendedKeyUsage(purpose)];
}

function usesOfTpm2(use: KeyUse, allowSigning: boolean, decryption: boolean): readonly KeyUse[] {
  if (!allowSigning) return [use];
  return decryption ? ["digitalSignature", use] : ["digitalSignature"];
}

function subjectAltName(kind: CertificateKind, family: TpmCertificate["family"]): Extension {
  switch (kind.type) {
    case "ek":
    case "ak":
      return directoryName(identityName(OID.tpm, kind.tpm), true);
    case "platform":
      if (family === "2.0") return directoryName(identityName(OID.platform, kind.platform), true);
      return extension(
        id_ce_subjectAltName,
        joinedNames(identityName(OID.tpm, kind.tpm), identityName(OID.platform12, kind.platform)),
        true,
      );
    case "iak":
    case "idevid":
      return directoryName(hardwareModuleName(kind.serialNumber), false);
  }
}

const identityName = (oids: readonly [string, string, string], { manufacturer, model, version }: TpmIdentity): Name =>
  nameOfAttributes([
    [oids[0], manufacturer],
    [oids[1], model],
    [oids[2], version],
  ]);

const directoryName = (name: Name, critical: boolean): Extension =>
  extension(id_ce_subjectAltName, new SubjectAlternativeName([new GeneralName({ directoryName: name })]), critical);

function specificationAttribute(specification: TpmSpecification): Extension {
  const attribute = new Attribute({ type: OID.tpmSpecification, values: [tpmSpecification(specification)] });
  return extension(id_ce_subjectDirectoryAttributes, new SubjectDirectoryAttributes([attribute]));
}
