import { HostError } from "../host-error.ts";
import type { Subcommand } from "./subcommand.ts";
import { UsageError } from "./usage-error.ts";
import { version } from "./version.ts";

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map([
  ["new", { summary: "make a TPM with keys and certificates", load: () => import("./new-command.ts") }],
  ["cert", { summary: "get a TPM's certificates out of its state", load: () => import("./cert-command.ts") }],
  ["serve", { summary: "run a TPM and serve it on sockets and as a device", load: () => import("./serve-command.ts") }],
  [
    "state",
    { summary: "look at stored state, check, compare and convert it", load: () => import("./state/state-command.ts") },
  ],
  ["xen", { summary: "give Xen domains their TPMs", load: () => import("./xen-command.ts") }],
]);

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
  if (command === undefined) throw new UsageError('what to do? See "vtpm --help"');
  const subcommand = SUBCOMMANDS.get(command);
  if (subcommand !== undefined) await (await subcommand.load()).run(args);
  else if (["--help", "-h", "help"].includes(command)) process.stdout.write(help());
  else if (command === "--version") process.stdout.write(`vtpm ${version()}\n`);
  else throw new UsageError(`there is no command ${JSON.stringify(command)}: see "vtpm --help"`);
}

function help(): string {
  const lines = [...SUBCOMMANDS].map(([name, { summary }]) => `  ${`vtpm ${name} [options]`.padEnd(24)}${summary}\n`);
  return `vtpm - a software TPM 2.0

Usage:
${lines.join("")}  vtpm --help             this text; "vtpm serve --help" has the options, and so on
  vtpm --version

Try it:
  vtpm serve &
  export TPM2TOOLS_TCTI="swtpm:host=127.0.0.1,port=2321"
  tpm2_getrandom --hex 16
`;
}
