import { getopt, type OptionDeclaration } from "../getopt.ts";
import { ADDRESS_OPTIONS, GivenAddress, parsePort, type TpmAddress } from "../tpm-address.ts";

const DEFAULT_PORT = 6545;

const OPTIONS = [
  ...ADDRESS_OPTIONS,
  { name: "tpm2" },
  { name: "c" },
  { name: "s" },
  { name: "d" },
  { name: "n" },
  { name: "o" },
  { name: "cs" },
  { name: "ea" },
  { name: "u" },
  { name: "v" },
  { name: "h" },
] as const satisfies readonly OptionDeclaration[];

/** What the firmware is to do. */
export interface BiosOptions {
  readonly tpm2: boolean;
  readonly startup: "clear" | "state" | "deactivated" | "none";
  /** TPM 1.2: physical presence, enabling, activating. */
  readonly activate: boolean;
  readonly selfTest: boolean;
  readonly ensureActivated: boolean;
  readonly giveUpPresence: boolean;
}

export type BiosRequest =
  | { readonly print: "version" | "help" }
  | { readonly options: BiosOptions; readonly address: TpmAddress };

const STARTUP = { c: "clear", s: "state", d: "deactivated", n: "none" } as const;

/** Reads the command line of swtpm_bios. Throws a `UsageError`. */
export function parseBiosOptions(args: readonly string[], environment: NodeJS.ProcessEnv): BiosRequest {
  const given = new GivenAddress(DEFAULT_PORT);
  const options: { -readonly [K in keyof BiosOptions]: BiosOptions[K] } = {
    tpm2: false,
    startup: "clear",
    activate: true,
    selfTest: false,
    ensureActivated: false,
    giveUpPresence: false,
  };
  for (const { name, value = "" } of getopt(args, OPTIONS, { singleDash: true }).options) {
    switch (name) {
      case "v":
        return { print: "version" };
      case "h":
        return { print: "help" };
      case "c":
      case "s":
      case "d":
      case "n":
        options.startup = STARTUP[name];
        options.activate = name !== "d";
        break;
      case "o":
        options.activate = false;
        break;
      case "tpm2":
        options.tpm2 = true;
        break;
      case "cs":
        options.selfTest = true;
        break;
      case "ea":
        options.ensureActivated = true;
        break;
      case "u":
        options.giveUpPresence = true;
        break;
      default:
        given.take(name, value);
    }
  }
  return { options, address: given.address ?? addressIn(environment) };
}

/** What TCG software stacks of old were told. */
function addressIn(environment: NodeJS.ProcessEnv): TpmAddress {
  const { TCSD_USE_TCP_DEVICE, TCSD_TCP_DEVICE_HOSTNAME, TCSD_TCP_DEVICE_PORT, TPM_DEVICE } = environment;
  if (TCSD_USE_TCP_DEVICE === undefined) return { device: TPM_DEVICE ?? "/dev/tpm0" };
  const port = TCSD_TCP_DEVICE_PORT === undefined ? DEFAULT_PORT : parsePort(TCSD_TCP_DEVICE_PORT);
  return { host: TCSD_TCP_DEVICE_HOSTNAME ?? "localhost", port };
}
