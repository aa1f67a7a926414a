import { execFileSync } from "node:child_process";
import { UnknownNameError, UsageError } from "./usage-error.ts";

/** What a sub-option's value is; "uid" and "gid" are numbers or names that are looked up. */
export type SubOptionKind = "string" | "int" | "uint" | "bool" | "mode" | "uid" | "gid";
export type SubOptionKinds = Readonly<Record<string, SubOptionKind>>;

type ValueOf<K extends SubOptionKind> = K extends "string" ? string : K extends "bool" ? boolean : number;
/** The sub-options of an option that were given. */
export type SubOptions<K extends SubOptionKinds> = { readonly [N in keyof K]?: ValueOf<K[N]> };

const INT_MAX = 0x7fffffff;
const UINT_MAX = 0xffffffff;

/**
 * Reads what comes behind an option of swtpm: `name=value,name,...`. A value that begins with a brace goes on to the brace
 * that closes it; of a name given twice the first counts. Throws a `UsageError`: in swtpm's words, which name the options
 * by their subject.
 */
export function parseSubOptions<K extends SubOptionKinds>(subject: string, text: string, kinds: K): SubOptions<K> {
  const given: Record<string, string | number | boolean> = {};
  try {
    for (const { name, value } of parts(text)) {
      const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
      if (kind === undefined || value === "") {
        throw new UsageError(`Unknown option '${name}${value === undefined ? "" : `=${value}`}'`);
      }
      if (!Object.hasOwn(given, name)) given[name] = read(name, kind, value ?? "true");
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`Error parsing ${subject} options: ${error.message}`, { cause: error });
  }
  return given as SubOptions<K>; // each value was read as its kind says
}

function* parts(text: string): Generator<{ name: string; value: string | undefined }> {
  for (let at = 0; at < text.length; ) {
    const name = /^[^,=]*/.exec(text.slice(at))?.[0] ?? "";
    at += name.length;
    let value: string | undefined;
    if (text[at] === "=") {
      at++;
      const end = text[at] === "{" ? braceEnd(text, at) : endOfPart(text, at);
      value = text.slice(at, end);
      at = end;
    }
    yield { name, value };
    if (at < text.length && text[at] !== ",") {
      throw new UsageError(`"${text.slice(at)}" is behind a closing brace: a comma is expected`);
    }
    at++;
  }
}

function endOfPart(text: string, from: number): number {
  const comma = text.indexOf(",", from);
  return comma < 0 ? text.length : comma;
}

/** Behind the brace that closes the one at `from`; what is in strings counts like anything else. */
function braceEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at + 1;
  }
  throw new UsageError(`a brace is not closed: ${text.slice(from)}`);
}

function read(name: string, kind: SubOptionKind, value: string): string | number | boolean {
  switch (kind) {
    case "string":
      return value;
    case "bool":
      return value === "1" || value.toLowerCase() === "true";
    case "int":
      return integer(name, /^[+-]?\d+$/, value, -INT_MAX - 1, INT_MAX);
    case "uint":
      if (value.startsWith("-")) throw new UsageError(`invalid required positive number '${value}'`);
      return integer(name, /^\+?\d+$/, value, 0, UINT_MAX);
    case "mode":
      if (!/^[0-7]+$/.test(value)) throw new UsageError(`invalid mode type '${value}': it is an octal number`);
      if (Number.parseInt(value, 8) > 0o777) throw new UsageError(`mode ${value} is invalid: it is more than 0777`);
      return Number.parseInt(value, 8);
    case "uid":
      return /^\d+$/.test(value) ? integer(name, /^\d+$/, value, 0, UINT_MAX) : lookUp("passwd", value).id;
    case "gid":
      return /^\d+$/.test(value) ? integer(name, /^\d+$/, value, 0, UINT_MAX) : lookUp("group", value).id;
  }
}

function integer(name: string, form: RegExp, value: string, min: number, max: number): number {
  const number = Number(value);
  if (!form.test(value) || number < min || number > max) {
    throw new UsageError(`invalid number '${value}': ${name} is a number from ${min} to ${max}`);
  }
  return number;
}

/** A user or group of this system, wherever it keeps them. */
export function lookUp(database: "passwd" | "group", name: string): { readonly id: number; readonly group: number } {
  let line: string;
  try {
    line = execFileSync("getent", [database, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch (error) {
    const kind = database === "passwd" ? "User" : "Group";
    throw new UnknownNameError(`${kind} '${name}' does not exist. A number works without one.`, { cause: error });
  }
  const [, , id, group] = line.split(":");
  return { id: Number(id), group: Number(group) };
}
