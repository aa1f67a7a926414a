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
  /** What a TPM that does not exist yet is manufactured as; one that does must be of this profile. */
  readonly profile?: Profile | undefined;
  readonly onFault?: (error: unknown) => void;
}

/**
 * Opens the TPM that the store has under this name, or manufactures it; powered off. Rejects with `STATE_DAMAGED` for state
 * that cannot be a TPM's and with `STATE_PROFILE` for a TPM of another profile; both are left as they are.
 */
export async function openHost(options: OpenHostOptions): Promise<TpmHost> {
  const { name, commits, platform, jobs, onFault } = options;
  const tpmOptions = onFault === undefined ? {} : { onFault };
  const entries = await commits.store.load(name);
  const commit = (changes: readonly Change[]): Promise<void> => commits.commit(name, changes);
  if (entries.size > 0) {
    const location = commits.store.locate(name);
    const tpm = storedTpm(location, () => Tpm.fromDurable(platform, entries, tpmOptions));
    checkProfile(location, tpm.state.nv.profile, options.profile);
    return new TpmHost({ tpm, durable: tpm.state, commit, jobs, ...tpmOptions });
  }
  const tpm = Tpm.manufacture(platform, options.profile, tpmOptions);
  await commit(durableChanges(undefined, tpm.state));
  return new TpmHost({ tpm, durable: tpm.state, commit, jobs, ...tpmOptions });
}

function storedTpm(location: string, open: () => Tpm): Tpm {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    throw new StoreError("STATE_DAMAGED", `${location}: ${error.message}`, { cause: error });
  }
}

/** A profile is for life: what a client has learnt of a TPM must stay true. */
function checkProfile(location: string, has: Profile, asked: Profile | undefined): void {
  if (asked === undefined || asked.json === has.json) return;
  throw new StoreError(
    "STATE_PROFILE",
    `${location} is a TPM of profile ${has.name}, which cannot be changed: ask for that one, or for another directory`,
  );
}
