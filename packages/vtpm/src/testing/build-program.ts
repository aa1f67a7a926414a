import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const packages = fileURLToPath(new URL("../../../", import.meta.url));

/** The package as it is installed, made from the sources as they are: for processes and threads, which run JavaScript. */
export interface BuiltProgram {
  /** The file that is run. */
  readonly program: string;
  /** The module of a job pool's threads. */
  readonly worker: string;
  /** The module of a poller's thread. */
  readonly pollWorker: string;
  remove(): void;
}

/** Builds the program into a folder of its own. */
export async function buildProgram(): Promise<BuiltProgram> {
  const directory = mkdtempSync(join(tmpdir(), "vtpm-build-"));
  for (const part of ["package.json", "bin"]) {
    cpSync(`${packages}vtpm/${part}`, join(directory, part), { recursive: true });
  }
  symlinkSync(`${packages}../node_modules`, join(directory, "node_modules")); // koffi is not bundled
  const bundle = join(directory, "dist", "bundle");
  await build({
    input: {
      vtpm: `${packages}vtpm/src/program/main.ts`,
      "job-worker": `${packages}vtpm/src/jobs/job-worker.ts`,
      "poll-worker": `${packages}vtpm/src/native/poll-worker.ts`,
    },
    platform: "node",
    resolve: {
      alias: {
        "@vtpm/crypto/node": `${packages}crypto/src/node/index.ts`,
        "@vtpm/crypto": `${packages}crypto/src/index.ts`,
        "@vtpm/tpm2": `${packages}tpm2/src/index.ts`,
        "@vtpm/wire": `${packages}wire/src/index.ts`,
      },
    },
    logLevel: "warn",
    output: { dir: bundle, format: "es" },
  });
  return {
    program: join(directory, "bin", "vtpm.js"),
    worker: join(bundle, "job-worker.js"),
    pollWorker: join(bundle, "poll-worker.js"),
    remove: () => rmSync(directory, { recursive: true }),
  };
}
