import { readFileSync } from "node:fs";
import { FileError, why } from "../../files.ts";
import { UsageError } from "../usage-error.ts";

const MAX_SIZE = 255;

/** A password given as `[pass:]TEXT`, `file:FILE`, `fd:N` or `env:NAME`; what is in a file counts as it is. */
export function readPassword(option: string, where: string): string {
  const colon = where.indexOf(":");
  const rest = where.slice(colon + 1);
  switch (where.slice(0, colon)) {
    case "pass":
      return rest;
    case "file":
      return readAll(option, rest, rest);
    case "fd":
      if (!/^\d+$/.test(rest)) throw new UsageError(`${option} fd: takes the number of a file descriptor`);
      return readAll(option, Number(rest), `file descriptor ${rest}`);
    case "env": {
      const password = process.env[rest];
      if (password === undefined) throw new UsageError(`${option}: there is no environment variable ${rest}`);
      return password;
    }
    default:
      return where;
  }
}

function readAll(option: string, source: string | number, name: string): string {
  let content: Buffer;
  try {
    content = readFileSync(source);
  } catch (error) {
    throw new FileError("FILE_READ", `${option}: cannot read the password from ${name}: ${why(error, name)}`, {
      cause: error,
    });
  }
  if (content.length > MAX_SIZE) throw new UsageError(`${option}: a password has at most ${MAX_SIZE} bytes`);
  return content.toString("latin1");
}
