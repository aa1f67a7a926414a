import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { peerProgram } from "../../bench/swtpm-programs.ts";
import { BIN, type Ended, output, run, useDirectory } from "./tools.ts";

const missing = inject("missingPrograms");
const MODULE = "/usr/lib/softhsm/libsofthsm2.so";
const MODULUS = `c${"5".repeat(510)}7`;
const TPM = [
  ...["--tpm-spec-family", "2.0", "--tpm-spec-level", "0", "--tpm-spec-revision", "183"],
  ...["--tpm-manufacturer", "id:00001014", "--tpm-model", "swtpm", "--tpm-version", "id:20240125", "--tpm2"],
];
const PIN = "1234";

const KEYS = {
  rsa2048: ["--generate-privkey=rsa", "--bits=2048"],
  rsa3072: ["--generate-privkey=rsa", "--bits=3072"],
  p256: ["--generate-privkey=ecdsa", "--curve=secp256r1"],
  p384: ["--generate-privkey=ecdsa", "--curve=secp384r1"],
  p521: ["--generate-privkey=ecdsa", "--curve=secp521r1"],
  /** Wants the PIN once more for each signature. */
  careful: ["--generate-privkey=ecdsa", "--curve=secp256r1", "--mark-always-authenticate"],
} as const;
type KeyName = keyof typeof KEYS | "ed25519";

