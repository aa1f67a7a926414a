import { getSystemErrorMap } from "node:util";
import type { Bytes } from "@vtpm/wire";
import { koffi } from "./koffi.ts";

/** Bytes are lent as memory that the function may change. */
type Argument = number | bigint | string | Bytes | null;

/**
 * Declares a function of the C library by its prototype; it is looked up when first called. It must return a number, and
 * -1 when it fails: then an error like those of `node:fs` is thrown, whose `code` is "EBUSY" and the like.
 *
 * @example
 * const chroot = libcFunction("int chroot(const char *path)");
 * chroot("/var/empty");
 */
export function libcFunction(prototype: string): (...args: readonly Argument[]) => number {
  let call: ((...args: readonly Argument[]) => number | bigint) | undefined;
  return (...args) => {
    call ??= koffi().load(null).func(prototype);
    const result = Number(call(...args));
    if (result === -1) throw systemError(koffi().errno(), nameIn(prototype));
    return result;
  };
}

/** What `node:fs` throws for this error number. */
function systemError(errno: number, syscall: string): NodeJS.ErrnoException {
  const [code, reason] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, "unknown error"];
  return Object.assign(new Error(`${code}: ${reason}, ${syscall}`), { errno: -errno, code, syscall });
}

function nameIn(prototype: string): string {
  return /(\w+)\(/.exec(prototype)?.[1] ?? prototype;
}
