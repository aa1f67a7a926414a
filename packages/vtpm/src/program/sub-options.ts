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
 * that closes it; of a name given twice the first counts. Throws a `UsageError` that names the option.
 */
export function parseSubOptions<K extends SubOptionKinds>(option: string, text: string, kinds: K): SubOptions<K> {
  const given: Record<string, string | number | boolean> = {};
  for (const { name, value } of parts(option, text)) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined || value === "") {
      throw new UsageError(`Unknown option '${value === "" ? `${name}=` : name}' of ${option}`);
    }
    if (!Object.hasOwn(given, name)) given[name] = read(`${option} ${name}`, kind, value ?? "true");
  }
  return given as SubOptions<K>; // each value was read as its kind says
}

function* parts(option: string, text: string): Generator<{ name: string; value: string | undefined }> {
  for (let at = 0; at < text.length; ) {
    const name = /^[^,=]*/.exec(text.slice(at))?.[0] ?? "";
    at += name.length;
    let value: string | undefined;
    if (text[at] === "=") {
      at++;
      const end = text[at] === "{" ? braceEnd(option, text, at) : endOfPart(text, at);
      value = text.slice(at, end);
      at = end;
    }
    yield { name, value };
    if (at < text.length && text[at] !== ",") {
      throw new UsageError(`${option} has "${text.slice(at)}" behind a closing brace: a comma is expected`);
    }
    at++;
  }
}

function endOfPart(text: string, from: number): number {
  const comma = text.indexOf(",", from);
  return comma < 0 ? text.length : comma;
}

/** Behind the brace that closes the one at `from`; what is in strings counts like anything else. */
function braceEnd(option: string, text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at + 1;
  }
  throw new UsageError(`${option} has a brace that is not closed: ${text.slice(from)}`);
}

function read(what: string, kind: SubOptionKind, value: string): string | number | boolean {
  switch (kind) {
    case "string":
      return value;
    case "bool":
      return value === "1" || value.toLowerCase() === "true";
    case "int":
      return integer(what, /^[+-]?\d+$/, value, -INT_MAX - 1, INT_MAX);
    case "uint":
      return integer(what, /^\+?\d+$/, value, 0, UINT_MAX);
    case "mode":
      if (!/^[0-7]+$/.test(value) || Number.parseInt(value, 8) > 0o777) {
        throw new UsageError(`${what} is an octal number up to 0777, not "${value}"`);
      }
      return Number.parseInt(value, 8);
    case "uid":
      return /^\d+$/.test(value) ? integer(what, /^\d+$/, value, 0, UINT_MAX) : lookUp("passwd", what, value).id;
    case "gid":
      return /^\d+$/.test(value) ? integer(what, /^\d+$/, value, 0, UINT_MAX) : lookUp("group", what, value).id;
  }
}

function integer(what: string, form: RegExp, value: string, min: number, max: number): number {
  const number = Number(value);
  if (!form.test(value) || number < min || number > max) {
    throw new UsageError(`${what} is a number from ${min} to ${max}, not "${value}"`);
  }
  return number;
}

/** A user or group of this system, wherever it keeps them. */
export function lookUp(
  database: "passwd" | "group",
  what: string,
  name: string,
): { readonly id: number; readonly group: number } {
  let line: string;
  try {
    line = execFileSync("getent", [database, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch (error) {
    const kind = database === "passwd" ? "user" : "group";
    throw new UnknownNameError(`${what}: there is no ${kind} "${name}"; a number works without one`, { cause: error });
  }
  const [, , id, group] = line.split(":");
  return { id: Number(id), group: Number(group) };
}
