import { AttributeTypeAndValue, AttributeValue, Name, RelativeDistinguishedName } from "@peculiar/asn1-x509";
import { CertificateError } from "./certificate-error.ts";

/** The attributes that have a short name. @spec RFC 4519; RFC 4514, "Table 3" */
const TYPES: Readonly<Record<string, string>> = {
  cn: "2.5.4.3",
  sn: "2.5.4.4",
  serialnumber: "2.5.4.5",
  c: "2.5.4.6",
  l: "2.5.4.7",
  st: "2.5.4.8",
  street: "2.5.4.9",
  o: "2.5.4.10",
  ou: "2.5.4.11",
  title: "2.5.4.12",
  givenname: "2.5.4.42",
  uid: "0.9.2342.19200300.100.1.1",
  dc: "0.9.2342.19200300.100.1.25",
};
/** Of type PrintableString by definition. @spec RFC 5280, "Appendix A" */
const PRINTABLE = new Set<string>(["2.5.4.5", "2.5.4.6"]);
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

/** Reads `CN=name,OU=unit`: the commas, plus signs and backslashes of a value have a backslash before them. */
export function parseDistinguishedName(text: string): Name {
  const refuse = (why: string): CertificateError =>
    new CertificateError("CONTENT", `the name ${JSON.stringify(text)} cannot be certified: ${why}`);
  const attribute = (part: string): AttributeTypeAndValue => {
    const at = part.indexOf("=");
    if (at < 1) throw refuse(`${JSON.stringify(part)} is not of the form key=value`);
    const key = part.slice(0, at).trim();
    const type = /^[0-2](\.\d+)+$/.test(key) ? key : TYPES[key.toLowerCase()];
    if (type === undefined) throw refuse(`there is no attribute ${JSON.stringify(key)}`);
    const value = part.slice(at + 1).replace(/\\(.)/gs, "$1");
    if (value === "") throw refuse(`${key} has no value`);
    const printable = PRINTABLE.has(type) && PRINTABLE_TEXT.test(value);
    return new AttributeTypeAndValue({
      type,
      value: new AttributeValue(printable ? { printableString: value } : { utf8String: value }),
    });
  };
  return new Name(splitAt(text, ",").map((part) => new RelativeDistinguishedName(splitAt(part, "+").map(attribute))));
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
