import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TPM_ALG } from "@vtpm/tpm2/spec";
import { beforeEach, describe, expect, inject, test } from "vitest";
import { OpenedTpm } from "./opened-tpm.ts";
import { BIN, configureSetup, type Ended, output, run, runWithFile, useDirectory } from "./tools.ts";

const isRoot = process.geteuid?.() === 0;
const PROGRAM = [join(BIN, "swtpm_setup.cjs")];

/** Options of swtpm_setup that no other scenario needs, and the ways to write them. */
describe.skipIf(inject("missingPrograms").includes("certificate tools"))("swtpm_setup takes", () => {
  const directory = useDirectory();
  const at = (name: string): string => directory.file(name);

  beforeEach(() => {
    chmodSync(directory.path, 0o755);
    for (const name of ["state", "ca"]) mkdirSync(at(name));
    configure();
  });

  const configure = (...more: readonly string[]): void => configureSetup(directory.path, "swtpm_localca", ...more);
  const tool = (args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> =>
    run(process.execPath, [...PROGRAM, ...args], environment);
  const ARGS = (): string[] => ["--tpm2", "--config", at("setup.conf"), "--tpm-state", at("state")];
  const setup = (...args: readonly string[]): Promise<Ended> => tool([...ARGS(), ...args]);
  const succeeded = async (ended: Promise<Ended>): Promise<string> => {
    const { status, stdout, stderr } = await ended;
    expect({ status, stderr, stdout }).toMatchObject({ status: 0, stderr: "" });
    return stdout;
  };
  const refused = async (ended: Promise<Ended>): Promise<string> => {
    const { status, stderr } = await ended;
    expect(status).toBe(1);
    expect(readdirSync(at("state")).filter((name) => name !== ".lock")).toEqual([]);
    return stderr.replace("An error occurred. Authoring the TPM state failed.\n", "");
  };
  const keysOf = (state = at("state")): Promise<string[]> =>
    OpenedTpm.with("this project", state, async (tpm) => [...(await tpm.keys()).keys()]);

  test.skipIf(!isRoot).each(["nobody", "65534"])("--runas %s: everything is that user's", async (user) => {
    for (const name of ["state", "ca"]) chownSync(at(name), 65534, 65534);
    expect(await succeeded(setup("--runas", user, "--create-ek-cert"))).toMatch(
      /^Starting vTPM manufacturing as nobody:\w+ @ /,
    );
    const made = [
      ...readdirSync(at("state")).map((name) => `state/${name}`),
      ...readdirSync(at("ca")).map((name) => `ca/${name}`),
    ];
    expect(made).toContain("state/tpm2-00.permall");
    expect(made).toContain("ca/issuercert.pem");
    for (const name of made) expect({ name, owner: statSync(at(name)).uid }).toEqual({ name, owner: 65534 });
  });

  test("no --runas of a user that there is not, or that it cannot become", async () => {
    expect(await refused(setup("--runas", "no-such-user"))).toBe(
      "swtpm_setup: User 'no-such-user' does not exist. A number works without one.\n",
    );
    const command = [process.execPath, ...PROGRAM, ...ARGS(), "--runas", "0"];
    const [program = "", ...args] = isRoot
      ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...command]
      : command;
    expect(await refused(run(program, args))).toMatch(
      /^swtpm_setup: --runas 0: cannot become that user: .*\(EPERM\)\n$/,
    );
  });

  test.each([
    ["--keyfile-fd", "5a".repeat(16), 0x01],
    ["--pwdfile-fd", "secret of the state", 0x01],
  ])("%s: what is read from there encrypts the state", async (option, content, flag) => {
    writeFileSync(at("secret"), content);
    const args = [...PROGRAM, ...ARGS(), option, "9"];
    await succeeded(runWithFile(at("secret"), process.execPath, args));
    expect(readFileSync(at("state/tpm2-00.permall")).readUInt16BE(4)).toBe(flag);
    expect(await setup("--reconfigure")).toMatchObject({ status: 1 });
    const again = await succeeded(setup("--reconfigure", option.replace("-fd", ""), at("secret"), "--overwrite"));
    expect(again).toMatch(/^ {2}The TPM's state will be encrypted .*\.\nStarting vTPM reconfiguration as /);
  });

  test("of several keys the first of: a key, a passphrase, a key or a passphrase by its descriptor", async () => {
    writeFileSync(at("key"), "5a".repeat(16));
    writeFileSync(at("secret"), "secret of the state");
    const both = ["--pwdfile", at("secret"), "--keyfile", at("key")];
    expect(await succeeded(setup(...both))).toMatch(/^ {2}The TPM's state will be encrypted with a provided key\.\n/);
    await succeeded(setup("--reconfigure", "--keyfile", at("key")));
    const words = [...PROGRAM, ...ARGS(), "--overwrite", "--keyfile-fd", "9", "--pwdfile", at("secret")];
    await succeeded(runWithFile(at("key"), process.execPath, words));
    await succeeded(setup("--reconfigure", "--pwdfile", at("secret")));
  });

  test.each([
    [["--pcr-banks", " , "], [TPM_ALG.SHA256]],
    [["--pcr-banks", "-,sha1"], [TPM_ALG.SHA1]],
    [
      ["--pcr-banks", " sha512 , sha1,md5"],
      [TPM_ALG.SHA1, TPM_ALG.SHA512],
    ],
    [
      ["--pcr-banks", "-"],
      [TPM_ALG.SHA1, TPM_ALG.SHA256, TPM_ALG.SHA384, TPM_ALG.SHA512],
    ],
  ])("%j", async (args, banks) => {
    await succeeded(setup(...args));
    expect(await OpenedTpm.with("this project", at("state"), (tpm) => tpm.banks())).toEqual(banks);
  });

  test("--profile-file-fd", async () => {
    writeFileSync(at("profile"), '{"Name": "custom:mine"}');
    const args = [...PROGRAM, ...ARGS(), "--profile-file-fd", "9"];
    const said = await succeeded(runWithFile(at("profile"), process.execPath, args));
    expect(said).toMatch(/\nActive profile: \{"Name":"custom:mine",/);
  });

  test.each(["--keyfile-fd", "--pwdfile-fd", "--profile-file-fd"])("no %s that is not open", async (option) => {
    expect(await refused(setup(option, "99"))).toBe(
      `swtpm_setup: ${option}: cannot read file descriptor 99: bad file descriptor (EBADF)\n`,
    );
  });

  test("options in all their forms, and the last of those that are given twice", async () => {
    const forms = [`--tpmstate=dir://${at("state")}`, "--create-ek", "--vmid=first", "--vmid", "second"];
    const files = [`--write-ek-cert-files=${directory.path}`, "--config=/none", `--config=${at("setup.conf")}`];
    await succeeded(tool(["--tpm2", ...forms, ...files, "--pcr-banks=sha1", "--pcr-banks", ",sha512,"]));
    const subject = await output("openssl", "x509", "-noout", "-subject", "-in", at("ek-rsa2048.crt"));
    expect(subject).toBe("subject=CN = second\n");
    expect(await OpenedTpm.with("this project", at("state"), (tpm) => tpm.banks())).toEqual([
      TPM_ALG.SHA1,
      TPM_ALG.SHA512,
    ]);
  });

  test("options that have no effect", async () => {
    const idle = [
      "--display",
      "--swtpm_ioctl",
      "/none",
      "--tcsd-system-ps-file",
      "/none",
      "--no-iak",
      "--ecc",
      "--decryption",
      "--ownerpass",
      "secret",
      "--owner-well-known",
      "--srkpass",
      "",
      "--srk-well-known",
      "stray",
      "--not-overwrite",
      "--overwrite",
    ];
    await succeeded(setup("--createek", ...idle));
    mkdirSync(at("plain"));
    await succeeded(setup("--createek", "--tpm-state", at("plain")));
    const look = (tpm: OpenedTpm) => tpm.templates();
    expect(await OpenedTpm.with("this project", at("state"), look)).toEqual(
      await OpenedTpm.with("this project", at("plain"), look),
    );
  });

  test.each([
    ["--take-ownership"],
    ["--ownerpass", "secret"],
    ["--owner-well-known"],
    ["--srkpass", "secret"],
    ["--srk-well-known"],
  ])("%s for a TPM 1.2 only, which is not there yet", async (...option) => {
    expect(await refused(tool(["--tpm-state", at("state"), ...option]))).toBe(
      "swtpm_setup: TPM 1.2 is not there yet: make a TPM 2.0 with --tpm2\n",
    );
  });

  test.each([
    ["--create-spk"],
    ["--ecc"],
    ["--allow-signing"],
    ["--decryption"],
    ["--ek1keyalgo", "rsa2048"],
    ["--ek2keyalgo", "rsa2048"],
    ["--iakkeyalgo", "rsa2048"],
    ["--idevidkeyalgo", "rsa2048"],
    ["--rsa-keysize", "2048"],
    ["--pcr-banks", "sha1"],
    ["--reconfigure"],
    ["--profile", "{}"],
    ["--profile-name", "null"],
    ["--profile-file", "x"],
    ["--profile-file-fd", "3"],
    ["--profile-remove-disabled", "check"],
  ])("%s with --tpm2 only", async (...option) => {
    expect(await refused(tool(["--tpm-state", at("state"), ...option]))).toBe(
      `swtpm_setup: ${option[0]} requires --tpm2.\n`,
    );
  });

  test("algorithms, banks and a profile of the configuration", async () => {
    writeFileSync(at("profile.json"), '{"Name": "default-v2"}\n');
    configure(
      "ek1keyalgo = secp256r1 # the first",
      `  ek2keyalgo=$\{CURVE}  `,
      "iakkeyalgo = ecc_nist_p384",
      "idevidkeyalgo = none",
      "active_pcr_banks = sha512, sha1,",
      'profile = {"Name": "default-v1"}',
      "profile_file = @/profile.json",
    );
    const said = await succeeded(tool([...ARGS(), "--create-ek-cert"], { CURVE: "ECC_NIST_P521" }));
    expect(said).toContain('\nActive profile: {"Name":"default-v2",');
    expect(said).toContain("\nSuccessfully activated PCR banks sha512,sha1 among ");
    await OpenedTpm.with("this project", at("state"), async (tpm) => {
      expect([...(await tpm.keys()).keys()]).toEqual(["8101000a", "81010018", "81020001"]);
      expect(await tpm.banks()).toEqual([TPM_ALG.SHA1, TPM_ALG.SHA512]);
    });
  });

  test("the size of the RSA key of the configuration, unless an option says another", async () => {
    configure("rsa_keysize = 3072");
    await succeeded(setup("--createek"));
    expect(await keysOf()).toEqual(["81010016", "8101001c"]);
    await succeeded(setup("--createek", "--overwrite", "--rsa-keysize", "2048"));
    expect(await keysOf()).toEqual(["81010001", "81010016"]);
    configure("ek1keyalgo = rsa1024");
    expect(await setup("--createek", "--overwrite")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`${at("setup.conf")}: ek1keyalgo: there is no key algorithm "rsa1024": take `),
    });
    expect(await keysOf()).toEqual(["81010001", "81010016"]);
  });

  test("a log file that it makes with mode 0640", async () => {
    expect(
      await run("sh", [
        "-c",
        'umask 0; exec "$0" "$@"',
        process.execPath,
        ...PROGRAM,
        ...ARGS(),
        "--logfile",
        at("log"),
      ]),
    ).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
    expect(statSync(at("log")).mode & 0o777).toBe(0o640);
  });

  test("an IAK and an IDevID of each kind, RSA and ECC", async () => {
    await succeeded(setup("--create-ek-cert", "--iakkeyalgo", "rsa2048", "--idevidkeyalgo", "secp384r1"));
    expect(await keysOf()).toEqual(["81010001", "81010016", "81020000", "81020001"]);
  });

  describe("a certificate tool of its user", () => {
    const useTool = (...lines: readonly string[]): void => {
      const script = ["#!/bin/sh", ...lines].join("\n").replaceAll("@", directory.path);
      writeFileSync(at("tool.sh"), script, { mode: 0o755 });
      configureSetup(directory.path, at("tool.sh"));
    };
    const TYPE_AND_DIRECTORY = 'while [ $# -gt 0 ]; do case "$1" in --type) t=$2;; --dir) d=$2;; esac; shift; done';

    test("is told what to certify, is repeated where it speaks, and leaves a file", async () => {
      const record = 'echo "$*" >> @/words';
      const speak = 'echo "hello $t"; echo; echo trouble >&2; printf "certificate of %s" "$t" > "$d/$t.cert"; cat';
      useTool(record, TYPE_AND_DIRECTORY, speak);
      const more = ["--allow-signing", "--decryption", "--vmid", "a b", "--write-ek-cert-files", directory.path];
      const said = await succeeded(setup("--create-ek-cert", "--create-platform-cert", ...more));
      expect(said.split("\n").filter((line) => line.startsWith("tool.sh"))).toEqual([
        ...["tool.sh: hello ek", "tool.sh: hello platform", "tool.sh: hello ek"],
      ]);
      expect(said).not.toContain("trouble");
      const words = readFileSync(at("words"), "utf8")
        .replace(/[0-9a-f]{96,}/g, "HEX")
        .replace(/\/\S*swtpm_setup\.certs\.\w+/g, "TEMPORARY")
        .replaceAll(directory.path, "@");
      const rest =
        "--dir TEMPORARY --allow-signing --decryption --vmid a b --tpm-spec-family 2.0 --tpm-spec-level 0 --tpm-spec-revision 183 " +
        "--tpm-manufacturer id:00001014 --tpm-model swtpm --tpm-version id:20240125 --tpm2 --configfile @/localca.conf --optsfile @/options\n";
      expect(words).toBe(
        `--type ek --ek HEX ${rest}--type platform --ek HEX ${rest}--type ek --ek x=HEX,y=HEX,id=secp384r1 ${rest}`,
      );
      expect(readFileSync(at("ek-secp384r1.crt"), "latin1")).toBe("certificate of ek");
      const areas = await OpenedTpm.with("this project", at("state"), (tpm) => tpm.areas());
      expect(areas.get("1c08000")?.content.toString()).toBe("certificate of platform");
    });

    test.each([
      [["echo out", "echo err >&2", "exit 3"], /tool\.sh exit with status 3: err\n$/],
      [["echo out", "kill -9 $$"], /tool\.sh exit with SIGKILL: out\n$/],
      [["exit 0"], /tool\.sh has made no certificate: no such file/],
    ])("that does not do it: %j", async (lines, message) => {
      useTool(...lines);
      expect(await refused(setup("--create-ek-cert"))).toMatch(message);
    });
  });

  test("what the TPM of another program can be", async () => {
    writeFileSync(at("swtpm"), `#!/bin/sh\nexec ${process.execPath} ${join(BIN, "swtpm.cjs")} "$@"\n`, { mode: 0o755 });
    for (const option of [["--print-capabilities"], ["--print-profiles", "--tpm2", "--config", at("setup.conf")]]) {
      const own = await succeeded(tool(option));
      expect(own).toContain("default-v1");
      expect(await succeeded(tool([...option, "--tpm", ` ${at("swtpm")}  socket `]))).toBe(own);
      expect(await tool([...option, "--tpm", "/none"])).toMatchObject({
        status: 1,
        stderr: "swtpm_setup: /none cannot be run: there is no such program\n",
      });
    }
  });

  test("what it prints, whatever else is given", async () => {
    const features = [
      ...[
        "tpm-2.0",
        "cmdarg-keyfile-fd",
        "cmdarg-pwdfile-fd",
        "cmdarg-write-ek-cert-files",
        "cmdarg-create-config-files",
      ],
      ...["cmdarg-reconfigure-pcr-banks", "tpm2-rsa-keysize-2048", "tpm2-rsa-keysize-3072", "tpm2-rsa-keysize-4096"],
      ...["cmdarg-profile", "cmdarg-profile-remove-disabled"],
      ...["cmdarg-ek1keyalgo", "cmdarg-ek2keyalgo", "cmdarg-iakkeyalgo", "cmdarg-idevidkeyalgo"],
    ];
    expect(await succeeded(tool(["--print-capabilities", "--tpm2"]))).toBe(
      `{ "type": "swtpm_setup", "features": [ ${features.map((each) => `"${each}"`).join(", ")} ], ` +
        '"profiles": [ "default-v2", "default-v1", "null", "custom" ], "version": "0.11.0" }\n',
    );
    const help = await succeeded(tool(["-h"]));
    expect(help).toBe(await succeeded(tool(["--help", "--overwrite"])));
    for (const name of ["tpm-state", "pwdfile-fd", "runas", "profile-remove-disabled"])
      expect(help).toContain(`  --${name} `);
    expect(await succeeded(tool(["--version", "--tpm2"]))).toBe("TPM emulator setup tool version 0.11.0\n");
  });
});
