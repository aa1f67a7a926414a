import { describe, expect, test } from "vitest";
import { parseDistinguishedName } from "./distinguished-name.ts";

/** What a name says, as `TYPE form value`; attributes of one relative name are joined by " + ". */
const said = (text: string): string[] =>
  parseDistinguishedName(text).map((part) =>
    part
      .map(({ type, value }) => {
        const { utf8String, printableString, ia5String } = value;
        const [form, content] =
          utf8String !== undefined
            ? ["utf8", utf8String]
            : printableString !== undefined
              ? ["printable", printableString]
              : ["ia5", ia5String];
        return `${type} ${form} ${content}`;
      })
      .join(" + "),
  );

describe("a distinguished name", () => {
  test.each([
    // The forms and names that swtpm_cert 0.11.0 gives for the same text, but for those of more than one attribute in one part.
    ["C=US, ST=NY , L = New York", ["2.5.4.6 printable US", "2.5.4.8 utf8 NY", "2.5.4.7 utf8 New York"]],
    [",CN=a,,O=b,", ["2.5.4.3 utf8 a", "2.5.4.10 utf8 b"]],
    ["CN=a=b", ["2.5.4.3 utf8 a=b"]],
    ["O=a+b,OU=+", ["2.5.4.10 utf8 a+b", "2.5.4.11 utf8 +"]],
    ["commonName=a,surname=s,userId=u", ["2.5.4.3 utf8 a", "2.5.4.4 utf8 s", "0.9.2342.19200300.100.1.1 utf8 u"]],
    ["DC=example", ["0.9.2342.19200300.100.1.25 ia5 example"]],
    ["emailAddress=a@b.c", ["1.2.840.113549.1.9.1 ia5 a@b.c"]],
    ["dnQualifier=q,serialNumber=1:2", ["2.5.4.46 printable q", "2.5.4.5 printable 1:2"]],
    ["1.2.3.4=x", ["1.2.3.4 utf8 x"]],
    // What swtpm_cert has refused or misread.
    ["CN=a+OU=b", ["2.5.4.3 utf8 a + 2.5.4.11 utf8 b"]],
    ["O=A\\, B\\+C=\\\\", ["2.5.4.10 utf8 A, B+C=\\"]],
    ["serialNumber=a_b,cn=Gr\u00fc\u00dfe", ["2.5.4.5 utf8 a_b", "2.5.4.3 utf8 Gr\u00fc\u00dfe"]],
    ["", []],
  ])("%s", (text, attributes) => expect(said(text)).toEqual(attributes));

  test.each([
    ["CN=a,b", /"b" is not of the form key=value/],
    ["colour=red", /there is no attribute "colour"/],
    ["CN= ", /CN has no value/],
    ["=a", /"=a" is not of the form/],
  ])("is refused: %s", (text, why) => expect(() => parseDistinguishedName(text)).toThrow(why));
});
