import { createPublicKey, X509Certificate } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TPM_ALG, type TPMT_PUBLIC_NULLABLE } from "@vtpm/tpm2/spec";
import { beforeEach, describe, expect, inject, test } from "vitest";
import { peerProgram } from "../../bench/swtpm-programs.ts";
import { OpenedTpm, type Opener, publicText } from "./opened-tpm.ts";
import { BIN, configureSetup, type Ended, output, run, useDirectory, useLocalCa } from "./tools.ts";

const missing = inject("missingPrograms");
const DEBIANS = peerProgram("swtpm_setup");
const CURVES: Readonly<Record<number, string>> = { 3: "P-256", 4: "P-384", 5: "P-521" };

describe.skipIf(missing.includes("certificate tools"))("swtpm_setup", () => {
  const directory = useDirectory();
  const ca = useLocalCa();
  const at = (name: string): string => directory.file(name);

  beforeEach(() => {
    chmodSync(directory.path, 0o755);
    for (const name of ["state", "certificates"]) mkdirSync(at(name));
    ca.copyTo(at("ca"));
    configure("swtpm_localca");
  });

  const configure = (tool: string, ...more: readonly string[]): void => configureSetup(directory.path, tool, ...more);

  const ARGS = (state = "state"): string[] => ["--tpm2", "--config", at("setup.conf"), "--tpm-state", at(state)];
  const setup = (...args: readonly string[]): Promise<Ended> => tool([...ARGS(), ...args]);
  const tool = (args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> =>
    run(process.execPath, [join(BIN, "swtpm_setup.cjs"), ...args], environment);
  const made = async (...args: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await setup(...args);
    expect({ status, stderr, stdout }).toMatchObject({ status: 0, stderr: "" });
    return stdout;
  };
  const ALL = ["--createek", "--create-ek-cert", "--create-platform-cert", "--lock-nvram"];
  const VMID = ["--vmid", "machine:1"];
  const FILES = (): string[] => ["--write-ek-cert-files", at("certificates")];

  /** That a certificate is of this key, and below the CA. */
  async function certified(der: Buffer, key: TPMT_PUBLIC_NULLABLE | undefined): Promise<X509Certificate> {
    const certificate = new X509Certificate(der);
    expect(certificate.publicKey.export({ format: "jwk" })).toEqual(jwkOf(key));
    writeFileSync(at("certificate.der"), der);
    await output(
      "openssl",
      ...["verify", "-CAfile", at("ca/swtpm-localca-rootca-cert.pem"), "-untrusted", at("ca/issuercert.pem")],
      ...["-ignore_critical", at("certificate.der")],
    );
    return certificate;
  }

  function jwkOf(key: TPMT_PUBLIC_NULLABLE | undefined): object {
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
    const jwk =
      key?.type === TPM_ALG.RSA
        ? { kty: "RSA", n: text(key.unique), e: "AQAB" }
        : key?.type === TPM_ALG.ECC
          ? { kty: "EC", crv: CURVES[key.parameters.curveID] ?? "", x: text(key.unique.x), y: text(key.unique.y) }
          : { kty: "none" };
    return createPublicKey({ key: jwk, format: "jwk" }).export({ format: "jwk" });
  }

  test("makes keys and certificates that belong together, in the TPM and in files", async () => {
    rmSync(at("ca"), { recursive: true });
    const said = await made(...ALL, ...VMID, ...FILES());
    expect(said).toMatch(/^Starting vTPM manufacturing as \w+:\w+ @ /);
    for (const line of [
      "Successfully created RSA 2048 EK with handle 0x81010001.",
      "swtpm_localca: Creating root CA and a local CA's signing key and issuer cert.",
      "swtpm_localca: Successfully created EK certificate locally.",
      "swtpm_localca: Successfully created platform certificate locally.",
      "Successfully created NVRAM area 0x1c00002 for RSA 2048 EK certificate.",
      "Successfully created NVRAM area 0x1c08000 for platform certificate.",
      "Successfully created NVRAM area 0x1c00016 for secp384r1 EK certificate.",
      "Successfully activated PCR banks sha256 among sha1,sha256,sha384,sha512.",
      "Successfully authored TPM state.",
    ]) {
      expect(said.split("\n")).toContain(line);
    }
    expect(readdirSync(at("certificates")).sort()).toEqual(["ek-rsa2048.crt", "ek-secp384r1.crt"]);
    expect(statSync(at("certificates/ek-rsa2048.crt")).mode & 0o777).toBe(0o640);
    expect(statSync(at("state/tpm2-00.permall")).mode & 0o777).toBe(0o640);
    await OpenedTpm.with("this project", at("state"), async (tpm) => {
      const [keys, areas] = [await tpm.keys(), await tpm.areas()];
      expect([...keys.keys()]).toEqual(["81010001", "81010016"]);
      expect([...areas.keys()]).toEqual(["1c00002", "1c00016", "1c08000"]);
      for (const { attributes, locked } of areas.values()) {
        expect({ attributes, locked }).toEqual({ attributes: 0x42072001, locked: true });
      }
      expect(await tpm.banks()).toEqual([TPM_ALG.SHA256]);
      expect(areas.get("1c00002")?.content).toEqual(readFileSync(at("certificates/ek-rsa2048.crt")));
      expect(areas.get("1c00016")?.content).toEqual(readFileSync(at("certificates/ek-secp384r1.crt")));
      const ek = await certified(readFileSync(at("certificates/ek-rsa2048.crt")), keys.get("81010001"));
      expect(ek.subject).toBe("CN=machine:1");
      await certified(readFileSync(at("certificates/ek-secp384r1.crt")), keys.get("81010016"));
      await certified(areas.get("1c08000")?.content ?? Buffer.alloc(0), keys.get("81010001"));
    });
  });

  test.skipIf(missing.includes("tpm2-tools"))(
    "makes EKs and NV areas that tpm2-tools finds by themselves",
    async () => {
      await made(...ALL, "--ek2keyalgo", "ecc_nist_p256");
      await OpenedTpm.with("this project", at("state"), async (tpm) => {
        const keys = await tpm.keys();
        await tpm.leave();
        const tpm2 = (name: string, ...args: readonly string[]) =>
          output(`tpm2_${name}`, ...args, "-T", `swtpm:host=127.0.0.1,port=${tpm.port}`);
        for (const [algorithm, handle] of [
          ["rsa", "81010001"],
          ["ecc", "8101000a"],
        ] as const) {
          // Its own templates, derived anew: the same keys.
          await tpm2("createek", "-c", at(`${algorithm}.ctx`), "-G", algorithm, "-u", at(`${algorithm}.pub`));
          const size = readFileSync(at(`${algorithm}.pub`)).readUInt16BE(0);
          expect(
            readFileSync(at(`${algorithm}.pub`))
              .subarray(2, 2 + size)
              .toString("hex"),
          ).toBe(publicText(keys.get(handle) ?? fail(handle)));
          await tpm2("flushcontext", "-t");
        }
        await tpm2("getekcertificate", "-o", at("rsa.der"), "-o", at("ecc.der"), "--raw");
        await certified(readFileSync(at("rsa.der")), keys.get("81010001"));
        await certified(readFileSync(at("ecc.der")), keys.get("8101000a"));
      });
    },
  );

  test.each([
    ["rsa2048", "81010001", "1c00002", "ek-rsa2048.crt"],
    ["rsa3072", "8101001c", "1c0001c", "ek-rsa3072.crt"],
    ["ecc_nist_p256", "8101000a", "1c0000a", "ek-secp256r1.crt"],
    ["secp384r1", "81010016", "1c00016", "ek-secp384r1.crt"],
    ["ECC_NIST_P521", "81010018", "1c00018", "ek-secp521r1.crt"],
  ])("makes an EK of %s at its place", async (algorithm, handle, index, file) => {
    await made("--create-ek-cert", "--ek1keyalgo", algorithm, "--ek2keyalgo", algorithm, ...FILES());
    expect(readdirSync(at("certificates"))).toEqual([file]);
    await OpenedTpm.with("this project", at("state"), async (tpm) => {
      const [keys, areas] = [await tpm.keys(), await tpm.areas()];
      expect([...keys.keys()]).toEqual([handle]);
      expect([...areas.keys()]).toEqual([index]);
      expect(areas.get(index)?.locked).toBe(false);
      await certified(areas.get(index)?.content ?? Buffer.alloc(0), keys.get(handle));
    });
  });

  test("makes RSA-4096 EKs with a profile that has them, and says when it has not", async () => {
    const args = ["--create-ek-cert", "--rsa-keysize", "max", "--pcr-banks", "-"];
    const { status, stderr } = await setup(...args);
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("swtpm_setup: the TPM refused: TPM2_CreatePrimary: TPM_RC_VALUE (parameter 2)"),
    });
    expect(readdirSync(at("state"))).toEqual([".lock"]);
    expect(await made(...args, "--profile-name", "default-v2")).toMatch(/RSA 4096 EK with handle 0x8101001e\./);
  });

  test("makes identities that name the EK's certificate", async () => {
    const args = ["--create-ek-cert", "--iakkeyalgo", "secp256r1", "--idevidkeyalgo", "rsa2048"];
    await made(...args, ...VMID, ...FILES());
    const ek = new X509Certificate(readFileSync(at("certificates/ek-rsa2048.crt")));
    await OpenedTpm.with("this project", at("state"), async (tpm) => {
      const [keys, areas] = [await tpm.keys(), await tpm.areas()];
      for (const [handle, index, file] of [
        ["81020001", "1c90100", "iak-secp256r1.crt"],
        ["81020000", "1c90200", "idevid-rsa2048.crt"],
      ] as const) {
        const content = areas.get(index)?.content ?? Buffer.alloc(0);
        expect(content).toEqual(readFileSync(at(`certificates/${file}`)));
        expect((await certified(content, keys.get(handle))).subject).toBe("serialNumber=machine:1");
        expect(content.toString("latin1")).toMatch(new RegExp(`IBM:[0-9a-f]{40}:0*${ek.serialNumber.toLowerCase()}`));
      }
    });
  });

  describe.skipIf(missing.includes("swtpm"))("beside Debian's", () => {
    const debians = (...args: readonly string[]) =>
      output(DEBIANS, "--tpm", `${peerProgram("swtpm")} socket`, ...ARGS("theirs"), ...args);
    const driving = (...args: readonly string[]) => made("--tpm", `${peerProgram("swtpm")} socket`, ...args);

    test.each([
      [["--createek"]],
      [["--createek", "--allow-signing"]],
      [["--createek", "--allow-signing", "--decryption", "--lock-nvram"]],
      [["--createek", "--rsa-keysize", "3072"]],
      [["--create-spk", "--rsa-keysize", "3072", "--pcr-banks", "sha1,sha256"]],
      [["--create-spk", "--ecc", "--pcr-banks", "sha1", "--pcr-banks", "sha512"]],
      [["--createek", "--ecc", "--decryption", "--pcr-banks", "sha256,md5,sha1"]],
    ])("makes the same of %s by driving its swtpm", async (args) => {
      mkdirSync(at("theirs"));
      configure(peerProgram("swtpm_localca"));
      await debians(...args);
      await driving(...args);
      const look = async (tpm: OpenedTpm) => [await tpm.templates(), await tpm.areas(), await tpm.banks()];
      const theirs = await OpenedTpm.with("Debian's swtpm", at("theirs"), look);
      expect(await OpenedTpm.with("Debian's swtpm", at("state"), look)).toEqual(theirs);
    });

    test("has its certificate tool certify", async () => {
      configure(peerProgram("swtpm_localca"));
      const said = await made(...ALL, ...FILES());
      expect(said).toContain(`  Invoking ${peerProgram("swtpm_localca")} --type ek --ek `);
      expect(said).toContain("swtpm_localca: Successfully created EK certificate locally.");
      const keys = await OpenedTpm.with("this project", at("state"), (tpm) => tpm.keys());
      await certified(readFileSync(at("certificates/ek-secp384r1.crt")), keys.get("81010016"));
    });

    test("says that its swtpm has no profiles, and leaves that of the configuration away", async () => {
      configure("swtpm_localca", 'profile = {"Name": "default-v1"}');
      expect(await driving()).toContain(
        `${peerProgram("swtpm")} socket has no profiles, as swtpm before 0.10: the profile of the configuration is left away.`,
      );
      const { status, stderr } = await setup(
        "--tpm",
        `${peerProgram("swtpm")} socket`,
        "--overwrite",
        "--profile-name",
        "null",
      );
      expect({ status, stderr }).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/has no profiles, as swtpm before 0\.10: leave/),
      });
    });

    test("hands it keys", async () => {
      writeFileSync(at("password"), "secret of the state");
      await driving("--pwdfile", at("password"), "--cipher", "aes-256-cbc");
      expect(readFileSync(at("state/tpm2-00.permall")).readUInt16BE(4)).toBe(0x09);
      writeFileSync(at("key"), "00112233445566778899aabbccddeeff");
      await driving("--keyfile", at("key"), "--overwrite");
      expect(readFileSync(at("state/tpm2-00.permall")).readUInt16BE(4)).toBe(0x01);
    });

    test.each<[string, Opener]>([
      ["what it makes opens here", "this project"],
      ["what it makes opens there", "Debian's swtpm"],
    ])("%s: the same keys, areas and banks", async (_, opener) => {
      mkdirSync(at("theirs"));
      configure(peerProgram("swtpm_localca"));
      const [other, state] =
        opener === "this project" ? (["Debian's swtpm", "theirs"] as const) : (["this project", "state"] as const);
      if (state === "theirs") await debians(...ALL);
      else await made(...ALL);
      const look = async (tpm: OpenedTpm) => ({
        keys: [...(await tpm.keys())].map(([handle, key]) => [handle, publicText(key)]),
        areas: await tpm.areas(),
        banks: await tpm.banks(),
      });
      const maker = await OpenedTpm.with(other, at(state), look);
      expect(maker.keys).toHaveLength(2);
      expect(await OpenedTpm.with(opener, at(state), look)).toEqual(maker);
    });
  });

  test("sets the PCR banks of a TPM that exists, and nothing else", async () => {
    await made(...ALL);
    const before = await OpenedTpm.with("this project", at("state"), (tpm) => tpm.keys());
    await made("--reconfigure", "--pcr-banks", "sha1,sha512");
    await OpenedTpm.with("this project", at("state"), async (tpm) => {
      expect(await tpm.banks()).toEqual([TPM_ALG.SHA1, TPM_ALG.SHA512]);
      expect(await tpm.keys()).toEqual(before);
    });
  });

  test("encrypts the state as it is told", async () => {
    writeFileSync(at("key"), `0x${"5a".repeat(32)}`);
    await made("--createek", "--keyfile", at("key"), "--cipher", "aes-256-cbc");
    const file = readFileSync(at("state/tpm2-00.permall"));
    expect(file.readUInt16BE(4)).toBe(0x09);
    const args = ["--reconfigure", "--pcr-banks", "sha1", "--cipher", "aes-256-cbc"];
    expect(await setup(...args)).toMatchObject({ status: 1, stderr: expect.stringMatching(/encrypted/) });
    writeFileSync(at("other"), "a5".repeat(32));
    expect(await setup(...args, "--keyfile", at("other"))).toMatchObject({ status: 1 });
    expect(readFileSync(at("state/tpm2-00.permall"))).toEqual(file);
    await made(...args, "--keyfile", at("key"));
    writeFileSync(at("password"), "secret");
    await made("--overwrite", "--pwdfile", at("password"));
    expect(readFileSync(at("state/tpm2-00.permall")).readUInt16BE(4)).toBe(0x01);
  });

  test("leaves, replaces or refuses a TPM that exists", async () => {
    await made();
    const file = readFileSync(at("state/tpm2-00.permall"));
    // Whoever starts a machine again says the same again, and files of the first time may be gone.
    const gone = ["--keyfile", "/none", "--config", "/none", "--overwrite"];
    expect(await made("--not-overwrite", "--createek", ...gone)).toBe("Not overwriting existing state file.\n");
    expect(await setup("--createek")).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /swtpm_setup: Found existing TPM state 'permall' in .*: give --overwrite to replace it/,
      ),
    });
    expect(readFileSync(at("state/tpm2-00.permall"))).toEqual(file);
    await made("--overwrite");
    expect(readFileSync(at("state/tpm2-00.permall"))).not.toEqual(file);
  });

  test("keeps its state in a file, too", async () => {
    const args = ["--tpm2", "--config", at("setup.conf"), "--tpm-state", `file://${at("linear")}`];
    expect(await tool([...args, "--createek"])).toMatchObject({ status: 0, stderr: "" });
    expect(readFileSync(at("linear")).subarray(0, 8).toString()).toBe("nilmptws");
    expect(await tool(args)).toMatchObject({ status: 1, stderr: expect.stringMatching(/Found existing TPM state/) });
    expect(await tool([...args, "--reconfigure"])).toMatchObject({ status: 0, stderr: "" });
    expect(await tool([...args, "--overwrite"])).toMatchObject({ status: 0, stderr: "" });
  });

  test("takes profiles from everywhere", async () => {
    mkdirSync(at("profiles"));
    writeFileSync(at("profiles/mine.json"), '{"Name": "custom:mine", "StateFormatLevel": 7}');
    configure("swtpm_localca", "local_profiles_dir = @/profiles", 'profile = {"Name": "default-v1"}');
    const name = async (...args: readonly string[]): Promise<string | undefined> =>
      /Active profile: \{"Name":"([^"]*)"/.exec(await made("--overwrite", ...args))?.[1];
    expect(await name()).toBe("default-v1");
    expect(await name("--profile-name", "mine")).toBe("custom:mine");
    expect(await name("--profile-name", "local:mine")).toBe("custom:mine");
    expect(await name("--profile-name", "builtin:default-v2")).toBe("default-v2");
    expect(await name("--profile", '{"Name":"null"}')).toBe("null");
    expect(await name("--profile-file", at("profiles/mine.json"))).toBe("custom:mine");
    writeFileSync(at("profiles/none.json"), "{}");
    const print = await tool(["--tpm2", "--config", at("setup.conf"), "--print-profiles"]);
    expect(JSON.parse(print.stdout)).toMatchObject({
      local: [{ Name: "mine", StateFormatLevel: 7 }],
      builtin: ["default-v2", "default-v1", "null", "custom"].map((Name) => ({
        Name,
        Algorithms: expect.stringMatching(/^rsa,/),
      })),
    });
    expect((await tool(["--print-profiles"])).stdout).toBe("{}\n");
  });

  test("leaves out of a custom profile what a host in FIPS mode disables", async () => {
    configure("swtpm_localca");
    const custom = ["--profile-name", "custom:fips", "--profile-remove-disabled"];
    const said = await made("--overwrite", ...custom, "fips-host");
    expect(said).toMatch(/rsa-min-size=2048/);
    expect(said).not.toMatch(/camellia|tdes|rsaes/);
    expect(said).toMatch(/"Attributes":"no-sha1-signing,no-sha1-verification,no-unpadded-encryption"/);
    const untouched = await made(
      "--overwrite",
      "--profile-name",
      "default-v1",
      "--profile-remove-disabled",
      "fips-host",
    );
    expect(untouched).toMatch(/Active profile: \{"Name":"default-v1",.*camellia/);
  });

  test("prints what it can", async () => {
    const { stdout } = await tool(["--print-capabilities"]);
    expect(stdout).toMatch(
      /^\{ "type": "swtpm_setup", "features": \[ "tpm-2\.0", "cmdarg-keyfile-fd", .* \], "profiles": \[ "default-v2", "default-v1", "null", "custom" \], "version": "0\.11\.0" \}\n$/,
    );
    expect((await tool(["--help"])).stdout).toMatch(/^swtpm_setup - /);
    expect((await tool(["--version"])).stdout).toBe("TPM emulator setup tool version 0.11.0\n");
  });

  test("writes a user's configuration, and works with it", async () => {
    const environment = { XDG_CONFIG_HOME: at("home") };
    const root = process.geteuid?.() === 0 ? "root" : "overwrite";
    mkdirSync(at("home"));
    const { status, stdout } = await tool(["--create-config-files", root], environment);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: ["swtpm_setup.conf", "swtpm-localca.conf", "swtpm-localca.options"]
        .map((name) => `Writing ${at(`home/${name}`)}.\n`)
        .join(""),
    });
    expect(statSync(at("home/var/lib/swtpm-localca")).mode & 0o755).toBe(0o755);
    expect(await tool(["--tpm2", "--tpm-state", at("state"), ...ALL], environment)).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(existsSync(at("home/var/lib/swtpm-localca/issuercert.pem"))).toBe(true);
    if (root === "root") {
      expect(await tool(["--create-config-files=root"], environment)).toMatchObject({
        status: 1,
        stderr: `swtpm_setup: File ${at("home/swtpm_setup.conf")} already exists. Refusing to overwrite.\n`,
      });
      expect(await tool(["--create-config-files", "root,skip-if-exist"], environment)).toMatchObject({
        status: 0,
        stdout: "",
      });
      expect(await tool(["--create-config-files"], environment)).toMatchObject({ status: 1 });
      expect(await tool(["--create-config-files", "root,overwrite"], environment)).toMatchObject({ status: 0 });
    }
    expect(await tool(["--create-config-files", "root,overwrite,skip-if-exist"], environment)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/exclude each other\n$/),
    });
  });

  test("says in a log file what it does", async () => {
    writeFileSync(at("log"), "before\n");
    expect(await setup(...ALL, "--logfile", at("log"))).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(readFileSync(at("log"), "utf8")).toMatch(
      /^before\nStarting vTPM.*Successfully authored TPM state\.\nEnding/s,
    );
    expect(await setup("--logfile", at("log"))).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^swtpm_setup: Found/),
    });
    expect(readFileSync(at("log"), "utf8")).toMatch(/\nFound existing TPM state 'permall' in [^\n]*\n$/);
  });
});

function fail(what: string): never {
  throw new Error(`there is no ${what}`);
}