describe.skipIf(missing.includes("PKCS #11") || missing.includes("certificate tools"))("keys in tokens", () => {
  const directory = useDirectory();
  const at = (name: string): string => directory.file(name);
  /** Tokens and certificates of their keys are made once. */
  let tokens = "";
  const token = (name: string): string => join(tokens, name);
  const environment = (): Record<string, string> => ({ SOFTHSM2_CONF: token("softhsm2.conf"), GNUTLS_PIN: PIN });

  beforeAll(async () => {
    tokens = mkdtempSync(join(tmpdir(), "vtpm-tokens-"));
    mkdirSync(token("tokens"));
    writeFileSync(token("softhsm2.conf"), `directories.tokendir = ${token("tokens")}\nobjectstore.backend = file\n`);
    writeFileSync(token("pin"), `${PIN}\n`);
    writeFileSync(token("template"), 'cn = "token CA"\nca\ncert_signing_key\nexpiration_days = 100\n');
    await succeed("softhsm2-util", "--init-token", "--free", "--label", "authority", "--pin", PIN, "--so-pin", "5678");
    for (const [i, [name, kind]] of Object.entries(KEYS).entries()) {
      const place = ["--label", name, "--id", `0${i}`, "--login", "--batch"];
      await succeed("p11tool", ...kind, ...place, "pkcs11:token=authority");
      const [key = "", publicKey = ""] = ["private", "public"].map((type) => `pkcs11:object=${name};type=${type}`);
      const load = ["--load-privkey", key, "--load-pubkey", publicKey, "--template", token("template")];
      await succeed("certtool", "--generate-self-signed", ...load, "--outfile", token(`${name}.pem`));
    }
    // GnuTLS makes no such key in a token.
    await succeed("openssl", "genpkey", "-algorithm", "ed25519", "-out", token("key"));
    const place = ["--token", "authority", "--label", "ed25519", "--id", "20", "--pin", PIN];
    await succeed("softhsm2-util", "--import", token("key"), ...place);
    const subject = ["-subj", "/CN=token CA", "-days", "100"];
    await succeed("openssl", "req", "-x509", "-key", token("key"), ...subject, "-out", token("ed25519.pem"));
  }, 120_000);
  afterAll(() => rmSync(tokens, { recursive: true }));

  async function succeed(program: string, ...args: readonly string[]): Promise<void> {
    const { status, stdout, stderr } = await run(program, args, environment());
    expect({ status, output: `${stdout}${stderr}` }).toMatchObject({ status: 0 });
  }

  const ARGS = (name: KeyName): string[] => ["--issuercert", token(`${name}.pem`), "--modulus", MODULUS, ...TPM];
  const certify = (name: KeyName, uri: string, more: Readonly<Record<string, string>>, ...args: readonly string[]) =>
    run(
      process.execPath,
      [join(BIN, "swtpm_cert.cjs"), ...ARGS(name), "--signkey", uri, "--out-cert", at("certificate"), "--pem", ...args],
      { ...environment(), ...more },
    );
  const succeeds = async (ended: Promise<Ended>): Promise<void> =>
    expect(await ended).toEqual({ status: 0, stdout: "", stderr: "" });
  const text = (name: string): Promise<string> => output("openssl", "x509", "-noout", "-text", "-in", at(name));

  test.each<[KeyName, string]>([
    ["rsa2048", "sha256WithRSAEncryption"],
    ["rsa3072", "sha384WithRSAEncryption"],
    ["p256", "ecdsa-with-SHA256"],
    ["p384", "ecdsa-with-SHA384"],
    ["p521", "ecdsa-with-SHA512"],
    ["ed25519", "ED25519"],
    ["careful", "ecdsa-with-SHA256"],
  ])("sign certificates that OpenSSL and GnuTLS verify: %s", async (name, algorithm) => {
    await succeeds(certify(name, `pkcs11:token=authority;object=${name}`, { SWTPM_PKCS11_PIN: PIN }));
    await output("openssl", "verify", "-CAfile", token(`${name}.pem`), "-ignore_critical", at("certificate"));
    expect(await text("certificate")).toContain(`Signature Algorithm: ${algorithm}`);
    const chain = ["--load-ca-certificate", token(`${name}.pem`), "--infile", at("certificate")];
    // It knows no critical extension of a TPM; the signature is what it is asked for.
    const verified = await run("certtool", ["--verify", "--verify-allow-broken", ...chain]);
    expect(`${verified.stdout}${verified.stderr}`).not.toMatch(/signature is invalid|issuer is unknown/i);
  });

  test.skipIf(missing.includes("swtpm")).each<KeyName>(["rsa2048", "p256"])(
    "make the certificate that Debian's swtpm_cert makes: %s",
    async (name) => {
      const uri = `pkcs11:token=authority;object=${name}`;
      const fixed = ["--serial", "77", "--subject", "CN=vm", "--days", "-1"];
      await succeeds(certify(name, uri, { SWTPM_PKCS11_PIN: PIN }, ...fixed));
      const args = [...ARGS(name), "--signkey", uri, "--out-cert", at("theirs"), "--pem", ...fixed];
      expect(await run(peerProgram("swtpm_cert"), args, { ...environment(), SWTPM_PKCS11_PIN: PIN })).toMatchObject({
        status: 0,
      });
      await output("openssl", "verify", "-CAfile", token(`${name}.pem`), "-ignore_critical", at("theirs"));
      // It has its extensions in another order.
      const content = async (file: string): Promise<string[]> => {
        const lines = (await text(file)).replace(/Not Before.*|Signature Value:[\s\S]*/g, "").split("\n");
        return lines.map((line) => line.trim()).sort();
      };
      expect(await content("certificate")).toEqual(await content("theirs"));
    },
  );

  test("are found by what a URI says, with the PIN from wherever it says", async () => {
    const pin = { SWTPM_PKCS11_PIN: PIN };
    const wrong = { SWTPM_PKCS11_PIN: "9999" };
    const file = `?module-path=${MODULE}`;
    for (const [uri, more, ...args] of [
      ["pkcs11:object=rsa2048", pin],
      ["pkcs11:id=%00", pin],
      ["pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;token=authority;object=rsa2048;type=public", pin],
      [`pkcs11:object=rsa2048${file}`, pin],
      ["pkcs11:object=rsa2048?module-path=/usr/lib/softhsm&module-name=softhsm2", pin],
      ["pkcs11:object=rsa2048?module-name=softhsm2", pin],
      [`pkcs11:object=rsa2048${file}&pin-value=${PIN}`, wrong],
      [`pkcs11:object=rsa2048?pin-source=${token("pin")}`, wrong],
      [`pkcs11:object=rsa2048?pin-source=file:${token("pin")}`, {}],
      ["pkcs11:object=rsa2048", wrong, "--signkey-pwd", `pass:${PIN}`],
      ["pkcs11:object=rsa2048", {}, "--signkey-password", PIN],
    ] as const) {
      await succeeds(certify("rsa2048", uri, more, ...args));
    }
  });

  test.each<[string, string, string, RegExp]>([
    ["no PIN", "pkcs11:object=rsa2048", "", /the PKCS #11 token "authority" wants a PIN: give it in SWTPM_PKCS11_PIN/],
    ["another PIN", "pkcs11:object=rsa2048", "9999", /token "authority" has another PIN than the one that was given/],
    [
      "a PIN in no file",
      "pkcs11:object=rsa2048?pin-source=/none",
      PIN,
      /cannot read the PIN of .* from \/none: no such/,
    ],
    ["no such token", "pkcs11:token=none", PIN, /^no PKCS #11 token matches pkcs11:token=none: there is "authority"$/],
    [
      "no such key",
      "pkcs11:object=none",
      PIN,
      /has no private key that matches pkcs11:object=none: it has object=careful;id=%05, object=ed25519;id=%20, object=p256;id=%02, object=p384;id=%03, object=p521;id=%04, object=rsa2048;id=%00, object=rsa3072;id=%01$/,
    ],
    [
      "any of several keys",
      "pkcs11:token=authority",
      PIN,
      /has several private keys that match pkcs11:token=authority: object=careful;id=%05, object=ed25519;id=%20, .*rsa3072;id=%01$/,
    ],
    [
      "no module",
      "pkcs11:object=a?module-path=/none.so",
      PIN,
      /^cannot use the PKCS #11 module \/none\.so: .*No such file/,
    ],
    ["a module of no name", "pkcs11:object=a?module-name=none", PIN, /^cannot use the PKCS #11 module none: /],
    [
      "what is no module",
      "pkcs11:object=a?module-path=/etc/passwd",
      PIN,
      /^cannot use the PKCS #11 module \/etc\/passwd: /,
    ],
    [
      "what is no URI",
      "pkcs11:colour=red",
      PIN,
      /^pkcs11:colour=red is no PKCS #11 URI: there is no attribute "colour"$/,
    ],
    [
      "a key of another certificate",
      "pkcs11:object=p256",
      PIN,
      /rsa2048\.pem is not the certificate of the signing key/,
    ],
    ["another key of its kind", "pkcs11:object=rsa3072", PIN, /rsa2048\.pem is not the certificate of the signing key/],
    [
      "a key of a TPM 1.2",
      "tpmkey:uuid=1",
      PIN,
      /^the signing key tpmkey:uuid=1 cannot be used: keys of a TPM 1\.2 behind/,
    ],
  ])("are refused in one line: %s", async (_, uri, pin, message) => {
    const { status, stderr } = await certify("rsa2048", uri, pin === "" ? {} : { SWTPM_PKCS11_PIN: pin });
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/^swtpm_cert: [^\n]+\n$/) });
    expect(stderr.slice("swtpm_cert: ".length, -1)).toMatch(message);
    if (pin !== "") expect(stderr).not.toContain(pin);
  });

  test("need koffi, and say so where it is not installed", async () => {
    for (const part of ["bin", "dist"]) cpSync(join(BIN, "..", part), at(`vtpm/${part}`), { recursive: true });
    const args = [at("vtpm/bin/swtpm_cert.cjs"), ...ARGS("rsa2048"), "--signkey", "pkcs11:object=rsa2048"];
    expect(await run(process.execPath, args, environment())).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^swtpm_cert: this needs the package koffi, which is not installed .*: npm install koffi\n$/,
      ),
    });
  });

  describe("of a local CA", () => {
    /** The variable that the module needs is not in the environment of the programs, but in the configuration. */
    const CONFIG = (...more: readonly string[]): void => {
      const lines = [
        `statedir = ${at("ca")}`,
        `issuercert = ${token("p256.pem")}`,
        `env:SOFTHSM2_CONF = ${token("softhsm2.conf")}`,
      ];
      writeFileSync(at("localca.conf"), [...lines, ...more].join("\n"));
      writeFileSync(at("options"), "--platform-manufacturer Maker --platform-version 2.1 --platform-model Model");
    };
    const KEY = "signingkey = pkcs11:token=authority;object=p256";
    const FILES = (): string[] => ["--configfile", at("localca.conf"), "--optsfile", at("options")];
    const REQUEST = (): string[] => [...FILES(), "--dir", directory.path, "--type", "ek", "--ek", MODULUS, ...TPM];
    const localca = (): Promise<Ended> => run(process.execPath, [join(BIN, "swtpm_localca.cjs"), ...REQUEST()]);
    const verify = (name: string): Promise<string> =>
      output("openssl", "verify", "-CAfile", token("p256.pem"), "-ignore_critical", at(name));

    test.each([
      ["with its PIN", [KEY, `SWTPM_PKCS11_PIN = ${PIN}`]],
      ["with its PIN as password", [KEY, "SWTPM_PKCS11_PIN = 9999", `signingkey_password = ${PIN}`]],
      ["with backslashes", [KEY.replace(";", "\\;"), `SWTPM_PKCS11_PIN = ${PIN}`]],
    ])("certifies: %s", async (_, lines) => {
      CONFIG(...lines);
      expect(await localca()).toEqual({
        status: 0,
        stdout: "Successfully created EK certificate locally.\n",
        stderr: "",
      });
      await verify("ek.cert");
    });

    test.skipIf(missing.includes("swtpm"))("certifies by turns with Debian's", async () => {
      CONFIG(KEY, `SWTPM_PKCS11_PIN = ${PIN}`);
      mkdirSync(at("ca"));
      writeFileSync(at("ca/certserial"), "41");
      expect(await localca()).toMatchObject({ status: 0 });
      expect(await run(peerProgram("swtpm_localca"), REQUEST())).toMatchObject({ status: 0 });
      await verify("ek.cert");
      expect(await localca()).toMatchObject({ status: 0 });
      expect(readFileSync(at("ca/certserial"), "latin1")).toBe("44");
    });

    test("certifies what swtpm_setup makes", async () => {
      CONFIG(KEY, `SWTPM_PKCS11_PIN = ${PIN}`);
      const tool = ["create_certs_tool = swtpm_localca", `create_certs_tool_config = ${at("localca.conf")}`];
      writeFileSync(at("setup.conf"), [...tool, `create_certs_tool_options = ${at("options")}`].join("\n"));
      mkdirSync(at("state"));
      const place = ["--tpm2", "--config", at("setup.conf"), "--tpm-state", at("state")];
      const args = [...place, "--create-ek-cert", "--write-ek-cert-files", directory.path];
      expect(await run(process.execPath, [join(BIN, "swtpm_setup.cjs"), ...args])).toMatchObject({
        status: 0,
        stderr: "",
      });
      await verify("ek-rsa2048.crt");
      await verify("ek-secp384r1.crt");
    });

    test("is not made, and says what is missing", async () => {
      const refused = async (): Promise<string> => {
        const { status, stderr } = await localca();
        expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/^swtpm_localca: [^\n]+\n$/) });
        return stderr.slice("swtpm_localca: ".length, -1);
      };
      CONFIG(KEY);
      expect(await refused()).toMatch(/^the PKCS #11 token "authority" has another PIN/);
      CONFIG(KEY, `SWTPM_PKCS11_PIN = ${PIN}`);
      const config = readFileSync(at("localca.conf"), "utf8");
      writeFileSync(at("localca.conf"), config.replace(token("p256.pem"), at("none.pem")));
      expect(await refused()).toBe(
        `cannot read the CA's certificate ${at("none.pem")}: no such file or directory (ENOENT): make it, or name another one`,
      );
      CONFIG("signingkey = tpmkey:file=/k");
      expect(await refused()).toMatch(/^the signing key tpmkey:file=\/k cannot be used/);
    });
  });
});
