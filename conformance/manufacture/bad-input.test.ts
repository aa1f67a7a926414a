import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { OpenedTpm } from "./opened-tpm.ts";
import { BIN, configureSetup, type Ended, killAfterLines, output, run, useDirectory } from "./tools.ts";

const isRoot = process.geteuid?.() === 0;
/** A user without rights: this one, or where that is root one who is nobody. */
const POWERLESS = isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];

describe.skipIf(inject("missingPrograms").includes("certificate tools"))("swtpm_setup", () => {
  const directory = useDirectory();
  const at = (name: string): string => directory.file(name);

  beforeEach(() => {
    chmodSync(directory.path, 0o755);
    for (const name of ["state", "ca"]) mkdirSync(at(name));
    configureSetup(directory.path, "swtpm_localca");
  });

  const words = (state: string, args: readonly string[]): string[] => [
    process.execPath,
    ...[join(BIN, "swtpm_setup.cjs"), "--tpm2", "--config", at("setup.conf"), "--tpm-state", state],
    ...args,
  ];
  const start = ([program = "", ...args]: readonly string[]): Promise<Ended> => run(program, args);
  const setup = (...args: readonly string[]): Promise<Ended> => start(words(at("state"), args));
  /** What it says in a line of its own when it could not do it; nothing of a TPM is there then. */
  async function refused(ended: Promise<Ended>): Promise<string> {
    const { status, stderr } = await ended;
    const message = /^(?:An error occurred\. Authoring the TPM state failed\.\n)?swtpm_setup: ([^\n]+)\n$/.exec(
      stderr,
    )?.[1];
    expect({ status, stderr, said: message !== undefined }).toMatchObject({ status: 1, said: true });
    return message ?? "";
  }
  const statesIn = (name: string): string[] => readdirSync(at(name)).filter((file) => file !== ".lock");

  test.each<[string, readonly string[]]>([
    ["--profile and --profile-name exclude each other", ["--profile", "{}", "--profile-name", "null"]],
    ["--reconfigure and --createek exclude each other", ["--reconfigure", "--createek"]],
    ["--reconfigure and --profile-name exclude each other", ["--reconfigure", "--profile-name", "null"]],
    ["--take-ownership is for a TPM 1.2 and does not go with --tpm2.", ["--take-ownership"]],
    ["--profile needs a value", ["--profile", ""]],
    ["--iakkeyalgo needs --create-ek-cert", ["--createek", "--iakkeyalgo", "rsa2048"]],
    [
      '--ek1keyalgo: there is no key algorithm "rsa512": take rsa2048, rsa3072, rsa4096, ecc_nist_p256, ecc_nist_p384 or ecc_nist_p521',
      ["--createek", "--ek1keyalgo", "rsa512"],
    ],
    ['--rsa-keysize takes 2048, 3072, 4096 or max, not "1000"', ["--rsa-keysize", "1000"]],
    ['--cipher takes aes-cbc, aes-128-cbc, aes-256-cbc, not "rot13"', ["--cipher", "rot13"]],
    ["the TPM has no PCR bank md5: it has sha1, sha256, sha384, sha512", ["--pcr-banks", "md5"]],
    ['the profile is not JSON with a "Name"', ["--profile", "default"]],
    ["unknown option --colour", ["--colour", "red"]],
    ["option --vmid requires an argument", ["--vmid"]],
    ['--keyfile-fd takes the number of a file descriptor, not "x"', ["--keyfile-fd", "x"]],
    ["/none cannot be run: there is no such program", ["--tpm", "/none"]],
  ])("says: %s", async (message, args) => {
    expect(await refused(setup(...args))).toBe(message);
    expect(statesIn("state")).toEqual([]);
  });

  test("needs --tpm2, and a place", async () => {
    const program = [process.execPath, join(BIN, "swtpm_setup.cjs")];
    expect(await refused(start([...program, "--tpm-state", at("state")]))).toBe(
      "TPM 1.2 is not there yet: make a TPM 2.0 with --tpm2",
    );
    expect(await refused(start([...program, "--tpm-state", at("state"), "--create-spk"]))).toBe(
      "--create-spk requires --tpm2.",
    );
    expect(await refused(start([...program, "--tpm2"]))).toMatch(
      /^where shall the state of the TPM be\? Give --tpm-state/,
    );
    expect(await refused(start(words("http://x", [])))).toMatch(/--tpm-state takes a directory/);
    expect(await refused(start(words(at("none"), [])))).toBe(
      `cannot use ${at("none")} for the state of a TPM: no such file or directory (ENOENT): make it, or name another one`,
    );
  });

  test("names the file that it cannot use", async () => {
    expect(await refused(setup("--keyfile", at("none")))).toMatch(
      /^cannot read the key of the state .*none: no such file/,
    );
    writeFileSync(at("key"), "0011");
    expect(await refused(setup("--keyfile", at("key")))).toMatch(
      /^--keyfile: a hex key for this mode is 32 hex digits/,
    );
    expect(await refused(setup("--config", at("none")))).toMatch(/^cannot read the configuration .*none: no such file/);
    expect(await refused(setup("--write-ek-cert-files", at("none")))).toMatch(
      /^cannot write certificates to .*none: no such/,
    );
    expect(await refused(setup("--logfile", at("none/log")))).toMatch(/^cannot write the log .*none\/log: no such/);
    symlinkSync(at("elsewhere"), at("link"));
    expect(await refused(setup("--logfile", at("link")))).toMatch(
      /^cannot write the log .*link: .*\(ELOOP\): name a file/,
    );
    expect(existsSync(at("elsewhere"))).toBe(false);
    expect(await refused(setup("--profile-name", "mine"))).toMatch(/^--profile-name: there is no profile "mine" in /);
    expect(statesIn("state")).toEqual([]);
  });

  test("names the user and the remedy where it has no access", async () => {
    const asNobody = (...args: readonly string[]) => refused(start([...POWERLESS, ...words(at("state"), args)]));
    chmodSync(at("state"), 0o555);
    expect(await asNobody()).toMatch(/state.*permission denied \(EACCES\)/);
    chmodSync(at("state"), 0o777);
    chmodSync(at("ca"), 0o555);
    expect(await asNobody("--create-ek-cert")).toMatch(
      /^cannot lock the CA with .*: permission denied \(EACCES\) for user \w+: give that user access/,
    );
    expect(statesIn("state")).toEqual([]);
    chmodSync(at("ca"), 0o000);
    expect(await asNobody("--create-ek-cert")).toMatch(
      /^cannot read the CA's .*: permission denied \(EACCES\) for user \w+: give/,
    );
    expect(statesIn("state")).toEqual([]);
  });

  test("leaves a TPM alone that is in use", async () => {
    expect(await setup()).toMatchObject({ status: 0 });
    await OpenedTpm.with("this project", at("state"), async () => {
      expect(await refused(setup("--overwrite"))).toMatch(/state is in use by another process/);
      expect(await refused(setup("--reconfigure", "--pcr-banks", "sha1"))).toMatch(
        /state is in use by another process/,
      );
    });
    expect(await setup("--reconfigure")).toMatchObject({ status: 0 });
  });

  test("lets one of two that come at once make the TPM", async () => {
    const ends = await Promise.all([setup("--create-ek-cert"), setup("--create-ek-cert")]);
    expect(ends.map(({ status }) => status).sort()).toEqual([0, 1]);
    const failed = ends.find(({ status }) => status === 1)?.stderr;
    expect(failed).toMatch(/in use by another process|there is a TPM in|Found existing TPM state/);
    await OpenedTpm.with("this project", at("state"), async (tpm) => expect((await tpm.keys()).size).toBe(2));
  });

  test("leaves nothing, or a whole TPM, when it is killed at any moment", async () => {
    await setup("--create-ek-cert");
    let whole = 0;
    for (let round = 0; round < 10; round++) {
      const [program = "", ...args] = words(at("state"), ["--create-ek-cert", "--overwrite"]);
      // It says a line for each thing that it has made.
      await killAfterLines(round, program, ...args);
      if (!existsSync(at("state/tpm2-00.permall"))) {
        expect(statesIn("state")).toEqual([]);
        continue;
      }
      whole++;
      await OpenedTpm.with("this project", at("state"), async (tpm) => {
        expect((await tpm.keys()).size).toBe(2);
        expect((await tpm.areas()).size).toBe(2);
      });
    }
    expect(whole).toBeLessThan(10);
  });

  describe.skipIf(!isRoot)("on a disk that is full", () => {
    beforeEach(async () => {
      mkdirSync(at("disk"));
      await output("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", at("disk"));
    });
    afterEach(() => output("umount", at("disk")));

    test("says so, and leaves no TPM", async () => {
      writeFileSync(at("disk/filler"), new Uint8Array(12 * 1024));
      expect(await refused(start(words(at("disk"), ["--create-ek-cert"])))).toMatch(
        /no space left on device \(ENOSPC\)/,
      );
      expect(statesIn("disk")).toEqual(["filler"]);
    });
  });
});
