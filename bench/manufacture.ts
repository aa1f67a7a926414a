import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Timing } from "./measure.ts";
import { peerProgram } from "./swtpm-programs.ts";

interface SetupProgram {
  readonly server: string;
  readonly words: readonly string[];
  readonly certificateTool: string;
}

const ours = fileURLToPath(new URL("../../packages/vtpm/bin/swtpm_setup.cjs", import.meta.url));

/** The programs that make a TPM for the servers of this name. */
const PROGRAMS: readonly SetupProgram[] = [
  { server: "vtpm", words: [process.execPath, ours], certificateTool: "swtpm_localca" },
  {
    server: "swtpm",
    words: [peerProgram("swtpm_setup"), "--tpm", `${peerProgram("swtpm")} socket`],
    certificateTool: peerProgram("swtpm_localca"),
  },
];

/** Whether all of them have a program that makes a TPM here. */
export function canManufacture(servers: readonly string[]): boolean {
  return programsOf(servers).every(({ words: [program = ""] }) => existsSync(program));
}

function programsOf(servers: readonly string[]): readonly SetupProgram[] {
  return servers.flatMap((server) => PROGRAMS.find((program) => program.server === server) ?? []);
}

/** swtpm_setup to its end: a TPM with an RSA and an ECC endorsement key, their certificates and that of the platform, in turn. */
export async function manufactures(
  servers: readonly string[],
  parent: string,
  count: number,
): Promise<readonly Timing[]> {
  const directory = mkdtempSync(join(parent, "vtpm-bench-"));
  try {
    const lines = programsOf(servers).map((program) => commandLine(program, directory));
    // The CA is there from then on.
    for (const line of lines) await timed(line);
    const times = lines.map((): number[] => []);
    for (let round = 0; round < count; round++) {
      for (const [i, line] of lines.entries()) times[i]?.push(await timed(line));
    }
    return times.map((all) => {
      const sorted = all.sort((a, b) => a - b);
      return {
        count,
        p50: sorted[sorted.length >> 1] ?? Number.NaN,
        p99: sorted.at(-1) ?? Number.NaN,
        cpuMean: Number.NaN,
      };
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function commandLine({ server, words, certificateTool }: SetupProgram, parent: string): readonly string[] {
  const directory = join(parent, server);
  for (const path of [directory, join(directory, "ca"), join(directory, "state")]) mkdirSync(path);
  const ca = [
    "statedir = @",
    "signingkey = @/signkey.pem",
    "issuercert = @/issuercert.pem",
    "certserial = @/certserial",
  ];
  writeFileSync(join(directory, "localca.conf"), `${ca.join("\n").replaceAll("@", join(directory, "ca"))}\n`);
  writeFileSync(
    join(directory, "options"),
    "--platform-manufacturer Maker\n--platform-version 2.1\n--platform-model Model\n",
  );
  const setup = [
    `create_certs_tool = ${certificateTool}`,
    `create_certs_tool_config = ${join(directory, "localca.conf")}`,
    `create_certs_tool_options = ${join(directory, "options")}`,
  ];
  writeFileSync(join(directory, "setup.conf"), `${setup.join("\n")}\n`);
  return [
    ...words,
    ...["--tpm2", "--config", join(directory, "setup.conf"), "--tpm-state", join(directory, "state"), "--overwrite"],
    ...["--create-ek-cert", "--create-platform-cert", "--lock-nvram"],
  ];
}

/** Microseconds. */
async function timed([program = "", ...args]: readonly string[]): Promise<number> {
  const begin = performance.now();
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (text) => {
    log += String(text);
  });
  const [status] = await once(child, "close");
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${log}`);
  return (performance.now() - begin) * 1000;
}
