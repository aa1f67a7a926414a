import { swtpmBios } from "./run.ts";

/** The program `swtpm_bios`. Sets the exit status of the process. */
export async function main(args: readonly string[]): Promise<void> {
  process.exitCode = await swtpmBios(args, process.env, process);
}
