import { EnvelopeError, ImageError } from "@vtpm/state";
import { StateError } from "@vtpm/tpm2";
import { StoreError } from "../store/store-error.ts";

/** Ways an envelope cannot be opened that say nothing against the file. */
const KEY_CODES: ReadonlySet<string> = new Set(["KEY_MISSING", "KEY_SIZE", "WRONG_KEY", "NOT_ENCRYPTED"]);

/** What `use` makes of stored bytes; throws a `StoreError` that names them when they do not fit. */
export function usable<T>(what: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    const known = error instanceof EnvelopeError || error instanceof ImageError || error instanceof StateError;
    if (!known) throw error;
    const code = error instanceof EnvelopeError && KEY_CODES.has(error.code) ? "STATE_KEY" : "STATE_DAMAGED";
    throw new StoreError(code, `${what}: ${error.message}`, { cause: error });
  }
}
