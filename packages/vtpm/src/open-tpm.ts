import type { Profile } from "@vtpm/tpm2";
import { openHost } from "./host/open-host.ts";
import type { TpmHost } from "./host/tpm-host.ts";
import { JobPool } from "./jobs/job-pool.ts";
import { NodePlatform } from "./platform/node-platform.ts";
import { GroupCommit } from "./store/group-commit.ts";
import { MemoryStore } from "./store/memory-store.ts";
import { openDirectoryStore } from "./store/open-directory-store.ts";

/** The name of the only TPM in a directory. */
const NAME = "tpm2-00";

export interface OpenTpmOptions {
  /** Where its state is kept; in memory only if absent. */
  readonly directory?: string | undefined;
  /** What a TPM that does not exist yet is manufactured as; libtpms' `default-v1` unless given. */
  readonly profile?: Profile;
  /** Whether the process may wait for the disk as a whole: faster where there is but one TPM in it. */
  readonly mayBlock?: boolean;
  /** Told what went wrong beside the commands. */
  readonly onFault?: (error: unknown) => void;
}

/** A TPM with everything it needs; powered off. */
export interface OpenTpm {
  readonly host: TpmHost;
  readonly platform: NodePlatform;
  /** The orderly end: the TPM is shut down, its state brought into its final form and given up to the next owner. */
  close(): Promise<void>;
}

/**
 * Opens the TPM in a directory, or manufactures it there. Each response comes when all that it depends on is durable.
 * Rejects with a `StoreError` when the state cannot be used or somebody else uses it.
 *
 * @example
 * const { host, close } = await openTpm({ directory: "state" });
 * await host.init();
 * const response = await host.execute(command);
 * await close();
 */
export async function openTpm(options: OpenTpmOptions = {}): Promise<OpenTpm> {
  const { directory, profile, mayBlock, onFault } = options;
  const told = onFault === undefined ? {} : { onFault };
  const store =
    directory === undefined
      ? new MemoryStore()
      : await openDirectoryStore(directory, { mayBlock, ...(onFault === undefined ? {} : { onFoldFailure: onFault }) });
  const platform = new NodePlatform();
  const jobs = new JobPool();
  try {
    const host = await openHost({ name: NAME, commits: new GroupCommit(store), platform, jobs, profile, ...told });
    return {
      host,
      platform,
      async close() {
        await host.stop();
        await jobs.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
