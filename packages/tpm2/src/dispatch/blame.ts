import type { FormatOneRc } from "../spec/response-codes.ts";
import { type Blamed, splitRc, TpmError } from "../spec/tpm-error.ts";
import type { At } from "./command.ts";

/** Whether a code is of format one and says nobody's name yet. */
function takesBlame(rc: number): rc is FormatOneRc {
  const { base, where } = splitRc(rc);
  return where === undefined && rc === base && rc >= 0x080 && rc < 0x100;
}

/** `rc` with a position, where it can carry one and has none yet. */
export function blamed(rc: number, where: Blamed, n: number): TpmError {
  return takesBlame(rc) ? TpmError.at(where, n, rc) : new TpmError(rc);
}

/** Runs checks that do not know whom they are about, and adds that to the error. */
export function blaming<T>(where: Blamed, n: number, checks: () => T): T {
  try {
    return checks();
  } catch (error) {
    if (error instanceof TpmError) throw blamed(error.rc, where, n);
    throw error;
  }
}

/** The same for a command's checks of one of its fields. */
export function blamingField<Name extends string, T>(at: At<Name>, name: Name, checks: () => T): T {
  try {
    return checks();
  } catch (error) {
    if (error instanceof TpmError && takesBlame(error.rc)) throw at(name, error.rc);
    throw error;
  }
}
