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
  if (profileFile !== undefined) {
    const text = (await readInput(profileFile, "the profile")).toString("utf8");
    return { json: checked(profileFile, text), byOption: false };
  }
  if (profile === undefined) return undefined;
  return { json: checked(`${settings.config?.path}: profile`, profile), byOption: false };
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
  const profile = parseJson(text);
  if (typeof profile === "object" && profile !== null && "Name" in profile && typeof profile.Name === "string") {
    return profile.Name;
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

/** `--print-profiles`: profiles by where they are; those of files by the name that `--profile-name` finds them by. */
export async function printedProfiles(localDirectory: string, builtIn: readonly unknown[]): Promise<string> {
  const local = await profilesIn(localDirectory);
  const distro = await profilesIn(DISTRIBUTED_PROFILES);
  return JSON.stringify({ ...(local && { local }), ...(distro && { distro }), builtin: builtIn });
}

/** The profiles of a folder; `undefined` if it is not there. What is no profile is passed over. */
async function profilesIn(directory: string): Promise<object[] | undefined> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw new FileError("FILE_READ", `cannot read ${directory}: ${why(error, directory)}`, { cause: error });
  }
  const files = names.filter((name) => name.endsWith(SUFFIX) && name !== SUFFIX).sort();
  const profiles = files.map(async (file) => {
    const profile = parseJson((await readIfThere(join(directory, file), "the profile"))?.toString("utf8") ?? "");
    if (typeof profile !== "object" || profile === null || !("Name" in profile)) return [];
    return [{ ...profile, Name: file.slice(0, -SUFFIX.length) }];
  });
  return (await Promise.all(profiles)).flat();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // whoever needs it says what it is not
  }
}
