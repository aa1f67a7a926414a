import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";
import { bundles } from "../../../../rolldown.config.ts";

const packages = fileURLToPath(new URL("../../../", import.meta.url));

/** The package as it is installed, made from the sources as they are: for processes and threads, which run JavaScript. */
export interface BuiltProgram {
  /** The file that is run. */
  readonly program: string;
  /** The step of the build that compiles the bundle; left out here, since few processes are worth it. */
  readonly compiler: string;
  /** The program that takes swtpm's place. */
  readonly swtpm: string;
  /** The module of a job pool's threads. */
  readonly worker: string;
  /** The module of a poller's thread. */
  readonly pollWorker: string;
  remove(): void;
}

/** Builds the program into a folder of its own. */
export async function buildProgram(): Promise<BuiltProgram> {
  const directory = mkdtempSync(join(tmpdir(), "vtpm-build-"));
  for (const part of ["package.json", "bin", "scripts"]) {
    cpSync(`${packages}vtpm/${part}`, join(directory, part), { recursive: true });
  }
  symlinkSync(`${packages}../node_modules`, join(directory, "node_modules")); // koffi is not bundled
  const bundle = join(directory, "dist", "bundle");
  const resolve = {
    alias: {
      "@vtpm/crypto/node": `${packages}crypto/src/node/index.ts`,
      "@vtpm/crypto": `${packages}crypto/src/index.ts`,
      "@vtpm/state": `${packages}state/src/index.ts`,
      "@vtpm/client/node": `${packages}client/src/node/index.ts`,
      "@vtpm/client": `${packages}client/src/index.ts`,
      "@vtpm/tpm2/commands": `${packages}tpm2/src/commands/index.ts`,
      "@vtpm/tpm2/spec": `${packages}tpm2/src/spec/index.ts`,
      "@vtpm/tpm2": `${packages}tpm2/src/index.ts`,
      "@vtpm/wire": `${packages}wire/src/index.ts`,
    },
  };
  for (const options of bundles(`${packages}vtpm/src`, "ts", bundle)) {
    await build({ ...options, resolve, logLevel: "warn" });
  }
  return {
    program: join(directory, "bin", "vtpm.cjs"),
    compiler: join(directory, "scripts", "compile.cjs"),
    swtpm: join(directory, "bin", "swtpm.cjs"),
    worker: join(bundle, "job-worker.js"),
    pollWorker: join(bundle, "poll-worker.js"),
    remove: () => rmSync(directory, { recursive: true }),
  };
}
