import { UsageError } from "./usage-error.ts";

/** How an option is written; its key in the table is its long name. */
export interface OptionDeclaration {
  readonly argument?: "required" | "optional";
  /** The letter after a single dash, where the program has letters. */
  readonly letter?: string;
}

/** An option as it was found on the command line. */
export interface FoundOption<Name extends string> {
  readonly name: Name;
  readonly value: string | undefined;
}

export interface OptionReaderOptions {
  /** A single dash introduces long names too: getopt_long_only(3). */
  readonly longOnly?: boolean;
}

/**
 * Reads a command line as getopt_long(3) does, since callers rely on its habits: options and words in any order,
 * `--name=value` and `--name value`, unique beginnings of names, letters in one word, `--` before the last words.
 * Throws a `UsageError` in the words of getopt.
 */
export class OptionReader<Name extends string> {
  /** The words that are no options, so far. */
  readonly words: string[] = [];
  readonly #declared: ReadonlyMap<string, readonly [Name, OptionDeclaration]>;
  readonly #letters: ReadonlyMap<string, readonly [Name, OptionDeclaration]>;
  readonly #longOnly: boolean;
  #left: readonly string[];
  /** What is left of a word of letters. */
  #bundle = "";

  constructor(
    args: readonly string[],
    table: Readonly<Record<Name, OptionDeclaration>>,
    options?: OptionReaderOptions,
  ) {
    const declared = (Object.keys(table) as Name[]).map((name) => [name, table[name]] as const);
    this.#declared = new Map(declared.map((option) => [option[0], option]));
    this.#letters = new Map(
      declared.flatMap((option) => (option[1].letter === undefined ? [] : [[option[1].letter, option]])),
    );
    this.#longOnly = options?.longOnly === true;
    this.#left = args;
  }

  /** The next option; `undefined` when there is none left, and all words are in `words`. */
  next(): FoundOption<Name> | undefined {
    if (this.#bundle !== "") return this.#letter();
    for (let arg = this.#take(); arg !== undefined; arg = this.#take()) {
      if (arg === "--") {
        this.words.push(...this.#left);
        this.#left = [];
      } else if (arg.startsWith("--")) {
        return this.#long(arg, "--");
      } else if (arg.startsWith("-") && arg !== "-") {
        if (this.#longOnly) return this.#long(arg, "-");
        this.#bundle = arg.slice(1);
        return this.#letter();
      } else {
        this.words.push(arg);
      }
    }
    return undefined;
  }

  /** The argument behind the option just returned, for options with two of them; `undefined` if an option or nothing follows. */
  second(): string | undefined {
    return this.#left[0]?.startsWith("-") === false ? this.#take() : undefined;
  }

  #take(): string | undefined {
    const [first, ...rest] = this.#left;
    this.#left = rest;
    return first;
  }

  #long(arg: string, dashes: string): FoundOption<Name> {
    const equals = arg.indexOf("=");
    const written = arg.slice(dashes.length, equals === -1 ? undefined : equals);
    const [name, { argument }] = this.#find(written, dashes);
    if (equals !== -1) {
      if (argument === undefined) throw new UsageError(`option '${dashes}${name}' doesn't allow an argument`);
      return { name, value: arg.slice(equals + 1) };
    }
    return { name, value: argument === "required" ? this.#required(`${dashes}${name}`) : undefined };
  }

  #letter(): FoundOption<Name> {
    const letter = this.#bundle.charAt(0);
    const rest = this.#bundle.slice(1);
    this.#bundle = rest;
    const option = this.#letters.get(letter);
    if (option === undefined) throw new UsageError(`invalid option -- '${letter}'`);
    const [name, { argument }] = option;
    if (argument === undefined) return { name, value: undefined };
    this.#bundle = "";
    if (rest !== "") return { name, value: rest };
    if (argument === "optional") return { name, value: undefined };
    const value = this.#take();
    if (value === undefined) throw new UsageError(`option requires an argument -- '${letter}'`);
    return { name, value };
  }

  #required(spelling: string): string {
    const value = this.#take();
    if (value === undefined) throw new UsageError(`option '${spelling}' requires an argument`);
    return value;
  }

  #find(written: string, dashes: string): readonly [Name, OptionDeclaration] {
    const exact = this.#declared.get(written);
    if (exact !== undefined) return exact;
    const begun = [...this.#declared].filter(([name]) => written !== "" && name.startsWith(written));
    const [found] = begun;
    if (found === undefined) throw new UsageError(`unrecognized option '${dashes}${written}'`);
    if (begun.length === 1) return found[1];
    const possible = begun.map(([name]) => `'${dashes}${name}'`).join(" ");
    throw new UsageError(`option '${dashes}${written}' is ambiguous; possibilities: ${possible}`);
  }
}
