import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, inject, test } from "vitest";
import { peerProgram } from "../../bench/swtpm-programs.ts";
import { BIN, type Ended, ours, output, POINT, refusal, run, TPM, useDirectory, useLocalCa } from "./tools.ts";

const missing = inject("missingPrograms");
/** A modulus, which needs no factors to be certified. */
const MODULUS = `c${"5".repeat(510)}7`;

describe.skipIf(missing.includes("certificate tools"))("swtpm_localca", () => {
  const directory = useDirectory();
  const ca = useLocalCa();
  const at = (name: string): string => directory.file(name);

  beforeEach(() => {
    chmodSync(directory.path, 0o755);
    configure("");
    writeFileSync(at("options"), "--platform-manufacturer Maker\n--platform-version 2.1 --platform-model Model\n");
  });

  function configure(more: string): void {
    const lines = ["statedir = @/ca # here", "signingkey = @/ca/signkey.pem#it", "issuercert=@/ca/issuercert.pem"];
    const serial = `certserial = $\{WHERE}/ca/certserial`;
    const text = [...lines, serial, "# a comment", more].join("\n");
    writeFileSync(at("config"), text.replaceAll("@", directory.path));
  }

  const ARGS = (): string[] => ["--configfile", at("config"), "--optsfile", at("options"), "--dir", directory.path];
  const certify = (...args: readonly string[]): Promise<Ended> =>
    run(process.execPath, [join(BIN, "swtpm_localca.cjs"), ...ARGS(), ...TPM, ...args], { WHERE: directory.path });
  const refused = (...args: readonly string[]): Promise<string> => refusal("swtpm_localca", ...ARGS(), ...TPM, ...args);

  const verify = (name: string): Promise<string> =>
    output(
      "openssl",
      ...["verify", "-CAfile", at("ca/swtpm-localca-rootca-cert.pem"), "-untrusted", at("ca/issuercert.pem")],
      ...["-ignore_critical", at(name)],
    );
  const text = (name: string): Promise<string> => output("openssl", "x509", "-noout", "-text", "-in", at(name));

  test("makes its CA when it is first used, and certifies keys of all types below it", async () => {
    expect(await certify("--type", "ek", "--ek", MODULUS, "--vmid", "vm,1+2:3\\+4")).toEqual({
      status: 0,
      stdout:
        "Creating root CA and a local CA's signing key and issuer cert.\nSuccessfully created EK certificate locally.\n",
      stderr: "",
    });
    const modes = Object.fromEntries(
      readdirSync(at("ca")).map((name) => [name, (statSync(at(`ca/${name}`)).mode & 0o777).toString(8)]),
    );
    expect(modes).toEqual({
      ".lock.swtpm-localca": "644",
      certserial: "644",
      "issuercert.pem": "644",
      "signkey.pem": "640",
      "swtpm-localca-rootca-cert.pem": "644",
      "swtpm-localca-rootca-privkey.pem": "640",
    });
    for (const name of ["ca/issuercert.pem", "ca/swtpm-localca-rootca-cert.pem"]) {
      const authority = await text(name);
      expect(authority).toMatch(
        /Basic Constraints: critical\s+CA:TRUE\s+X509v3 Key Usage: critical\s+Certificate Sign\n/,
      );
      expect(authority).toContain("Signature Algorithm: sha256WithRSAEncryption");
      expect(authority).toContain("Public-Key: (3072 bit)");
    }
    await verify("ek.cert");
    expect(await text("ek.cert")).toContain('Subject: CN = "vm_1_2:3+4"');
    expect(statSync(at("ek.cert")).mode & 0o777).toBe(0o600);

    const first = BigInt(readFileSync(at("ca/certserial"), "latin1"));
    for (const [type, option] of [
      ["platform", "--ek"],
      ["iak", "--key"],
      ["idevid", "--key"],
    ] as const) {
      const args = ["--type", type, option, POINT, "--tpm-serial-num", "IBM:1:2", "--vmid", "vm", "--allow-signing"];
      expect(await certify(...args)).toMatchObject({
        status: 0,
        stdout: `Successfully created ${type} certificate locally.\n`,
      });
      await verify(`${type}.cert`);
    }
    expect(BigInt(readFileSync(at("ca/certserial"), "latin1"))).toBe(first + 3n);
    // What the key of an EK can do is not said of the platform.
    expect(await text("platform.cert")).toMatch(/Key Usage: critical\s+Key Agreement\n/);
    expect(await text("platform.cert")).toContain(
      "DirName:/2.23.133.5.1.1=Maker/2.23.133.5.1.4=Model/2.23.133.5.1.5=2.1",
    );
    expect(await text("idevid.cert")).toContain("Subject: serialNumber = vm");
  });

  test("counts from what the file says, and anew from what is no number", async () => {
    ca.copyTo(at("ca"));
    writeFileSync(at("ca/certserial"), "41\n");
    await certify("--ek", POINT);
    expect(readFileSync(at("ca/certserial"), "latin1")).toBe("42");
    expect(await text("ek.cert")).toContain("Serial Number: 42 (0x2a)");
    // Whoever shares the CA finds the file as it was.
    renameSync(at("ca/certserial"), at("elsewhere"));
    symlinkSync(at("elsewhere"), at("ca/certserial"));
    chmodSync(at("elsewhere"), 0o666);
    writeFileSync(at("elsewhere"), " 99 bottles");
    await certify("--ek", POINT);
    expect(readFileSync(at("elsewhere"), "latin1")).toBe("100");
    expect(statSync(at("elsewhere")).mode & 0o777).toBe(0o666);
    for (const bad of ["", "forty", `${2n ** 160n}`]) {
      writeFileSync(at("ca/certserial"), bad);
      expect(await certify("--ek", POINT)).toMatchObject({ status: 0 });
      expect(readFileSync(at("ca/certserial"), "latin1")).toMatch(/^[1-9]\d{19}$/);
    }
  });

  test("makes one CA for all who come at once, and no number twice", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    for (const name of names) mkdirSync(at(name));
    const ends = await Promise.all(names.map((name) => certify("--ek", POINT, "--dir", at(name))));
    expect(ends.map(({ status }) => status)).toEqual(names.map(() => 0));
    expect(ends.filter(({ stdout }) => stdout.includes("Creating root CA"))).toHaveLength(1);
    const serials = await Promise.all(
      names.map((name) => output("openssl", "x509", "-noout", "-serial", "-in", at(`${name}/ek.cert`))),
    );
    expect(new Set(serials).size).toBe(names.length);
    for (const name of names) await verify(`${name}/ek.cert`);
  });

  test("is complete after it was killed at any moment", async () => {
    // Killed when so many files are there: nothing, lock, one key, both, certificates...
    for (let wanted = 0; wanted < 6; wanted++) {
      rmSync(at("ca"), { recursive: true, force: true });
      const child = spawn(process.execPath, [join(BIN, "swtpm_localca.cjs"), ...ARGS(), ...TPM, "--ek", POINT], {
        stdio: "ignore",
        env: { ...process.env, WHERE: directory.path },
      });
      const ended = once(child, "exit");
      const seen = (): number => (existsSync(at("ca")) ? readdirSync(at("ca")).length : 0);
      while (seen() < wanted && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 1));
      child.kill("SIGKILL");
      await ended;
      expect(await certify("--ek", POINT)).toMatchObject({ status: 0, stderr: "" });
      await verify("ek.cert");
    }
  });

  test("uses a CA with passwords", async () => {
    configure("signingkey_password = secret");
    const environment = { WHERE: directory.path, SWTPM_ROOTCA_PASSWORD: "root" };
    const args = [join(BIN, "swtpm_localca.cjs"), ...ARGS(), ...TPM, "--ek", POINT];
    expect(await run(process.execPath, args, environment)).toMatchObject({ status: 0 });
    for (const [name, password] of [
      ["signkey", "secret"],
      ["swtpm-localca-rootca-privkey", "root"],
    ]) {
      expect(readFileSync(at(`ca/${name}.pem`), "latin1")).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
      await output("openssl", "pkey", "-in", at(`ca/${name}.pem`), "-passin", `pass:${password}`, "-noout");
    }
    expect(await certify("--ek", POINT)).toMatchObject({ status: 0 });
    configure("");
    expect(await refused("--ek", POINT)).toMatch(/signkey\.pem: it is no private key in PEM, or has a password/);
  });

  test("never replaces a key, and says what is lost", async () => {
    ca.copyTo(at("ca"));
    const key = readFileSync(at("ca/signkey.pem"), "latin1");
    rmSync(at("ca/issuercert.pem"));
    expect(await certify("--ek", POINT)).toMatchObject({ status: 0 });
    expect(readFileSync(at("ca/signkey.pem"), "latin1")).toBe(key);
    await verify("ek.cert");
    rmSync(at("ca/signkey.pem"));
    expect(await refused("--ek", POINT)).toBe(
      `swtpm_localca: the CA's certificate ${at("ca/issuercert.pem")} is there, but not its signing key ${at("ca/signkey.pem")}: ` +
        "bring the key back, or remove the certificate to have a new CA made",
    );
  });

  test("adds what it says to a log file", async () => {
    writeFileSync(at("log"), "before\n");
    expect(await certify("--ek", POINT, "--logfile", at("log"))).toEqual({ status: 0, stdout: "", stderr: "" });
    await refused("--logfile", at("log"));
    expect(readFileSync(at("log"), "utf8")).toBe(
      "before\nCreating root CA and a local CA's signing key and issuer cert.\n" +
        "Successfully created EK certificate locally.\nswtpm_localca: a certificate needs a key: give --ek or --key\n",
    );
  });

  test("makes the directories that its configuration names, and passes over words of the options that mean nothing", async () => {
    const lines = [
      "statedir = @/a/b",
      "signingkey = @/c/d/key",
      "issuercert = @/e/f/cert",
      "certserial = @/g/h/serial",
    ];
    writeFileSync(at("config"), lines.join("\n").replaceAll("@", directory.path));
    writeFileSync(at("options"), "# the platform\n--platform-manufacturer Maker Inc.\n--subject C=DE,O=Org --days 3\n");
    expect(await certify("--ek", POINT, "--vmid", "vm", "stray")).toMatchObject({ status: 0, stderr: "" });
    // Of a file and the command line, the file names the subject, the command line everything else.
    expect(await text("ek.cert")).toMatch(/Not After : Dec 31 23:59:59 9999 GMT\n\s+Subject: C = DE, O = Org\n/);
    for (const name of ["a/b/.lock.swtpm-localca", "c/d/swtpm-localca-rootca-cert.pem", "e/f/cert", "g/h/serial"]) {
      expect({ name, there: existsSync(at(name)) }).toEqual({ name, there: true });
    }
    expect(statSync(at("c/d")).mode & 0o007).toBe(0);
  });

  test("finds the user's configuration", async () => {
    mkdirSync(at("home"));
    writeFileSync(at("home/swtpm-localca.conf"), readFileSync(at("config")));
    writeFileSync(at("home/swtpm-localca.options"), "");
    const environment = { XDG_CONFIG_HOME: at("home"), WHERE: directory.path };
    ca.copyTo(at("ca"));
    const args = [join(BIN, "swtpm_localca.cjs"), "--dir", directory.path, ...TPM, "--ek", POINT];
    expect(await run(process.execPath, args, environment)).toMatchObject({ status: 0 });
  });

  test("refuses what it cannot do, and says why", async () => {
    expect(await refused()).toBe("swtpm_localca: a certificate needs a key: give --ek or --key");
    expect(await refused("--type", "x", "--ek", POINT)).toMatch(/--type takes ek, platform, iak or idevid, not "x"/);
    expect(await refused("--ek", "x=12")).toMatch(/is neither a modulus nor of the form x=HEX,y=HEX,id=CURVE$/);
    expect(await refused("--ek", POINT, "--configfile", at("none"))).toBe(
      `swtpm_localca: cannot read the configuration of the local CA ${at("none")}: no such file or directory (ENOENT): make it, or name another one`,
    );
    writeFileSync(at("empty"), "# statedir = /tmp\n");
    expect(await refused("--ek", POINT, "--configfile", at("empty"))).toBe(
      `swtpm_localca: ${at("empty")} has no statedir: add a line "statedir = ..."`,
    );
    writeFileSync(at("wrong"), "--colour red");
    expect(await refused("--ek", POINT, "--optsfile", at("wrong"))).toBe(
      `swtpm_localca: ${at("wrong")}: unknown option --colour`,
    );
    configure("");
    writeFileSync(at("config"), readFileSync(at("config"), "utf8").replaceAll("/ca", "/wrong/ca"));
    expect(await refused("--ek", POINT)).toMatch(/cannot use .*\/wrong\/ca as directory of the CA: not a directory/);
    expect((await ours("swtpm_localca", "--help")).stdout).toMatch(/^swtpm_localca - /);
  });

  /** A user without rights: this one, or where that is root one who is nobody. */
  const powerless = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];

  test("names the user and the remedy where it has no access", async () => {
    ca.copyTo(at("ca"));
    const asNobody = async (): Promise<string> => {
      const [program = "", ...args] = [
        ...powerless,
        process.execPath,
        join(BIN, "swtpm_localca.cjs"),
        ...ARGS(),
        ...TPM,
      ];
      const { status, stderr } = await run(program, [...args, "--ek", POINT], { WHERE: directory.path });
      expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringMatching(/^[^\n]+\n$/) });
      return stderr;
    };
    chmodSync(at("ca/signkey.pem"), 0o000);
    expect(await asNobody()).toMatch(
      /^swtpm_localca: cannot read the CA's signing key .*signkey\.pem: permission denied \(EACCES\) for user \w+: give that user access/,
    );
    chmodSync(at("ca/signkey.pem"), 0o644);
    chmodSync(at("ca"), 0o555);
    chmodSync(at("ca/.lock.swtpm-localca"), 0o444);
    expect(await asNobody()).toMatch(
      /^swtpm_localca: cannot lock the CA with .*: permission denied \(EACCES\) for user \w+: g/,
    );
    chmodSync(at("ca/.lock.swtpm-localca"), 0o666);
    expect(await asNobody()).toMatch(
      /^swtpm_localca: cannot write the CA's serial number .*certserial: permission denied/,
    );
    chmodSync(at("ca"), 0o000);
    expect(await asNobody()).toMatch(
      /^swtpm_localca: cannot read the CA's signing key .*: permission denied \(EACCES\) for user/,
    );
    chmodSync(at("ca"), 0o755);
  });

  test.skipIf(missing.includes("swtpm"))(
    "certifies with a CA that Debian's swtpm_localca has made, and the other way round",
    async () => {
      // It expands no variables in this one.
      writeFileSync(at("config"), readFileSync(at("config"), "utf8").replace(`$\{WHERE}`, directory.path));
      const theirs = [peerProgram("swtpm_localca"), ...ARGS(), ...TPM, "--type", "ek", "--ek", POINT];
      const [program = "", ...args] = theirs;
      expect(await run(program, args, { WHERE: directory.path })).toMatchObject({ status: 0 });
      const before = BigInt(readFileSync(at("ca/certserial"), "latin1"));
      expect(await certify("--ek", MODULUS)).toMatchObject({
        status: 0,
        stdout: "Successfully created EK certificate locally.\n",
      });
      await verify("ek.cert");
      expect(BigInt(readFileSync(at("ca/certserial"), "latin1"))).toBe(before + 1n);

      rmSync(at("ca"), { recursive: true });
      await certify("--ek", POINT);
      expect(await run(program, args, { WHERE: directory.path })).toMatchObject({ status: 0 });
      await verify("ek.cert");
    },
  );
});
