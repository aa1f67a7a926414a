import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AVAILABLE_PROFILES } from "@vtpm/tpm2";
import { FileError, readIfThere, readInput, why } from "../../files.ts";
import { systemErrorCode } from "../../host-error.ts";
import { UsageError } from "../usage-error.ts";
import type { SetupOptions } from "./options.ts";
import type { SetupSettings } from "./settings.ts";

/** Where the profiles are that came with the machine. */
const DISTRIBUTED_PROFILES = "/usr/share/swtpm/profiles/";
const NAME = /^[A-Za-z0-9.\-:]+$/;
const MAX_NAME_SIZE = 32;
const SUFFIX = ".json";

/** The names of the built-in profiles. */
export const BUILT_IN = AVAILABLE_PROFILES.map((text) => nameIn("a built-in profile", text));

/** The profile that was asked for, as JSON, and who asks; `undefined` if nobody does. */
export interface ChosenProfile {
  readonly json: string;
  readonly byOption: boolean;
}

export async function chosenProfile(
  options: SetupOptions,
  settings: SetupSettings,
): Promise<ChosenProfile | undefined> {
  const json = await givenProfile(options, settings);
  if (json !== undefined) return { json: checked("the profile", json), byOption: true };
  const { profile, profileFile } = settings;
  if (profile !== undefined) return { json: checked(`${settings.config?.path}: profile`, profile), byOption: false };
  if (profileFile === undefined) return undefined;
  const text = (await readInput(profileFile, "the profile")).toString("utf8");
  return { json: checked(profileFile, text), byOption: false };
}

async function givenProfile(options: SetupOptions, settings: SetupSettings): Promise<string | undefined> {
  const file = options.text("profile-file");
  if (file !== undefined) return (await readInput(file, "the profile")).toString("utf8");
  const fd = options.descriptor("profile-file-fd");
  if (fd !== undefined) return readDescriptor("--profile-file-fd", fd).toString("utf8");
  const name = options.text("profile-name");
  return name === undefined ? options.text("profile") : namedProfile(name, settings.localProfiles);
}

async function namedProfile(text: string, localDirectory: string): Promise<string> {
  const [, where, name = text] = /^(local|distro|builtin):(.*)$/.exec(text) ?? [];
  if (!NAME.test(name)) throw new UsageError(`--profile-name: ${JSON.stringify(name)} is no name of a profile`);
  for (const [place, directory] of [
    ["local", localDirectory],
    ["distro", DISTRIBUTED_PROFILES],
  ] as const) {
    if (where !== undefined && where !== place) continue;
    const content = await readIfThere(join(directory, `${name}${SUFFIX}`), "the profile");
    if (content !== undefined) return content.toString("utf8");
  }
  if ((where ?? "builtin") === "builtin" && (BUILT_IN.includes(name) || name.startsWith("custom:"))) {
    return JSON.stringify({ Name: name });
  }
  throw new UsageError(
    `--profile-name: there is no profile ${JSON.stringify(text)} in ${localDirectory} or ${DISTRIBUTED_PROFILES}, and the built-in ones are ${BUILT_IN.join(", ")}`,
  );
}

function checked(what: string, text: string): string {
  const name = nameIn(what, text);
  if (name.length > MAX_NAME_SIZE) throw new UsageError(`${what}: the name has more than ${MAX_NAME_SIZE} characters`);
  return text.trim();
}

function nameIn(what: string, text: string): string {
  try {
    const profile: unknown = JSON.parse(text);
    if (typeof profile === "object" && profile !== null && "Name" in profile && typeof profile.Name === "string") {
      return profile.Name;
    }
  } catch {
    // It is no JSON: said below.
  }
  throw new UsageError(`${what} is not JSON with a "Name"`);
}

export function readDescriptor(option: string, fd: number): Buffer {
  try {
    return readFileSync(fd);
  } catch (error) {
    const reason = why(error, `file descriptor ${fd}`);
    throw new FileError("FILE_READ", `${option}: cannot read file descriptor ${fd}: ${reason}`, { cause: error });
  }
}

/** `--print-profiles`: names by where they are; a folder that is not there is left out. */
export async function printedProfiles(localDirectory: string): Promise<string> {
  const local = await namesIn(localDirectory);
  const distro = await namesIn(DISTRIBUTED_PROFILES);
  return JSON.stringify({ ...(local && { local }), ...(distro && { distro }), builtin: BUILT_IN });
}

async function namesIn(directory: string): Promise<string[] | undefined> {
  try {
    const names = await readdir(directory);
    return names
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => name.slice(0, -SUFFIX.length))
      .sort();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw new FileError("FILE_READ", `cannot read ${directory}: ${why(error, directory)}`, { cause: error });
  }
}
