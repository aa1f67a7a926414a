import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { BIN, type Ended, ours, output, refusal, run, runWithFile, useDirectory } from "./tools.ts";

/** A parser that takes nothing but DER, and says what it has read. It has no names whose values are structures. */
const STRICT_PARSER = `
import sys
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
c = x509.load_der_x509_certificate(open(sys.argv[1], "rb").read())
for e in c.extensions:
    print(e.oid.dotted_string, "critical" if e.critical else "-")
`;

const missing = inject("missingPrograms");

describe.skipIf(missing.includes("certificate tools"))("swtpm_cert", () => {
  const directory = useDirectory();
  const at = (name: string): string => directory.file(name);
  /** Authorities are made once, everything else for each test. */
  const ca = (name: string): string => join(authorities, name);

  const TPM = ["--tpm-manufacturer", "id:00001014", "--tpm-model", "swtpm", "--tpm-version", "id:20240125"];
  const SPEC = ["--tpm-spec-family", "2.0", "--tpm-spec-level", "0", "--tpm-spec-revision", "183"];
  const PLATFORM = ["--platform-manufacturer", "Maker", "--platform-model", "Model", "--platform-version", "2.1"];
  const SERIAL = ["--tpm-serial-num", "IBM:01:02"];

  let authorities = "";
  beforeAll(async () => {
    authorities = mkdtempSync(join(tmpdir(), "vtpm-authorities-"));
    await authority("rsa", "rsa:2048");
  });
  afterAll(() => rmSync(authorities, { recursive: true }));

  /** A CA of one certificate. */
  async function authority(name: string, ...key: readonly string[]): Promise<void> {
    await output(
      "openssl",
      ...["req", "-x509", "-nodes", "-newkey", ...key, "-subj", "/O=Org/CN=authority", "-days", "30"],
      ...["-keyout", ca(`${name}.key`), "-out", ca(`${name}.pem`)],
    );
  }

  const certify = (authority: string, ...args: readonly string[]): Promise<Ended> =>
    ours(
      "swtpm_cert",
      ...[
        "--signkey",
        ca(`${authority}.key`),
        "--issuercert",
        ca(`${authority}.pem`),
        "--out-cert",
        at("certificate"),
        ...args,
      ],
    );

  /** The key to be certified. */
  async function point(curve: string): Promise<string[]> {
    await output("openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", at("ek.key"));
    const der = await output("openssl", "ec", "-in", at("ek.key"), "-pubout", "-outform", "DER", "-out", at("ek.der"));
    expect(der).toBe("");
    const spki = readFileSync(at("ek.der"));
    const size = { prime256v1: 32, secp384r1: 48, secp521r1: 66 }[curve] ?? 0;
    const [x, y] = [spki.subarray(-2 * size, -size), spki.subarray(-size)];
    const id = curve === "prime256v1" ? "secp256r1" : curve;
    return ["--ecc-x", x.toString("hex"), "--ecc-y", y.toString("hex"), "--ecc-curveid", id];
  }

  async function modulus(): Promise<string[]> {
    await output("openssl", "genrsa", "-out", at("ek.key"), "2048");
    const text = await output("openssl", "rsa", "-in", at("ek.key"), "-noout", "-modulus");
    return ["--modulus", text.trim().replace("Modulus=", "")];
  }

  /** What three parsers make of the certificate: OpenSSL's text, and the extensions in their order. */
  async function inspected(authority: string): Promise<{ text: string; extensions: string[] }> {
    await output("openssl", "verify", "-CAfile", ca(`${authority}.pem`), "-ignore_critical", at("certificate"));
    await output("openssl", "asn1parse", "-inform", "DER", "-in", at("certificate"));
    writeFileSync(at("parse.py"), STRICT_PARSER);
    const parsed = await output("/usr/bin/python3", at("parse.py"), at("certificate"));
    await output("certtool", "--certificate-info", "--inder", "--infile", at("certificate"));
    const text = await output("openssl", "x509", "-noout", "-text", "-inform", "DER", "-in", at("certificate"));
    return { text, extensions: parsed.trim().split("\n") };
  }

  const EK_EXTENSIONS = [
    "2.5.29.17 critical",
    "2.5.29.19 critical",
    "2.5.29.9 -",
    "2.5.29.35 -",
    "2.5.29.15 critical",
    "2.5.29.37 -",
  ];

  test("certifies an RSA EK", async () => {
    const args = ["--type", "ek", "--tpm2", ...TPM, ...SPEC, ...(await modulus())];
    const more = ["--subject", "CN=vm:1,O=A\\, B", "--serial", "12345678901234567890", "--days", "-1"];
    expect(await certify("rsa", ...args, ...more)).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(statSync(at("certificate")).mode & 0o777).toBe(0o600);
    const { text, extensions } = await inspected("rsa");
    expect(extensions).toEqual(EK_EXTENSIONS);
    expect(text).toContain("ab:54:a9:8c:eb:1f:0a:d2");
    expect(text).toContain("Issuer: O = Org, CN = authority");
    expect(text).toContain('Subject: CN = vm:1, O = "A, B"');
    expect(text).toContain("Not After : Dec 31 23:59:59 9999 GMT");
    expect(text).toContain("DirName:/2.23.133.2.1=id:00001014/2.23.133.2.2=swtpm/2.23.133.2.3=id:20240125");
    expect(text).toMatch(/Key Usage: critical\s+Key Encipherment\n/);
    expect(text).toMatch(/Extended Key Usage: \s+2\.23\.133\.8\.1\n/);
    const der = readFileSync(at("certificate")).toString("hex");
    // Each attribute in a SET of its own, UTF8String; family "2.0", level 0, revision 183.
    expect(der).toContain(`31163014060567810502010c0b${Buffer.from("id:00001014").toString("hex")}`);
    expect(der).toContain("06056781050210310e300c0c03322e30020100020200b7");
    expect(der).toContain("180f39393939313233313233353935395a");
    expect(await output("openssl", "rsa", "-in", at("ek.key"), "-pubout")).toBe(
      await output("openssl", "x509", "-inform", "DER", "-in", at("certificate"), "-noout", "-pubkey"),
    );
  });

  test.each(["prime256v1", "secp384r1", "secp521r1"])("certifies an EK on %s", async (curve) => {
    expect(await certify("rsa", "--tpm2", ...TPM, ...SPEC, ...(await point(curve)))).toMatchObject({ status: 0 });
    const { text, extensions } = await inspected("rsa");
    expect(extensions).toEqual(EK_EXTENSIONS);
    expect(text).toMatch(/Key Usage: critical\s+Key Agreement\n/);
    expect(await output("openssl", "ec", "-in", at("ek.key"), "-pubout")).toBe(
      await output("openssl", "x509", "-inform", "DER", "-in", at("certificate"), "-noout", "-pubkey"),
    );
  });

  test.each([
    [["--allow-signing"], "Digital Signature"],
    [["--allow-signing", "--decryption"], "Digital Signature, Key Encipherment"],
    [["--decryption"], "Key Encipherment"],
  ])("says what the key is for: %s", async (flags, use) => {
    expect(await certify("rsa", "--tpm2", ...TPM, ...SPEC, ...(await modulus()), ...flags)).toMatchObject({
      status: 0,
    });
    expect((await inspected("rsa")).text).toMatch(new RegExp(`Key Usage: critical\\s+${use}\n`));
  });

  test("certifies a platform", async () => {
    const args = ["--type", "platform", "--tpm2", ...TPM, ...PLATFORM, ...(await modulus())];
    expect(await certify("rsa", ...args)).toMatchObject({ status: 0 });
    const { text, extensions } = await inspected("rsa");
    expect(extensions).toEqual(EK_EXTENSIONS.filter((each) => !each.startsWith("2.5.29.9 ")));
    expect(text).toContain("DirName:/2.23.133.5.1.1=Maker/2.23.133.5.1.4=Model/2.23.133.5.1.5=2.1");
    expect(text).toMatch(/Extended Key Usage: \s+2\.23\.133\.8\.2\n/);
  });

  test.each(["iak", "idevid"])("certifies an %s", async (type) => {
    const args = ["--type", type, "--tpm2", ...SERIAL, "--subject", "serialNumber=vm", ...(await point("prime256v1"))];
    expect(await certify("rsa", ...args)).toMatchObject({ status: 0 });
    await output("openssl", "verify", "-CAfile", ca("rsa.pem"), at("certificate"));
    await output("certtool", "--certificate-info", "--inder", "--infile", at("certificate"));
    const text = await output("openssl", "x509", "-noout", "-text", "-inform", "DER", "-in", at("certificate"));
    expect([...text.matchAll(/X509v3 ([^:\n]+): (critical)?/g)].map(([, name, critical]) => [name, critical])).toEqual([
      ["Subject Alternative Name", undefined],
      ["Basic Constraints", "critical"],
      ["Authority Key Identifier", undefined],
      ["Key Usage", "critical"],
    ]);
    expect(text).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    // hardwareModuleName: the type of a TPM 2.0, and the serial number as an OCTET STRING.
    expect(readFileSync(at("certificate")).toString("hex")).toContain(
      `06082b06010505070804 3012 06056781050102 0409 ${Buffer.from("IBM:01:02").toString("hex")}`.replaceAll(" ", ""),
    );
  });

  test("certifies an EK and a platform of a TPM 1.2, with SHA-1 and without a subject", async () => {
    const key = await modulus();
    writeFileSync(at("certificate"), "a file keeps its mode", { mode: 0o644 });
    const more = ["--add-header", "--subject", "CN=x", "--allow-signing"];
    expect(await certify("rsa", ...TPM, ...SPEC, ...more, ...key)).toMatchObject({ status: 0 });
    expect(statSync(at("certificate")).mode & 0o777).toBe(0o644);
    const stored = readFileSync(at("certificate"));
    expect(stored.readUInt16BE(0)).toBe(0x1001);
    expect(stored.readUInt16BE(3)).toBe(stored.length - 5);
    expect(stored.readUInt16BE(5)).toBe(0x1002);
    writeFileSync(at("certificate"), stored.subarray(7));
    const text = await output("openssl", "x509", "-noout", "-text", "-inform", "DER", "-in", at("certificate"));
    expect(text).toMatch(/Signature Algorithm: sha1WithRSAEncryption/);
    expect(text).toMatch(/Subject: \n/);
    expect(text).toMatch(/Key Usage: critical\s+Key Encipherment\n/);

    expect(await certify("rsa", "--type", "platform", ...TPM, ...PLATFORM, ...key)).toMatchObject({ status: 0 });
    const der = readFileSync(at("certificate")).toString("hex");
    for (const oid of ["6781050201", "6781050204", "6781050205", "6781050206"]) expect(der).toContain(oid);
  });

  test.each([
    ["rsa3072", ["rsa:3072"], "sha384WithRSAEncryption"],
    ["p256", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "ecdsa-with-SHA256"],
    ["p384", ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "ecdsa-with-SHA384"],
    ["p521", ["ec", "-pkeyopt", "ec_paramgen_curve:P-521"], "ecdsa-with-SHA512"],
    ["ed25519", ["ed25519"], "ED25519"],
    ["ed448", ["ed448"], "ED448"],
  ])("signs with a hash as strong as the key: %s", async (name, key, algorithm) => {
    await authority(name, ...key);
    const args = ["--tpm2", ...TPM, ...SPEC, ...(await point("secp384r1"))];
    expect(await certify(name, ...args)).toEqual({ status: 0, stdout: "", stderr: "" });
    const { text } = await inspected(name);
    expect(text).toContain(`Signature Algorithm: ${algorithm}`);
  });

  test.each([
    ["ml-kem-768", 1184, "Key Encipherment"],
    ["ml-dsa-65", 1952, "Digital Signature"],
  ])("certifies a key of %s", async (algorithm, size, use) => {
    const key = ["--public", "5a".repeat(size), "--keyalgo", algorithm];
    expect(await certify("rsa", "--tpm2", ...TPM, ...SPEC, ...key)).toMatchObject({ status: 0, stderr: "" });
    const text = await output("openssl", "x509", "-noout", "-text", "-inform", "DER", "-in", at("certificate"));
    expect(text).toMatch(new RegExp(`Key Usage: critical\\s+${use}\n`));
    const short = ["--public", "5a".repeat(size - 1), "--keyalgo", algorithm];
    expect(
      await refusal(
        "swtpm_cert",
        ...["--signkey", ca("rsa.key"), "--issuercert", ca("rsa.pem")],
        "--tpm2",
        ...TPM,
        ...SPEC,
        ...short,
      ),
    ).toBe(`swtpm_cert: a public key of ${algorithm} has ${size} bytes, not ${size - 1}`);
  });

  test("takes passwords in all ways, keys in PEM files, and single dashes", async () => {
    await output(
      "openssl",
      "rsa",
      "-aes256",
      "-passout",
      "pass:secret",
      "-in",
      ca("rsa.key"),
      "-out",
      at("locked.key"),
    );
    await output("openssl", "rsa", "-in", ca("rsa.key"), "-pubout", "-out", at("ek.pub"));
    writeFileSync(at("password"), "secret");
    const args = ["-signkey", at("locked.key"), "-issuercert", ca("rsa.pem"), "-tpm2", ...TPM, ...SPEC];
    const key = ["--pubkey", at("ek.pub"), "-pem"];
    for (const password of [
      ["--signkey-password", "secret"],
      ["--signkey-pwd", "secret"],
      ["--signkey-pwd", "pass:secret"],
      ["--signkey-pwd", `file:${at("password")}`],
    ]) {
      const { status, stdout } = await ours("swtpm_cert", ...args, ...key, ...password);
      expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringMatching(/^-----BEGIN CERT/) });
    }
    const words = [join(BIN, "swtpm_cert.cjs"), ...args, ...key];
    const fromDescriptor = await runWithFile(at("password"), process.execPath, [...words, "--signkey-pwd=fd:9"]);
    expect(fromDescriptor).toMatchObject({ status: 0, stdout: expect.stringMatching(/^-----BEGIN CERT/) });
    const fromVariable = await run(process.execPath, [...words, "--signkey-pwd", "env:SECRET"], { SECRET: "secret" });
    expect(fromVariable).toMatchObject({ status: 0, stdout: expect.stringMatching(/^-----BEGIN CERT/) });
    expect(await refusal("swtpm_cert", ...args, ...key, "--signkey-pwd", "env:NO_SUCH_VARIABLE")).toBe(
      "swtpm_cert: --signkey-pwd: there is no environment variable NO_SUCH_VARIABLE",
    );
    expect(await refusal("swtpm_cert", ...args, ...key, "--signkey-pwd", "fd:99")).toMatch(
      /^swtpm_cert: --signkey-pwd: cannot read the password from file descriptor 99: bad file descriptor/,
    );
    const wrong = await refusal("swtpm_cert", ...args, ...key, "--signkey-password", "guess");
    expect(wrong).toMatch(
      /^swtpm_cert: cannot use the signing key .*locked\.key: it is no private key in PEM, or its p/,
    );
    expect(wrong).not.toContain("guess");
  });

  test("takes another exponent, days, a random serial number and options that have no effect", async () => {
    const args = ["--tpm2", ...TPM, ...SPEC, ...(await modulus()), "--exponent=17", "--days", "10", "--days", "2"];
    const idle = ["--parentkey-password", "x", "--parentkey-pwd", "file:/none"];
    const seen = new Set<string>();
    for (let i = 0; i < 2; i++) {
      expect(await certify("rsa", ...args, ...idle)).toEqual({ status: 0, stdout: "", stderr: "" });
      const { text } = await inspected("rsa");
      expect(text).toContain("Exponent: 17 (0x11)");
      const [from = 0, until = 0] = [...text.matchAll(/Not (?:Before|After ?) ?: (.*)/g)].map(([, date]) =>
        Date.parse(date ?? ""),
      );
      expect(until - from).toBe(2 * 24 * 60 * 60 * 1000);
      seen.add(await output("openssl", "x509", "-noout", "-serial", "-inform", "DER", "-in", at("certificate")));
    }
    expect(seen.size).toBe(2);
  });

  test("prints what it can", async () => {
    expect((await ours("swtpm_cert", "--print-capabilities")).stdout).toBe(
      '{ "type": "swtpm_cert", "features": [ "cmdarg-signkey-pwd", "cmdarg-tpm-serial-num", "supports-iak-idevid", ' +
        '"cmdarg-public", "cmdarg-keyalgo" ], "version": "0.11.0" }\n',
    );
    expect((await ours("swtpm_cert", "--help")).stdout).toMatch(/^swtpm_cert - /);
    expect((await ours("swtpm_cert", "-h")).stdout).toMatch(/^swtpm_cert - /);
    expect((await ours("swtpm_cert", "--version")).stdout).toBe("TPM certificate tool version 0.11.0\n");
  });

  test.each<[string, readonly string[]]>([
    ["a certificate needs --signkey", []],
    ["a certificate of type ek needs --tpm-spec-family", ["--signkey", "rsa.key"]],
    ['--type takes ek, platform, iak, idevid or ak, not "key"', ["--signkey", "rsa.key", "--type", "key"]],
    ["unknown option --colour", ["--colour", "red"]],
    ["option --serial requires an argument", ["--serial"]],
    [
      "--modulus and --ecc-x exclude each other",
      ["--signkey", "rsa.key", ...TPM, ...SPEC, "--modulus", "aa", "--ecc-x", "aa"],
    ],
    [
      "--modulus takes an even number of hexadecimal digits",
      ["--signkey", "rsa.key", ...TPM, ...SPEC, "--modulus", "abc"],
    ],
    [
      "the point on secp256r1 is no public key",
      ["--signkey", "rsa.key", ...TPM, ...SPEC, "--ecc-x", "01", "--ecc-y", "02", "--issuercert", "x"],
    ],
  ])("refuses: %s", async (message, args) => {
    expect(await refusal("swtpm_cert", ...args)).toBe(`swtpm_cert: ${message}`);
  });

  test("refuses files that it cannot use, and says which", async () => {
    await authority("other", "rsa:2048");
    const key = [...TPM, ...SPEC, ...(await modulus())];
    const refused = (signkey: string, issuercert: string, out = at("certificate")) =>
      refusal("swtpm_cert", "--signkey", ca(signkey), "--issuercert", ca(issuercert), "--out-cert", out, ...key);
    expect(await refused("none.key", "rsa.pem")).toBe(
      `swtpm_cert: cannot read the signing key ${ca("none.key")}: no such file or directory (ENOENT): make it, or name another one`,
    );
    expect(await refused("rsa.pem", "rsa.pem")).toMatch(/cannot use the signing key .*rsa\.pem: it is no private key/);
    expect(await refused("rsa.key", "rsa.key")).toBe(`swtpm_cert: ${ca("rsa.key")} is no certificate in PEM or DER`);
    expect(await refused("rsa.key", "other.pem")).toBe(
      `swtpm_cert: ${ca("other.pem")} is not the certificate of the signing key: give the pair that belongs together`,
    );
    expect(await refused("rsa.key", "rsa.pem", at("none/certificate"))).toMatch(/^swtpm_cert: cannot write the cert/);
    symlinkSync(at("elsewhere"), at("link"));
    expect(await refused("rsa.key", "rsa.pem", at("link"))).toMatch(/\(ELOOP\): name a file that is no symbolic link$/);
  });
});
