import { X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TPM_ALG } from "@vtpm/tpm2/spec";
import { describe, expect, inject, test } from "vitest";
import { OpenedTpm } from "./opened-tpm.ts";
import { BIN, type Ended, killAfterLines, ours, output, useDirectory } from "./tools.ts";

const missing = inject("missingPrograms");

describe.skipIf(missing.includes("certificate tools"))("vtpm new", () => {
  const directory = useDirectory();
  const at = (name: string): string => directory.file(name);
  const create = (...args: readonly string[]): Promise<Ended> =>
    ours("vtpm", "new", "--state", at("tpm"), "--ca", at("ca"), ...args);
  const exported = (...args: readonly string[]): Promise<Ended> =>
    ours("vtpm", "cert", "export", "--state", at("tpm"), "--ca", at("ca"), "--out", at("out"), ...args);

  const PRESETS = {
    qemu: {
      keys: ["81010001", "81010016"],
      nv: ["1c00002", "1c00016", "1c08000"],
      banks: [TPM_ALG.SHA256],
      files: ["ek-rsa2048", "ek-secp384r1", "platform"],
    },
    azure: {
      keys: ["81000001", "81000003", "81010001"],
      nv: ["1c00002", "1c101d0"],
      banks: [TPM_ALG.SHA1, TPM_ALG.SHA256, TPM_ALG.SHA384],
      files: ["ak-rsa2048", "ek-rsa2048"],
    },
    gcp: {
      keys: ["81010001", "8101000a"],
      nv: ["1c00002", "1c0000a", "1c10000", "1c10001", "1c10002", "1c10003"],
      banks: [TPM_ALG.SHA1, TPM_ALG.SHA256, TPM_ALG.SHA384],
      files: ["ak-rsa2048", "ak-secp256r1", "ek-rsa2048", "ek-secp256r1"],
    },
  } as const;

  test.each(["qemu", "azure", "gcp"] as const)(
    "makes the layout %s, and its certificates can be had again",
    async (preset) => {
      const { keys, nv, banks, files } = PRESETS[preset];
      const made = await create("--preset", preset, "--name", "box", "--json");
      expect(made).toMatchObject({ status: 0, stderr: "" });
      const summary = JSON.parse(made.stdout) as { readonly keys: readonly { readonly handle: number }[] };
      expect(summary).toMatchObject({
        state: at("tpm"),
        preset,
        profile: "default-v1",
        ca: { directory: at("ca"), intermediate: at("ca/issuercert.pem"), created: true },
      });
      expect(summary.keys.map(({ handle }) => handle.toString(16)).sort()).toEqual(keys);
      await OpenedTpm.with("this project", at("tpm"), async (tpm) => {
        expect([...(await tpm.keys()).keys()].sort()).toEqual(keys);
        expect([...(await tpm.areas()).keys()].sort()).toEqual(nv);
        expect(await tpm.banks()).toEqual(banks);
      });

      const before = readFileSync(at("tpm/tpm2-00.permall"));
      const { status, stdout } = await exported("--json");
      expect({ status, stdout: JSON.parse(stdout) as unknown }).toMatchObject({ status: 0, stdout: { chain: true } });
      expect(readFileSync(at("tpm/tpm2-00.permall"))).toEqual(before);
      expect(readdirSync(at("out")).sort()).toEqual(
        [...files, "ca-intermediate", "ca-root"].sort().map((name) => `${name}.pem`),
      );
      for (const name of files) {
        const chain = ["-CAfile", at("out/ca-root.pem"), "-untrusted", at("out/ca-intermediate.pem")];
        await output("openssl", "verify", ...chain, "-ignore_critical", at(`out/${name}.pem`));
        expect(new X509Certificate(readFileSync(at(`out/${name}.pem`))).subject).toBe("CN=box");
      }
    },
  );

  test("shows the steps, and where everything is", async () => {
    const { status, stdout } = await create();
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Making a TPM 2\.0 \(qemu, profile default-v1\) in .*\n {2}0x81010001 {2}RSA 2048 EK\n/);
    expect(stdout).toContain(`  intermediate  ${at("ca/issuercert.pem")}\n`);
    expect(stdout).toContain(`  vtpm serve --state ${at("tpm")}\n`);
    expect(statSync(at("tpm")).mode & 0o777).toBe(0o700);
    expect(statSync(at("ca")).mode & 0o777).toBe(0o700);
  });

  test("takes a place in a file, a profile, banks and a name, and exports DER", async () => {
    const state = ["--state", `file://${at("linear")}`];
    const more = ["--profile", "default-v2", "--pcr-banks", "sha1,sha512", "--name", "box:2", "--json"];
    const made = await create(...state, ...more);
    expect(made).toMatchObject({ status: 0, stderr: "" });
    expect(JSON.parse(made.stdout)).toMatchObject({
      profile: "default-v2",
      pcrBanks: ["sha1", "sha512"],
      nv: expect.any(Array),
    });
    expect(readFileSync(at("linear")).subarray(0, 8).toString()).toBe("nilmptws");
    const der = await exported(...state, "--der");
    expect(der).toMatchObject({ status: 0, stderr: "" });
    expect(der.stdout).toContain(`${at("out/ek-rsa2048.der")}  CN=box:2\n`);
    await output("openssl", "x509", "-noout", "-inform", "DER", "-in", at("out/ca-root.der"));
    const other = await exported(...state, "--ca", at("none"));
    expect(other.stdout).toContain(
      `The CA in ${at("none")} has not signed them, so the chain is missing: name its directory`,
    );
  });

  test("makes nothing but the TPM when that is asked for", async () => {
    expect(await create("--preset", "bare", "--profile", "null")).toMatchObject({ status: 0, stderr: "" });
    expect(existsSync(at("ca"))).toBe(false);
    await OpenedTpm.with("this project", at("tpm"), async (tpm) => {
      expect((await tpm.keys()).size).toBe(0);
      expect((await tpm.areas()).size).toBe(0);
    });
    expect(await exported()).toMatchObject({
      status: 1,
      stderr: `vtpm: the TPM in ${at("tpm")} has no certificates\n`,
    });
  });

  test("leaves nothing, or a whole TPM, when it is killed at any moment, and completes the CA the next time", async () => {
    let cut = 0;
    for (let round = 0; round < 8; round++) {
      for (const name of ["tpm", "ca"]) rmSync(at(name), { recursive: true, force: true });
      const args = [join(BIN, "vtpm.cjs"), "new", "--state", at("tpm"), "--ca", at("ca")];
      // It says a line for each thing that it has made.
      await killAfterLines(round, process.execPath, ...args);
      if (!existsSync(at("tpm/tpm2-00.permall"))) {
        cut++;
        expect(readdirSync(at("tpm"))).toEqual([".lock"]);
        expect(await create()).toMatchObject({ status: 0, stderr: "" });
      }
      await OpenedTpm.with("this project", at("tpm"), async (tpm) => {
        expect((await tpm.keys()).size).toBe(2);
        expect((await tpm.areas()).size).toBe(3);
      });
      expect(await exported()).toMatchObject({ status: 0, stderr: "" });
      await output("openssl", "verify", "-CAfile", at("out/ca-root.pem"), at("out/ca-intermediate.pem"));
    }
    expect(cut).toBeGreaterThan(2);
  });

  test("says in one line what it cannot do", async () => {
    const refused = async (status: number, ...args: readonly string[]): Promise<string> => {
      const ended = await create(...args);
      expect(ended).toMatchObject({ status, stderr: expect.stringMatching(/^vtpm: [^\n]+\n$/) });
      return ended.stderr.slice(6, -1);
    };
    expect(await refused(2, "--preset", "aws")).toBe('--preset takes qemu, azure, gcp, bare, not "aws"');
    expect(await refused(2, "--profile", "none")).toMatch(/^--profile: /);
    expect(await refused(1, "--pcr-banks", "md5")).toBe(
      "the TPM has no PCR bank md5: it has sha1, sha256, sha384, sha512",
    );
    expect(readdirSync(at("tpm"))).toEqual([".lock"]);
    await create("--preset", "bare");
    expect(await refused(2)).toBe(
      `there is a TPM in ${at("tpm")} already: give --overwrite to replace it, or another --state`,
    );
    expect(await create("--preset", "bare", "--overwrite")).toMatchObject({ status: 0 });
    writeFileSync(at("file"), "");
    expect(await refused(1, "--state", at("file"))).toMatch(
      /^cannot make .*file: file already exists \(EEXIST\); --state names another place$/,
    );
    expect(await ours("vtpm", "cert", "export", "--state", at("none"))).toMatchObject({ status: 1 });
    expect(await ours("vtpm", "cert")).toMatchObject({ status: 2 });
    expect((await ours("vtpm", "new", "--help")).stdout).toMatch(/^vtpm new - /);
    expect((await ours("vtpm", "cert", "--help")).stdout).toMatch(/^vtpm cert export - /);
  });
});
