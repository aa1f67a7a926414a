import { AttributeTypeAndValue, AttributeValue, Name, RelativeDistinguishedName } from "@peculiar/asn1-x509";
import { CertificateError } from "./certificate-error.ts";

/** The attributes that have a name, with their other ones as OpenSSL has them. @spec RFC 4519; RFC 4524; RFC 2985 */
const ATTRIBUTES: readonly (readonly [type: string, ...names: string[]])[] = [
  ["2.5.4.3", "CN", "commonName"],
  ["2.5.4.4", "SN", "surname"],
  ["2.5.4.5", "serialNumber"],
  ["2.5.4.6", "C", "countryName"],
  ["2.5.4.7", "L", "localityName"],
  ["2.5.4.8", "ST", "stateOrProvinceName"],
  ["2.5.4.9", "street", "streetAddress"],
  ["2.5.4.10", "O", "organizationName"],
  ["2.5.4.11", "OU", "organizationalUnitName"],
  ["2.5.4.12", "title"],
  ["2.5.4.13", "description"],
  ["2.5.4.15", "businessCategory"],
  ["2.5.4.17", "postalCode"],
  ["2.5.4.20", "telephoneNumber"],
  ["2.5.4.41", "name"],
  ["2.5.4.42", "GN", "givenName"],
  ["2.5.4.43", "initials"],
  ["2.5.4.44", "generationQualifier"],
  ["2.5.4.46", "dnQualifier"],
  ["2.5.4.65", "pseudonym"],
  ["0.9.2342.19200300.100.1.1", "UID", "userId"],
  ["0.9.2342.19200300.100.1.25", "DC", "domainComponent"],
  ["1.2.840.113549.1.9.1", "emailAddress", "email"],
];
const TYPES: ReadonlyMap<string, string> = new Map(
  ATTRIBUTES.flatMap(([type, ...names]) => names.map((name) => [name.toLowerCase(), type] as const)),
);
/** Of type PrintableString by definition. @spec RFC 5280, "Appendix A" */
const PRINTABLE = new Set<string>(["2.5.4.5", "2.5.4.6", "2.5.4.46"]);
/** Of type IA5String. @spec RFC 5280, "Appendix A" */
const IA5 = new Set<string>(["0.9.2342.19200300.100.1.25", "1.2.840.113549.1.9.1"]);
const IA5_TEXT = /^[ -~]+$/;
const PRINTABLE_TEXT = /^[A-Za-z0-9 '()+,\-./:=?]+$/;

/** Attributes, each a relative distinguished name of its own, as UTF8String. */
export function nameOfAttributes(attributes: readonly (readonly [type: string, value: string])[]): Name {
  return new Name(
    attributes.map(
      ([type, utf8String]) =>
        new RelativeDistinguishedName([new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String }) })]),
    ),
  );
}

/**
 * Reads `CN=name,OU=unit`: the commas and backslashes of a value have a backslash before them. A plus sign parts attributes only
 * where the name of one follows; empty parts and blanks around names and values count for nothing.
 */
export function parseDistinguishedName(text: string): Name {
  const refuse = (why: string): CertificateError =>
    new CertificateError("CONTENT", `the name ${JSON.stringify(text)} cannot be certified: ${why}`);
  const attribute = (part: string): AttributeTypeAndValue => {
    const at = part.indexOf("=");
    if (at < 1) throw refuse(`${JSON.stringify(part)} is not of the form key=value`);
    const type = typeOf(part);
    const key = part.slice(0, at).trim();
    if (type === undefined) throw refuse(`there is no attribute ${JSON.stringify(key)}`);
    const value = part
      .slice(at + 1)
      .trim()
      .replace(/\\(.)/gs, "$1");
    if (value === "") throw refuse(`${key} has no value`);
    return new AttributeTypeAndValue({ type, value: attributeValue(type, value) });
  };
  const parts = splitAt(text, ",").filter((part) => part.trim() !== "");
  return new Name(parts.map((part) => new RelativeDistinguishedName(attributesIn(part).map(attribute))));
}

/** The attribute that a part begins with the name of. */
function typeOf(part: string): string | undefined {
  const at = part.indexOf("=");
  const key = part.slice(0, Math.max(at, 0)).trim();
  return /^[0-2](\.\d+)+$/.test(key) ? key : TYPES.get(key.toLowerCase());
}

function attributeValue(type: string, value: string): AttributeValue {
  if (PRINTABLE.has(type) && PRINTABLE_TEXT.test(value)) return new AttributeValue({ printableString: value });
  if (IA5.has(type) && IA5_TEXT.test(value)) return new AttributeValue({ ia5String: value });
  return new AttributeValue({ utf8String: value });
}

function attributesIn(part: string): readonly string[] {
  const [first = "", ...rest] = splitAt(part, "+");
  const attributes = [first];
  for (const each of rest) {
    if (typeOf(each) === undefined) attributes.push(`${attributes.pop()}+${each}`);
    else attributes.push(each);
  }
  return attributes;
}

/** Splits where the separator has no backslash before it. */
function splitAt(text: string, separator: "," | "+"): string[] {
  const parts = [""];
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === separator) parts.push("");
    else parts[parts.length - 1] += char === "\\" ? char + text.charAt(++at) : char;
  }
  return parts;
}
