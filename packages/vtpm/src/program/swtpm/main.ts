import { HostError } from "../../host-error.ts";
import { KernelError } from "../../kernel/kernel-error.ts";
import { seccompSupported } from "../../native/seccomp.ts";
import { SWTPM_VERSION } from "../swtpm-version.ts";
import { CommandLineError, UnknownNameError, UsageError } from "../usage-error.ts";
import { launch, launcher } from "./daemon.ts";
import { HELP, usage } from "./help.ts";
import { Log, OpenError } from "./log.ts";
import type { Front } from "./option-table.ts";
import type { OnReady } from "./serve.ts";
import { checkSource, cNumber, readGiven, readLog, readSettings, type Settings } from "./settings.ts";
import { settledLocation } from "./state-location.ts";

/** The largest flags that `--print-info` takes. */
const MAX_INFO = 0xffff_ffff;
const FRONTS: readonly Front[] = ["socket", "chardev", "cuse"];

/** The program `swtpm`; with the first word given, `swtpm_cuse`. Sets the exit status of the process; what fails is said in one line. */
export async function main([word, ...args]: readonly string[]): Promise<void> {
  const front = FRONTS.find((known) => known === word);
  if (front !== undefined) await runFront(front, args);
  else if (word === "--help" || word === "-h") process.stdout.write(HELP);
  else if (word === "--version" || word === "-v") process.stdout.write(versionLine());
  else {
    const complaint = word === undefined ? "Missing TPM interface type." : `Unsupported TPM interface type '${word}'.`;
    process.stderr.write(`${complaint}\n${HELP}`);
    process.exitCode = 1;
  }
}

const versionLine = (what = "TPM emulator"): string =>
  `${what} version ${SWTPM_VERSION}, Copyright (c) the authors of vtpm\n`;

async function runFront(front: Front, args: readonly string[]): Promise<void> {
  const background = launcher();
  const log = new Log(background?.fd);
  let given: Settings["given"] = new Map();
  try {
    given = readGiven(front, args);
    const ready =
      background &&
      ((announcement: string) => {
        background.ready(announcement);
        log.forget(background.fd);
      });
    process.exitCode = await run(readSettings(front, given, process.env), log, ready);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    tellWhereAsked(log, given);
    log.fault(error);
    process.exitCode = front === "cuse" ? cuseStatus(error) : 1;
  }
}

/** A mistake is told where messages go, too, unless that is a place that only comes to be with other options. */
function tellWhereAsked(log: Log, given: Settings["given"]): void {
  if (log.configured || given.has("chroot") || given.has("runas")) return;
  try {
    const option = readLog(given);
    if (option !== undefined) log.configure(option);
  } catch (error) {
    // This mistake is in hand already, or comes after one that is.
    if (!(error instanceof HostError)) throw error;
  }
}

/** What is said at once, before anything is opened or goes on in the background. */
function checkCuse(name: string | undefined): void {
  if (process.getuid?.() !== 0)
    throw new KernelError("KERNEL_DENIES", "Error: Unable to setuid root. cuse makes a device: run as root.");
  if (name === undefined || name === "")
    throw new NoDeviceName("Error: device name missing. With --name NAME it will be /dev/NAME.");
}

class NoDeviceName extends UsageError {}

/** Why there is no device, in swtpm's exit statuses for it. */
const CUSE_STATUS = { GENERAL: 255, NO_NAME: 254, BAD_OPTION: 253, NOT_ROOT: 252, NO_USER: 251, NO_OPTION: 1 } as const;

function cuseStatus(error: HostError): number {
  if (error instanceof CommandLineError) return CUSE_STATUS.NO_OPTION;
  if (error instanceof NoDeviceName) return CUSE_STATUS.NO_NAME;
  if (error instanceof UnknownNameError) return CUSE_STATUS.NO_USER;
  if (error instanceof UsageError || error instanceof OpenError) return CUSE_STATUS.BAD_OPTION;
  return error instanceof KernelError && error.code === "KERNEL_DENIES" ? CUSE_STATUS.NOT_ROOT : CUSE_STATUS.GENERAL;
}

/** What can be answered without a TPM is; otherwise a TPM is served, perhaps in the background. */
async function run(settings: Settings, log: Log, ready: OnReady | undefined): Promise<number> {
  const { front, given } = settings;
  const seccomp = seccompSupported();
  if (given.has("help")) {
    process.stdout.write(usage(front, { seccomp }));
    return 0;
  }
  if (given.has("version")) {
    process.stdout.write(front === "cuse" ? versionLine("TPM emulator CUSE interface") : versionLine());
    return 0;
  }
  if (given.has("print-capabilities")) {
    const { capabilities } = await import("./capabilities.ts");
    process.stdout.write(`${capabilities({ front, tpm2: given.has("tpm2"), seccomp })}\n`);
    return 0;
  }
  const flags = given.get("print-info");
  const info = flags === undefined ? undefined : cNumber(flags, MAX_INFO);
  if (flags !== undefined && info === undefined) throw new UsageError(`Cannot parse info value '${flags}'.`);
  if (given.has("print-states")) {
    const location = settledLocation(settings);
    if (location === undefined) throw new UsageError("Error: --tpmstate option is required for --print-states");
    const { printStates } = await import("./print-states.ts");
    process.stdout.write(printStates(location, given.has("tpm2")));
    return 0;
  }
  if (!given.has("tpm2")) {
    throw new UsageError("a TPM 1.2 is not there yet: ask for a TPM 2.0 with --tpm2");
  }
  if (given.has("print-profiles")) {
    const { INFO, tpmInfo } = await import("../../server/tpm-info.ts");
    process.stdout.write(tpmInfo(INFO.AVAILABLE_PROFILES, undefined));
    return 0;
  }
  if (info === undefined) {
    checkSource(settings);
    if (front === "cuse") checkCuse(given.get("name"));
  } else if (settledLocation(settings) === undefined) {
    const { tpmInfo } = await import("../../server/tpm-info.ts");
    process.stdout.write(`${tpmInfo(BigInt(info), undefined)}\n`);
    return 0;
  }
  if ((given.has("daemon") || front === "cuse") && ready === undefined && info === undefined)
    return launch(settings.descriptors);
  const { serve } = await import("./serve.ts");
  return serve(settings, { log, info, onReady: ready ?? ((announcement) => process.stdout.write(announcement)) });
}
