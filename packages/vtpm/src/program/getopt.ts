import { CommandLineError } from "./usage-error.ts";

/** An option of a command line. */
export interface OptionDeclaration {
  readonly name: string;
  /** The letter it can be given by, too. */
  readonly short?: string;
  /** Absent: it takes no argument. An optional one follows the name behind "=". */
  readonly argument?: "required" | "optional";
  /** The word behind the argument of a long option is its, too, unless that begins with "-". */
  readonly second?: true;
}

/** An option as it was given. */
export interface GivenOption<Name extends string = string> {
  readonly name: Name;
  readonly value: string | undefined;
  readonly second?: string;
}

export interface CommandLine<Name extends string = string> {
  /** In the order given. */
  readonly options: readonly GivenOption<Name>[];
  /** What is neither an option nor an argument of one. */
  readonly operands: readonly string[];
}

export interface GetoptHabits {
  /** Whether long options may also be written with a single dash; a letter then counts only where it is no such name. */
  readonly singleDash?: boolean;
}

/**
 * Reads a command line as getopt_long(3) does: `--name value`, `--name=value`, any unambiguous beginning of a name, letters
 * in one word (`-dt`, `-p2321`), options and operands in any order, only operands behind `--`. Throws a `CommandLineError`.
 */
export function getopt<D extends OptionDeclaration>(
  args: readonly string[],
  declarations: readonly D[],
  { singleDash = false }: GetoptHabits = {},
): CommandLine<D["name"]> {
  const options: GivenOption<D["name"]>[] = [];
  const operands: string[] = [];
  const rest = [...args];
  const next = (spelling: string): string => {
    const value = rest.shift();
    if (value === undefined) throw new CommandLineError(`option ${spelling} requires an argument`);
    return value;
  };

  const takeLong = (declaration: D, spelling: string, value: string | undefined): void => {
    if (declaration.argument === undefined && value !== undefined) {
      throw new CommandLineError(`option ${spelling} takes no argument, but has "${value}"`);
    }
    const wanted = declaration.argument === "required" && value === undefined;
    const given = { name: declaration.name, value: wanted ? next(spelling) : value };
    const second = declaration.second === true && rest[0]?.startsWith("-") === false ? rest.shift() : undefined;
    options.push(second === undefined ? given : { ...given, second });
  };

  const takeLetters = (letters: string): void => {
    for (let i = 0; i < letters.length; i++) {
      const letter = letters.charAt(i);
      const declaration = declarations.find(({ short }) => short === letter);
      if (declaration === undefined) throw new CommandLineError(`unknown option -${letter}`);
      if (declaration.argument === undefined) {
        options.push({ name: declaration.name, value: undefined });
        continue;
      }
      const value = letters.slice(i + 1);
      const wanted = declaration.argument === "required" && value === "";
      options.push({ name: declaration.name, value: wanted ? next(`-${letter}`) : value || undefined });
      return;
    }
  };

  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      operands.push(...rest.splice(0));
    } else if (word.startsWith("--")) {
      const { name, value } = split(word.slice(2));
      takeLong(declared(name, declarations), `--${name}`, value);
    } else if (word.startsWith("-") && word.length > 1) {
      const { name, value } = split(word.slice(1));
      const long = singleDash ? longNameOf(name, declarations) : undefined;
      if (long === undefined) takeLetters(word.slice(1));
      else takeLong(long, `-${name}`, value);
    } else {
      operands.push(word);
    }
  }
  return { options, operands };
}

function split(text: string): { readonly name: string; readonly value: string | undefined } {
  const at = text.indexOf("=");
  return at < 0 ? { name: text, value: undefined } : { name: text.slice(0, at), value: text.slice(at + 1) };
}

/** The option that a name, or an unambiguous beginning of it, stands for. */
function declared<D extends OptionDeclaration>(name: string, declarations: readonly D[]): D {
  const exact = declarations.find((declaration) => declaration.name === name);
  if (exact !== undefined) return exact;
  const meant = declarations.filter((declaration) => declaration.name.startsWith(name));
  const [only] = meant;
  if (only === undefined) throw new CommandLineError(`unknown option --${name}`);
  if (meant.length === 1) return only;
  throw new CommandLineError(`option --${name} is ambiguous: ${meant.map((each) => `--${each.name}`).join(", ")}`);
}

/** What a word behind a single dash names; a letter that is an option is that option. */
function longNameOf<D extends OptionDeclaration>(name: string, declarations: readonly D[]): D | undefined {
  const exact = declarations.find((declaration) => declaration.name === name);
  if (exact !== undefined) return exact;
  const isLetter = declarations.some(({ short }) => short !== undefined && short === name.charAt(0));
  const meant = declarations.filter((declaration) => declaration.name.startsWith(name));
  if (name.length === 1 && isLetter) return undefined;
  if (meant.length === 0 && isLetter) return undefined;
  return declared(name, declarations);
}
