import { describe, expect, test } from "vitest";
import { CertOptions } from "./options.ts";
import { requestOf, serialOf } from "./request.ts";

const EK = [
  ...["--tpm-manufacturer", "id:00001014", "--tpm-model", "swtpm", "--tpm-version", "id:20240125"],
  ...["--tpm-spec-family", "2.0", "--tpm-spec-level", "0", "--tpm-spec-revision", "183", "--modulus", "c5".repeat(64)],
];

describe("numbers are read as strtol(3) reads them", () => {
  // Known answers of swtpm_cert 0.11.0.
  test.each([
    ["0", 0],
    ["00", 0],
    ["0x10001", 65537],
    ["0XfF", 255],
    ["010", 8],
    [" +5", 5],
    ["4294967295", 4294967295],
  ])("%s", (text, number) => expect(new CertOptions([]).integer("exponent", text)).toBe(number));

  test.each(["", "-1", "08", "0x", "1.5", "1e3", "5x", "5 ", "4294967296"])("not %s", (text) => {
    expect(() => new CertOptions([]).integer("exponent", text)).toThrow(/^--exponent takes a number from 0 to 42949/);
  });
});

describe("what is to be certified", () => {
  const request = (...args: readonly string[]) => requestOf(new CertOptions([...EK, ...args]));

  test("words that belong to no option mean nothing", async () => {
    expect((await request("#", "a", "comment", "--days", "-1", "stray")).notAfter.toISOString()).toBe(
      "9999-12-31T23:59:59.000Z",
    );
  });

  test("a type in any case", async () => expect((await request("--type", "EK")).kind.type).toBe("ek"));

  test.each(["2914500", "2147483647"])("no certificate that is valid for %s days", async (days) => {
    await expect(request("--days", days)).rejects.toThrow(`--days ${days} ends after the year 9999: -1 is without end`);
  });

  test.each([
    ["17", "11"],
    [" 42 ", "2a"],
    ["+007", "07"],
    ["730750818665451459101842416358141509827966271488", `80${"00".repeat(19)}`],
  ])("serial number %s", (text, hex) => {
    expect(Buffer.from(serialOf(new CertOptions(["--serial", text]))).toString("hex")).toBe(hex);
  });

  test.each(["", "-5", "0x10", "5x", "1461501637330902918203684832716283019655932542976"])(
    "no serial number %s",
    (text) => expect(() => serialOf(new CertOptions(["--serial", text]))).toThrow(/^--serial takes a /),
  );
});

test("of options that mean the same the last counts", () => {
  const options = new CertOptions(["--signkey-pwd", "a", "--signkey-password", "b", "--signkey-pwd", "c"]);
  expect(options.lastOf("signkey-pwd", "signkey-password")).toBe("signkey-pwd");
  expect(
    new CertOptions(["--signkey-pwd", "a", "--signkey-password", "b"]).lastOf("signkey-pwd", "signkey-password"),
  ).toBe("signkey-password");
  expect(new CertOptions([]).lastOf("signkey-pwd")).toBeUndefined();
});
