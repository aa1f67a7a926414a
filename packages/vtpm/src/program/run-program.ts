import { HostError } from "../host-error.ts";

/** Runs what a program of swtpm's tools does: what fails is said in one line on standard error, with exit status 1. */
export async function runProgram(name: string, work: () => Promise<void>): Promise<void> {
  // Whoever started us may have stopped reading.
  process.stdout.on("error", () => {});
  try {
    await work();
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exitCode = 1;
  }
}
