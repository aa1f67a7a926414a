import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";

/** Where the programs of this project are. */
export const BIN = fileURLToPath(new URL("../../packages/vtpm/bin/", import.meta.url));

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; `environment` is added to this process's. */
export function run(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (text: Buffer) => {
    stdout += text.toString();
  });
  child.stderr.on("data", (text: Buffer) => {
    stderr += text.toString();
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, stdout, stderr }));
  });
}

/** Runs a program that must succeed; its output. */
export async function output(program: string, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await run(program, args);
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}\nended with status ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** Runs a program that can read a file at descriptor 9. */
export const runWithFile = (file: string, program: string, args: readonly string[]): Promise<Ended> =>
  run("sh", ["-c", 'exec "$@" 9<"$0"', file, program, ...args]);

/** Runs one of this project's programs. */
export const ours = (name: string, ...args: readonly string[]): Promise<Ended> =>
  run(process.execPath, [join(BIN, `${name}.cjs`), ...args]);

/** Runs one of this project's programs, which must refuse in one line. */
export async function refusal(name: string, ...args: readonly string[]): Promise<string> {
  const { status, stderr } = await ours(name, ...args);
  expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringMatching(/^[^\n]+\n$/) });
  return stderr.trimEnd();
}

/** An empty directory for each test. */
export function useDirectory(): { readonly path: string; file(name: string): string } {
  let path = "";
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "vtpm-manufacture-"));
  });
  afterEach(() => rmSync(path, { recursive: true, force: true }));
  return {
    get path() {
      return path;
    },
    file: (name) => join(path, name),
  };
}

/** A public key to be certified, and what certificates say of its TPM. */
export const POINT =
  "x=6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296," +
  "y=4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5,id=secp256r1";
export const TPM: readonly string[] = [
  ...["--tpm-spec-family", "2.0", "--tpm-spec-level", "0", "--tpm-spec-revision", "183"],
  ...["--tpm-manufacturer", "id:00001014", "--tpm-model", "swtpm", "--tpm-version", "id:20240125", "--tpm2"],
];

/**
 * A CA that swtpm_localca makes once, for all tests that do not look at how it is made: the search for its two RSA-3072 keys
 * takes longer than what they look at.
 */
export function useLocalCa(): { copyTo(directory: string): void } {
  let made = "";
  beforeAll(async () => {
    made = mkdtempSync(join(tmpdir(), "vtpm-local-ca-"));
    configureSetup(made, "swtpm_localca");
    const files = ["--configfile", join(made, "localca.conf"), "--optsfile", join(made, "options"), "--dir", made];
    const { status, stderr } = await ours("swtpm_localca", ...files, ...TPM, "--ek", POINT);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
  afterAll(() => rmSync(made, { recursive: true, force: true }));
  return { copyTo: (directory) => cpSync(join(made, "ca"), directory, { recursive: true }) };
}

/** Writes a configuration of swtpm_setup into a directory, with a CA in it that swtpm_localca makes. */
export function configureSetup(directory: string, tool: string, ...more: readonly string[]): void {
  const write = (name: string, ...lines: readonly string[]): void =>
    writeFileSync(join(directory, name), lines.join("\n").replaceAll("@", directory));
  write("localca.conf", "statedir = @/ca", "signingkey = @/ca/signkey.pem", "issuercert = @/ca/issuercert.pem");
  write("options", "--platform-manufacturer Maker --platform-version 2.1 --platform-model Model");
  write(
    "setup.conf",
    `create_certs_tool = ${tool}`,
    "create_certs_tool_config = @/localca.conf",
    "create_certs_tool_options = @/options",
    ...more,
  );
}

/** Runs a program and kills it once it has written more than so many lines; resolves when it has ended, one way or the other. */
export async function killAfterLines(count: number, program: string, ...args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "close");
  let lines = 0;
  child.stdout.on("data", (text: Buffer) => {
    lines += text.toString().split("\n").length - 1;
    if (lines > count) child.kill("SIGKILL");
  });
  await ended;
}
