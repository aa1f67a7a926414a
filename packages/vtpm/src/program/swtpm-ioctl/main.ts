import { swtpmIoctl } from "./run.ts";

/** The program `swtpm_ioctl`. Sets the exit status of the process. */
export async function main(args: readonly string[]): Promise<void> {
  process.exitCode = await swtpmIoctl(args, process.env, process);
}
