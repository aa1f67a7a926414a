import type { Engine } from "../engine.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import { TpmError } from "../spec/tpm-error.ts";

/**
 * Refuses what makes ECC keys or secrets of other numbers than fresh random ones, if the profile forbids that.
 *
 * @rc TYPE  the profile has the attribute no-ecc-key-derivation
 */
export function refuseEccDerivation({ profile }: Engine, error = new TpmError(TPM_RC.TYPE)): void {
  if (profile.attributes.has("no-ecc-key-derivation")) throw error;
}
