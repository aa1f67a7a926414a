import { type Profile, Tpm } from "@vtpm/tpm2";
import { startupCommand, TPM_SU } from "./host/tpm2-messages.ts";
import { NodePlatform } from "./platform/node-platform.ts";

export interface CreateTpmOptions {
  /** What it is manufactured as; libtpms' `default-v1` unless given. */
  readonly profile?: Profile;
  /** Whether TPM2_Startup is left to the caller; otherwise the TPM is ready for any command. */
  readonly startup?: "clear" | "none";
}

/**
 * A new TPM in this process and in memory only: no port, no file, answers at once.
 *
 * @example
 * const tpm = createTpm();
 * const response = tpm.execute(command);
 */
export function createTpm(options: CreateTpmOptions = {}): Tpm {
  const tpm = Tpm.manufacture(new NodePlatform(), options.profile);
  tpm.powerOn();
  if (options.startup !== "none") tpm.execute(startupCommand(TPM_SU.CLEAR));
  return tpm;
}
