import { TpmError } from "../spec/tpm-error.ts";

/**
 * Answers with `rc` where the crypto provider finds a number or size that an operation cannot take: callers of the TPM can
 * bring keys and blocks that no check before has looked at.
 */
export function refusing<T>(rc: number, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    if (error instanceof RangeError) throw new TpmError(rc, { cause: error });
    throw error;
  }
}

/** The same for a check: what cannot be computed does not hold. */
export function holds(check: () => boolean): boolean {
  try {
    return check();
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
