import { type Change, durableChanges, type Platform, type Profile, StateError, Tpm } from "@vtpm/tpm2";
import type { JobRunner } from "../jobs/job-runner.ts";
import type { GroupCommit } from "../store/group-commit.ts";
import { StoreError } from "../store/store-error.ts";
import { TpmHost } from "./tpm-host.ts";

export interface OpenHostOptions {
  /** The TPM's name in the store. */
  readonly name: string;
  readonly commits: GroupCommit;
  readonly platform: Platform;
  readonly jobs: JobRunner;
  /** What a TPM that does not exist yet is manufactured as. */
  readonly profile?: Profile | undefined;
  readonly onFault?: (error: unknown) => void;
}

/**
 * Opens the TPM that the store has under this name, or manufactures it; powered off. Rejects with `STATE_DAMAGED` for state
 * that cannot be a TPM's; it is left as it is.
 */
export async function openHost(options: OpenHostOptions): Promise<TpmHost> {
  const { name, commits, platform, jobs, onFault } = options;
  const tpmOptions = onFault === undefined ? {} : { onFault };
  const entries = await commits.store.load(name);
  const commit = (changes: readonly Change[]): Promise<void> => commits.commit(name, changes);
  if (entries.size > 0) {
    try {
      const tpm = Tpm.fromDurable(platform, entries, tpmOptions);
      return new TpmHost({ tpm, durable: tpm.state, commit, jobs, ...tpmOptions });
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      throw new StoreError("STATE_DAMAGED", `${commits.store.locate(name)}: ${error.message}`, { cause: error });
    }
  }
  const tpm = Tpm.manufacture(platform, options.profile, tpmOptions);
  await commit(durableChanges(undefined, tpm.state));
  return new TpmHost({ tpm, durable: tpm.state, commit, jobs, ...tpmOptions });
}
