import { lstatSync } from "node:fs";
import { join } from "node:path";
import { reasonOf, systemErrorCode } from "../../host-error.ts";
import { UsageError } from "../usage-error.ts";
import { OpenError } from "./log.ts";
import type { Settings } from "./settings.ts";

/** Where the state of a TPM is: a directory of files, or one file. */
export type StateLocation = { readonly directory: string } | { readonly file: string };

/** What `--tpmstate`, or else the environment, names; `undefined` when nothing does. */
export function stateLocation({ tpmstate, defaultDirectory }: Settings): StateLocation | undefined {
  const uri = tpmstate?.["backend-uri"];
  if (tpmstate?.dir !== undefined) return { directory: tpmstate.dir };
  if (uri === undefined) return defaultDirectory === undefined ? undefined : { directory: defaultDirectory };
  const [, scheme, path = ""] = /^([a-z]+):\/\/(.*)$/.exec(uri) ?? [];
  if (scheme === "dir" && path !== "") return { directory: path };
  if (scheme === "file" && path !== "") return { file: path };
  throw new UsageError(`--tpmstate backend-uri is dir://DIRECTORY or file://FILE, not "${uri}"`);
}

const STATES = ["permall", "volatilestate", "savestate"] as const;

/** `--print-states`: which parts of a state there are, and their stored sizes. */
export function printStates(location: StateLocation, tpm2: boolean): string {
  if (!("directory" in location)) throw new UsageError("--print-states knows directories only as yet, not file://");
  const states = STATES.map((name) => ({
    name,
    size: sizeOf(join(location.directory, `${tpm2 ? "tpm2" : "tpm"}-00.${name}`)),
  }));
  const there = states.filter(({ size }) => size !== undefined);
  const texts = there.map(({ name, size }) => `{"name": "${name}", "size": ${size}}`);
  return `{ "type": "swtpm", "states": [${texts.length === 0 ? "" : ` ${texts.join(", ")} `}] }`;
}

/** Bytes of a file; `undefined` where there is none. */
function sizeOf(path: string): number | undefined {
  try {
    const status = lstatSync(path);
    if (status.isFile()) return status.size;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw new OpenError(`cannot look at ${path}: ${reasonOf(error)}`, { cause: error });
  }
  throw new OpenError(`${path} is not a regular file`);
}
