import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { readInput } from "../files.ts";
import { UsageError } from "./usage-error.ts";

/** Where the configuration of a machine is. */
const SYSTEM_DIRECTORY = "/etc";

/** Where a user's configuration is: the XDG base directory specification. */
export function configDirectory(environment: NodeJS.ProcessEnv): string {
  const { XDG_CONFIG_HOME: base } = environment;
  return base !== undefined && isAbsolute(base) ? base : join(homedir(), ".config");
}

/** The user's file of this name, or the machine's; `undefined` if there is none that can be read. */
export async function findConfigFile(name: string, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const directory of [configDirectory(environment), SYSTEM_DIRECTORY]) {
    const path = join(directory, name);
    const readable = await access(path, constants.R_OK).then(
      () => true,
      () => false,
    );
    if (readable) return path;
  }
  return undefined;
}

/** Settings of a file of lines `key = value`. */
export class ConfigFile {
  readonly path: string;
  readonly #values: ReadonlyMap<string, string>;

  private constructor(path: string, values: ReadonlyMap<string, string>) {
    this.path = path;
    this.#values = values;
  }

  /** Reads it; `#` starts a comment, `${NAME}` stands for a variable of the environment. The first line of a key counts. */
  static async read(path: string, what: string, environment: NodeJS.ProcessEnv): Promise<ConfigFile> {
    const values = new Map<string, string>();
    for (const line of (await readInput(path, what)).toString("utf8").split("\n")) {
      const found = /^\s*([^#=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line.replace(/(^|\s)#.*$/, ""));
      const [, key, value] = found ?? [];
      if (key === undefined || value === undefined || values.has(key)) continue;
      values.set(
        key,
        value.replace(/\$\{(\w+)\}/g, (_, name: string) => environment[name] ?? ""),
      );
    }
    return new ConfigFile(path, values);
  }

  /** A value that is there and not empty. */
  get(key: string): string | undefined {
    return this.#values.get(key) || undefined;
  }

  /** What begins with a prefix, without it. */
  withPrefix(prefix: string): readonly (readonly [key: string, value: string])[] {
    const found = [...this.#values].filter(([key]) => key.startsWith(prefix));
    return found.map(([key, value]) => [key.slice(prefix.length), value]);
  }

  required(key: string): string {
    const value = this.get(key);
    if (value === undefined) throw new UsageError(`${this.path} has no ${key}: add a line "${key} = ..."`);
    return value;
  }
}
