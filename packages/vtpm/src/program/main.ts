import { HostError } from "../host-error.ts";
import { HELP, SERVE_HELP } from "./help.ts";
import { parseServeOptions } from "./serve-options.ts";
import { UsageError } from "./usage-error.ts";
import { version } from "./version.ts";

/** Exit statuses: what was asked for cannot be done; it cannot be understood. */
const FAILED = 1;
const NOT_UNDERSTOOD = 2;

/** The program `vtpm`. Sets the exit status of the process; what fails is said in one line on standard error. */
export async function main(args: readonly string[]): Promise<void> {
  try {
    await run(args);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    process.stderr.write(`vtpm: ${error.message}\n`);
    process.exitCode = error instanceof UsageError ? NOT_UNDERSTOOD : FAILED;
  }
}

async function run([command, ...args]: readonly string[]): Promise<void> {
  switch (command) {
    case "serve": {
      const options = parseServeOptions(args, process.env);
      if (options.help) {
        process.stdout.write(SERVE_HELP);
        return;
      }
      // Loaded only now: help needs no TPM.
      const { serve } = await import("./serve.ts");
      await serve(options);
      return;
    }
    case "--help":
    case "-h":
    case "help":
      process.stdout.write(HELP);
      return;
    case "--version":
      process.stdout.write(`vtpm ${version()}\n`);
      return;
    case undefined:
      throw new UsageError('what to do? See "vtpm --help"');
    default:
      throw new UsageError(`there is no command ${JSON.stringify(command)}: see "vtpm --help"`);
  }
}
