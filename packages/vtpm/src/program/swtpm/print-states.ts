import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { decodeLinearHeader, LINEAR_HEADER_SIZE, LINEAR_SECTION, LinearError } from "@vtpm/state";
import { reasonOf, systemErrorCode } from "../../host-error.ts";
import type { StateLocation } from "../state-location.ts";
import { OpenError } from "./log.ts";

const NAMES = ["permall", "volatilestate", "savestate"] as const;
type StateName = (typeof NAMES)[number];

/** `--print-states`: which parts of a state there are, and their stored sizes. */
export function printStates(location: StateLocation, tpm2: boolean): string {
  const sizeOf = location.directory === undefined ? sectionsOf(location.linearFile) : filesIn(location.directory, tpm2);
  const states = NAMES.map((name) => ({ name, size: sizeOf(name) })).filter(({ size }) => size !== undefined);
  const texts = states.map(({ name, size }) => `{"name": "${name}", "size": ${size}}`);
  return `{ "type": "swtpm", "states": [${texts.length === 0 ? "" : ` ${texts.join(", ")} `}] }`;
}

type SizeOf = (name: StateName) => number | undefined;

function filesIn(directory: string, tpm2: boolean): SizeOf {
  looking(directory, () => {
    const status = statSync(directory, { throwIfNoEntry: false });
    if (status !== undefined && !status.isDirectory()) throw new OpenError(`${directory} is not a directory`);
  });
  return (name) => {
    const path = join(directory, `${tpm2 ? "tpm2" : "tpm"}-00.${name}`);
    return looking(path, () => {
      const status = lstatSync(path, { throwIfNoEntry: false });
      if (status !== undefined && !status.isFile()) throw new OpenError(`${path} is not a regular file`);
      return status?.size;
    });
  };
}

/** Of a linear store; one that does not exist yet has none. */
function sectionsOf(path: string): SizeOf {
  const sections = looking(path, () => {
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT") return undefined;
      throw error;
    }
    try {
      const status = fstatSync(fd);
      const header = new Uint8Array(LINEAR_HEADER_SIZE);
      const read = readSync(fd, header, 0, header.length, 0);
      return decodeLinearHeader(header.subarray(0, read), status.isFile() ? status.size : Number.MAX_SAFE_INTEGER);
    } catch (error) {
      // A device that was never used.
      if (error instanceof LinearError && error.code === "MAGIC") return undefined;
      throw error;
    } finally {
      closeSync(fd);
    }
  });
  return (name) => sections?.get(LINEAR_SECTION[name])?.dataSize;
}

function looking<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (error instanceof OpenError) throw error;
    throw new OpenError(`cannot look at ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
