import { describe, expect, test } from "vitest";
import { isTokenKey, parsePkcs11Uri } from "./pkcs11-uri.ts";

const text = (uri: string): Record<string, string> => {
  const { path, query } = parsePkcs11Uri(uri);
  return Object.fromEntries([...path, ...query].map(([name, value]) => [name, Buffer.from(value).toString("latin1")]));
};

describe("a PKCS #11 URI", () => {
  test.each<[string, Record<string, string>]>([
    ["pkcs11:", {}],
    ["pkcs11:token=My%20token;object=%C3%A4", { token: "My token", object: "\u00c3\u00a4" }],
    ["pkcs11:id=%00%FF%41", { id: "\u0000\u00ffA" }],
    [
      "pkcs11:serial=01;model=m;manufacturer=x;type=private",
      { serial: "01", model: "m", manufacturer: "x", type: "private" },
    ],
    [
      "pkcs11:slot-id=7;slot-description=d;slot-manufacturer=s",
      { "slot-id": "7", "slot-description": "d", "slot-manufacturer": "s" },
    ],
    ["pkcs11:object=a?pin-value=1%3B2&module-path=/x=y", { object: "a", "pin-value": "1;2", "module-path": "/x=y" }],
    [
      "pkcs11:object=a?x-of-others=1&pin-source=file:/p&module-name=m",
      { object: "a", "pin-source": "file:/p", "module-name": "m" },
    ],
    ["pkcs11:object=", { object: "" }],
  ])("%s", (uri, attributes) => {
    expect(text(uri)).toEqual(attributes);
  });

  test.each([
    ["pkcs12:", "it does not begin with pkcs11:"],
    ["pkcs11:object", '"object" has no value'],
    ["pkcs11:=a", '"=a" has no value'],
    ["pkcs11:colour=red", 'there is no attribute "colour"'],
    ["pkcs11:object=a;object=b", "object is there twice"],
    ["pkcs11:object=%4", "a percent sign in object has no two hexadecimal digits behind it"],
    ["pkcs11:object=a?pin-value=secret%", "a percent sign in pin-value has no two hexadecimal digits behind it"],
    ["pkcs11:object=a?secret", "a part of its query has no value"],
    ["pkcs11:object=a?pin-value=secret?", "it has more than one question mark"],
  ])("is refused without showing a PIN: %s", (uri, why) => {
    expect(() => parsePkcs11Uri(uri)).toThrow(`${uri.split("?")[0]} is no PKCS #11 URI: ${why}`);
    expect(() => parsePkcs11Uri(uri)).not.toThrow("secret");
  });

  test("can be shown without what unlocks it", () => {
    expect(parsePkcs11Uri("pkcs11:object=a?pin-value=secret").text).toBe("pkcs11:object=a");
  });

  test("is told from a file, and from keys that nobody supports any more", () => {
    expect(isTokenKey("pkcs11:object=a")).toBe(true);
    expect(isTokenKey("/etc/key.pem")).toBe(false);
    expect(isTokenKey("tpmkey:else")).toBe(false);
    expect(() => isTokenKey("tpmkey:uuid=1")).toThrow(/keys of a TPM 1\.2 behind tcsd \(tpmkey:\) are not supported/);
    expect(() => isTokenKey("tpmkey:file=/k")).toThrow(/give a PEM file, or a pkcs11: URI/);
  });
});
