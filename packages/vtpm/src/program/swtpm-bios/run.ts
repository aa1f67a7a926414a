import { HostError } from "../../host-error.ts";
import type { ProgramStreams } from "../program-streams.ts";
import { SWTPM_VERSION } from "../swtpm-version.ts";
import type { TpmAddress } from "../tpm-address.ts";
import { UsageError } from "../usage-error.ts";
import { BIOS_HELP } from "./help.ts";
import { type BiosOptions, parseBiosOptions } from "./options.ts";
import { type Step, tpm2Steps, tpm12Steps } from "./steps.ts";
import { responseCodeOf, talk } from "./talk.ts";

/** Exit statuses, as callers know them. */
const STATUS = { DONE: 0, USAGE: 1, REFUSED: 0x80, RESET_NEEDED: 0x81, UNREACHABLE: 0xff } as const;

/** swtpm_bios: what firmware does with a TPM when a machine starts. Returns the exit status. */
export async function swtpmBios(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  streams: ProgramStreams,
): Promise<number> {
  try {
    const request = parseBiosOptions(args, environment);
    if ("print" in request) {
      streams.stdout.write(
        request.print === "help" ? BIOS_HELP : `TPM emulator BIOS emulator version ${SWTPM_VERSION}\n`,
      );
      return STATUS.DONE;
    }
    const { options, address } = request;
    return options.tpm2 ? await startTpm2(options, address, streams) : await startTpm12(options, address, streams);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    streams.stderr.write(error instanceof UsageError ? `swtpm_bios: ${error.message}\n` : `${error.message}\n`);
    return error instanceof UsageError ? STATUS.USAGE : STATUS.UNREACHABLE;
  }
}

async function startTpm12(options: BiosOptions, address: TpmAddress, streams: ProgramStreams): Promise<number> {
  let resetNeeded = false;
  const [before, after] = tpm12Steps(options, (deactivated) => {
    resetNeeded = deactivated;
  });
  let refused = await carryOut(before, address, streams.stderr);
  if (resetNeeded) {
    streams.stdout.write("TPM requires a reset\n");
    return STATUS.RESET_NEEDED;
  }
  refused = (await carryOut(after, address, streams.stderr)) || refused;
  return refused ? STATUS.REFUSED : STATUS.DONE;
}

async function startTpm2(options: BiosOptions, address: TpmAddress, streams: ProgramStreams): Promise<number> {
  // Where a TPM 1.2's refusals go to standard error, a TPM 2.0's go to standard output.
  return (await carryOut(tpm2Steps(options), address, streams.stdout)) ? STATUS.REFUSED : STATUS.DONE;
}

/** Sends all, also after a refusal; tells whether one was refused. */
async function carryOut(
  steps: readonly Step[],
  address: TpmAddress,
  report: ProgramStreams["stderr"],
): Promise<boolean> {
  let refused = false;
  for (const { name, command, seconds, learn } of steps) {
    const response = await talk(address, command, seconds);
    const code = responseCodeOf(response);
    if (code === 0) {
      learn?.(response);
      continue;
    }
    refused = true;
    report.write(`${name} returned error code 0x${code.toString(16).padStart(8, "0")}\n`);
  }
  return refused;
}
