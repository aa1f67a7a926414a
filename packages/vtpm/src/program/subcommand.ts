import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "./usage-error.ts";

/** A word after `vtpm`. */
export interface Subcommand {
  /** What it does, in a line of `vtpm --help`. */
  readonly summary: string;
  /** Only what is asked for is loaded. */
  readonly load: () => Promise<{ run(args: readonly string[]): Promise<void> }>;
}

type Options = NonNullable<ParseArgsConfig["options"]>;
type OptionValues<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; strict: true; allowPositionals: false; options: O }>
>["values"];

/** Reads the options of a subcommand, none of them positional. Throws a `UsageError` that names the help. */
export function parseOptions<const O extends Options>(
  subcommand: string,
  args: readonly string[],
  options: O,
): OptionValues<O> {
  return understood(subcommand, () => parseArgs({ args: [...args], strict: true, allowPositionals: false, options }))
    .values;
}

/** The same with operands, as many as have names. */
export function parseOptionsAndOperands<const O extends Options>(
  subcommand: string,
  args: readonly string[],
  options: O,
  names: readonly string[],
): { readonly values: OptionValues<O>; readonly operands: readonly string[] } {
  const { values, positionals } = understood(subcommand, () =>
    parseArgs({ args: [...args], strict: true, allowPositionals: true, options }),
  );
  const [surplus] = positionals.slice(names.length);
  if (surplus !== undefined)
    throw new UsageError(`unexpected argument ${JSON.stringify(surplus)}: see "vtpm ${subcommand} --help"`);
  return { values, operands: positionals };
}

function understood<T>(subcommand: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Its first sentence says what is wrong, the others how positional arguments work.
    const what = error.message.split(". ", 1)[0]?.replace(/\.?$/, "");
    throw new UsageError(`${what}: see "vtpm ${subcommand} --help"`, { cause: error });
  }
}

/** The value of an option that must not be empty if it is given. */
export function nonEmpty(option: string, value: string): string {
  if (value === "") throw new UsageError(`${option} needs a value`);
  return value;
}

/** The value of an option that takes one of a few words. */
export function oneOf<const W extends string>(option: string, words: readonly W[], value: string): W {
  const word = words.find((known) => known === value);
  if (word === undefined) throw new UsageError(`${option} takes ${words.join(", ")}, not ${JSON.stringify(value)}`);
  return word;
}
