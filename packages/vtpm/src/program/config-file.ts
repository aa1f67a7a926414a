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

/**
 * Settings of a file of lines `key = value`, of which the first of a key counts. `#` starts a comment wherever it is, `${NAME}`
 * stands for a variable of the environment; quotes and `~` mean themselves.
 */
export class ConfigFile {
  readonly path: string;
  readonly #lines: readonly (readonly [key: string, text: string])[];
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(path: string, lines: readonly (readonly [string, string])[], environment: NodeJS.ProcessEnv) {
    this.path = path;
    this.#lines = lines;
    this.#environment = environment;
  }

  static async read(path: string, what: string, environment: NodeJS.ProcessEnv): Promise<ConfigFile> {
    const lines = (await readInput(path, what)).toString("utf8").split("\n");
    const settings = lines.flatMap((line) => {
      const [, key, text] = /^\s*([^#=\s][^#=]*?)\s*=\s*(.*)$/s.exec(line) ?? [];
      return key === undefined || text === undefined ? [] : [[key, text] as const];
    });
    return new ConfigFile(path, settings, environment);
  }

  /** A value that is there and not empty. */
  get(key: string): string | undefined {
    const [, text = ""] = this.#lines.find(([name]) => name === key) ?? [];
    const value = text.replace(/#.*$/s, "").trimEnd();
    return value.replace(/\$\{([^}]*)\}/g, (_, name: string) => this.#environment[name] ?? "") || undefined;
  }

  /** What begins with a prefix, without it: all that is behind the equals sign, as it is. */
  verbatim(prefix: string): readonly (readonly [key: string, text: string])[] {
    const found = this.#lines.filter(([key]) => key.startsWith(prefix));
    return found.map(([key, text]) => [key.slice(prefix.length), text]);
  }

  required(key: string): string {
    const value = this.get(key);
    if (value === undefined) throw new UsageError(`${this.path} has no ${key}: add a line "${key} = ..."`);
    return value;
  }
}
