import { BLOB_TYPE, type BlobType } from "../../control/commands.ts";
import { getopt, type OptionDeclaration } from "../getopt.ts";
import { ADDRESS_OPTIONS, GivenAddress, type TpmAddress } from "../tpm-address.ts";
import { UsageError } from "../usage-error.ts";

const DEFAULT_PORT = 6546;
const HIGHEST_LOCALITY = 4;

const OPTIONS = [
  ...ADDRESS_OPTIONS,
  { name: "c" },
  { name: "i" },
  { name: "stop" },
  { name: "s" },
  { name: "e" },
  { name: "r", argument: "required" },
  { name: "v" },
  { name: "C" },
  { name: "l", argument: "required" },
  { name: "h", argument: "required" },
  { name: "save", argument: "required", second: true },
  { name: "load", argument: "required", second: true },
  { name: "g" },
  { name: "b", argument: "required" },
  { name: "info", argument: "required" },
  { name: "lock-storage", argument: "required" },
  { name: "version" },
  { name: "help" },
] as const satisfies readonly OptionDeclaration[];
type Name = (typeof OPTIONS)[number]["name"];

/** What the program is to do. */
export type IoctlCommand =
  | { readonly name: "c" | "i" | "stop" | "s" | "e" | "v" | "C" | "g" }
  | { readonly name: "r" | "l"; readonly locality: number }
  | { readonly name: "h"; readonly data: string }
  | { readonly name: "save" | "load"; readonly type: BlobType; readonly file: string }
  | { readonly name: "b"; readonly size: number }
  | { readonly name: "info"; readonly flags: bigint }
  | { readonly name: "lock-storage"; readonly retries: number };

export type IoctlRequest =
  | { readonly print: "version" | "help" }
  | { readonly command: IoctlCommand; readonly address: TpmAddress };

/** Reads the command line of swtpm_ioctl. Throws a `UsageError`. */
export function parseIoctlOptions(args: readonly string[]): IoctlRequest {
  const { options, operands } = getopt(args, OPTIONS, { singleDash: true });
  const given = new GivenAddress(DEFAULT_PORT);
  let command: IoctlCommand | undefined;
  for (const { name, value = "", second } of options) {
    if (name === "version" || name === "help") return { print: name };
    if (name === "tpm-device" || name === "tcp" || name === "unix") {
      given.take(name, value);
      continue;
    }
    if (command !== undefined) throw new UsageError("Only one command may be given.");
    command = commandOf(name, value, second);
  }
  if (command === undefined) throw new UsageError("No valid command.");
  const [device] = operands;
  const address = given.address ?? (device === undefined ? undefined : { device });
  if (address === undefined) throw new UsageError("Error: Missing device name.");
  return { command, address };
}

function commandOf(
  name: Exclude<Name, (typeof ADDRESS_OPTIONS)[number]["name"] | "version" | "help">,
  value: string,
  file: string | undefined,
): IoctlCommand {
  switch (name) {
    case "r":
    case "l":
      return { name, locality: localityOf(value) };
    case "h":
      return { name, data: value };
    case "save":
    case "load":
      if (file === undefined) throw new UsageError(`Missing filename argument for --${name} option`);
      return { name, type: blobTypeOf(value), file };
    case "b":
      return { name, size: Number(integerOf(value, 32, `Could not get buffersize from ${value}.`)) };
    case "info":
      return { name, flags: integerOf(value, 64, "Cannot parse info flags.") };
    case "lock-storage":
      return { name, retries: Number(integerOf(value, 32, `Could not parse lock retries from ${value}.`)) };
    default:
      return { name };
  }
}

function localityOf(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new UsageError(`Could not get locality number from ${text}.`);
  const locality = Number(text);
  if (locality < 0 || locality > HIGHEST_LOCALITY) throw new UsageError("Locality outside valid range of [0..4].");
  return locality;
}

function blobTypeOf(text: string): BlobType {
  if (text in BLOB_TYPE) return text as BlobType;
  throw new UsageError(`Unknown TPM state type '${text}'`);
}

/** A number as strtoull(3) reads it: decimal, 0x hexadecimal, 0 octal; a negative one wraps. */
function integerOf(text: string, bits: number, refusal: string): bigint {
  const [, minus, digits = ""] = /^([+-]?)(0x[0-9a-f]+|\d+)$/i.exec(text) ?? [];
  if (digits === "" || /^0\d*[89]/.test(digits)) throw new UsageError(refusal);
  const value = BigInt(/^0\d/.test(digits) ? `0o${digits}` : digits);
  if (value >> BigInt(bits) !== 0n) throw new UsageError(refusal);
  return BigInt.asUintN(bits, minus === "-" ? -value : value);
}
