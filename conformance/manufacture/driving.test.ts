import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TPM_ALG } from "@vtpm/tpm2/spec";
import { beforeEach, describe, expect, inject, test } from "vitest";
import { peerProgram } from "../../bench/swtpm-programs.ts";
import { OpenedTpm } from "./opened-tpm.ts";
import { BIN, configureSetup, type Ended, run, runWithFile, useDirectory, useLocalCa } from "./tools.ts";

const missing = inject("missingPrograms");

/** Set-up programs, and the swtpms that they drive. */
const DRIVERS = {
  ours: [process.execPath, join(BIN, "swtpm_setup.cjs")],
  "Debian's": [peerProgram("swtpm_setup")],
} as const;
const DRIVEN = {
  ours: `${process.execPath} ${join(BIN, "swtpm.cjs")} socket`,
  "Debian's": `${peerProgram("swtpm")} socket`,
} as const;
const PAIRS = [
  ["ours", "ours"],
  ["ours", "Debian's"],
  ["Debian's", "ours"],
] as const;

describe.skipIf(missing.includes("swtpm"))("swtpm_setup driving swtpm", () => {
  const directory = useDirectory();
  const ca = useLocalCa();
  const at = (name: string): string => directory.file(name);

  beforeEach(() => {
    chmodSync(directory.path, 0o755);
    for (const name of ["state", "reference", "certificates"]) mkdirSync(at(name));
    ca.copyTo(at("ca"));
    configureSetup(directory.path, peerProgram("swtpm_localca"));
    writeFileSync(at("key"), `0x${"5a".repeat(16)}`);
    writeFileSync(at("password"), "secret of the state");
  });

  const words = (driver: keyof typeof DRIVERS, args: readonly string[]): [string, string[]] => {
    const [program, ...rest] = DRIVERS[driver];
    return [program, [...rest, "--tpm2", "--config", at("setup.conf"), ...args]];
  };
  const succeeded = async (ended: Promise<Ended>): Promise<string> => {
    const { status, stdout, stderr } = await ended;
    expect({ status, stdout, stderr }).toMatchObject({ status: 0 });
    return stdout;
  };
  const EVERYTHING = (): string[] => [
    ...["--createek", "--create-ek-cert", "--create-platform-cert", "--create-spk", "--ecc", "--lock-nvram"],
    ...["--pcr-banks", "sha1,sha384", "--vmid", "machine:1", "--write-ek-cert-files", at("certificates")],
  ];

  test.each(PAIRS)("%s drives %s: the TPM that is made without another process", async (driver, driven) => {
    const place = ["--tpm", DRIVEN[driven], "--tpm-state", at("state")];
    const said = await succeeded(run(...words(driver, [...place, ...EVERYTHING()])));
    expect(said).toContain("Successfully activated PCR banks sha1,sha384 among sha1,sha256,sha384,sha512.");
    const files = ["ek-rsa2048.crt", "ek-secp384r1.crt"].map((name) => readFileSync(at(`certificates/${name}`)));
    await succeeded(run(...words("ours", ["--tpm-state", at("reference"), ...EVERYTHING()])));
    const look = async (tpm: OpenedTpm) => {
      const areas = await tpm.areas();
      return {
        templates: await tpm.templates(),
        banks: await tpm.banks(),
        areas: [...areas].map(([index, { attributes, locked }]) => ({ index, attributes, locked })),
        certificates: ["1c00002", "1c00016"].map((index) => areas.get(index)?.content),
      };
    };
    const { certificates, ...made } = await OpenedTpm.with(
      driven === "ours" ? "this project" : "Debian's swtpm",
      at("state"),
      look,
    );
    expect(certificates).toEqual(files);
    expect(made.banks).toEqual([TPM_ALG.SHA1, TPM_ALG.SHA384]);
    expect(await OpenedTpm.with("this project", at("reference"), look)).toMatchObject(made);
  });

  describe.each(PAIRS)("%s drives %s", (driver, driven) => {
    test.each<[option: string, file: string, cipher: string, flag: number]>([
      ["--keyfile", "key", "aes-128-cbc", 0x01],
      ["--keyfile-fd", "key", "aes-cbc", 0x01],
      ["--pwdfile", "password", "aes-256-cbc", 0x09],
      ["--pwdfile-fd", "password", "aes-256-cbc", 0x09],
    ])("a key by %s: it encrypts, and is needed from then on", async (option, file, cipher, flag) => {
      const setup = (key: string, ...args: readonly string[]): Promise<Ended> => {
        const place = ["--tpm", DRIVEN[driven], "--tpm-state", at("state"), "--cipher", cipher];
        return runWithFile(
          at(key),
          ...words(driver, [...place, option, option.endsWith("-fd") ? "9" : at(key), ...args]),
        );
      };
      await succeeded(setup(file));
      const state = readFileSync(at("state/tpm2-00.permall"));
      expect(state.readUInt16BE(4)).toBe(flag);
      expect(await succeeded(setup(file, "--reconfigure", "--pcr-banks", "sha512"))).toContain(
        "activated PCR banks sha512",
      );
      // Debian's waits for ever for a swtpm that has refused its key.
      if (driver !== "ours") return;
      const before = readFileSync(at("state/tpm2-00.permall"));
      writeFileSync(at("other"), file === "key" ? "a5".repeat(16) : "another one");
      expect(await setup("other", "--reconfigure", "--pcr-banks", "sha1")).toMatchObject({ status: 1 });
      expect(readFileSync(at("state/tpm2-00.permall"))).toEqual(before);
    });
  });
});
