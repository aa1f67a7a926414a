import { AsnSerializer } from "@peculiar/asn1-schema";
import { AttributeTypeAndValue, AttributeValue, Name, RelativeDistinguishedName } from "@peculiar/asn1-x509";
import { type AsnType, Constructed, Integer, ObjectIdentifier, OctetString, Sequence, Utf8String } from "asn1js";

/** @spec RFC 4108, "Hardware Module Name Form" */
const HARDWARE_MODULE_NAME = "1.3.6.1.5.5.7.8.4";
/** @spec TCG OID Registry: the type of a hardware module that is a TPM 2.0 */
const HARDWARE_TYPE_TPM2 = "2.23.133.1.2";

/** @spec TCG EK Credential Profile, "TPM Specification" */
export interface TpmSpecification {
  readonly family: string;
  readonly level: number;
  readonly revision: number;
}

/** @spec TCG EK Credential Profile, "TPM Specification" */
export function tpmSpecification({ family, level, revision }: TpmSpecification): ArrayBuffer {
  const value = [new Utf8String({ value: family }), new Integer({ value: level }), new Integer({ value: revision })];
  return new Sequence({ value }).toBER();
}

/** @spec TPM 2.0 Keys for Device Identity and Attestation, "Subject Alternative Name" */
export function hardwareModuleName(serialNumber: string): Name {
  const value = [
    new ObjectIdentifier({ value: HARDWARE_TYPE_TPM2 }),
    new OctetString({ valueHex: new TextEncoder().encode(serialNumber) }),
  ];
  const anyValue = new Sequence({ value }).toBER();
  const attribute = new AttributeTypeAndValue({ type: HARDWARE_MODULE_NAME, value: new AttributeValue({ anyValue }) });
  return new Name([new RelativeDistinguishedName([attribute])]);
}

/**
 * A GeneralNames that holds two names as one directoryName. X.509 has no such name, but a TPM 1.2's platform certificate has
 * it, and those who read them look for it.
 */
export function joinedNames(...names: readonly Name[]): ArrayBuffer {
  const value: AsnType[] = names.map((name) => AsnSerializer.toASN(name));
  const directoryName = new Constructed({
    idBlock: { tagClass: 3, tagNumber: 4 },
    value: [new Sequence({ value })],
  });
  return new Sequence({ value: [directoryName] }).toBER();
}
