import type { Profile } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import { openHost } from "./host/open-host.ts";
import type { ProfileChoice } from "./host/profile-choice.ts";
import type { TpmHost, TpmHostOptions } from "./host/tpm-host.ts";
import { JobPool } from "./jobs/job-pool.ts";
import { NodePlatform } from "./platform/node-platform.ts";
import { MemoryStore } from "./store/memory-store.ts";
import { type OpenDirectoryOptions, openDirectoryStore } from "./store/open-directory-store.ts";
import { type OpenStore, StoreOwner } from "./store/store-owner.ts";

/** The name of the only TPM in a directory: swtpm's. */
const NAME = "tpm2-00";

export interface OpenTpmOptions
  extends Pick<
      OpenDirectoryOptions,
      "backup" | "create" | "exactMode" | "mayBlock" | "mode" | "onWarning" | "unlocked"
    >,
    Pick<TpmHostOptions, "incoming" | "onFault" | "onStoreLost" | "orderlyShutdown" | "trace"> {
  /** Where its state is kept; in memory only if absent. */
  readonly directory?: string | undefined;
  /** A file or block device with swtpm's linear layout in place of a directory. */
  readonly linearFile?: string | undefined;
  /** Opens another kind of store in place of a directory. */
  readonly store?: OpenStore | undefined;
  /** Encrypts what is stored: 16 or 32 bytes. */
  readonly key?: Bytes | undefined;
  /** What a TPM that does not exist yet is manufactured as, and one that does must be; libtpms' `default-v1` unless given. */
  readonly profile?: Profile | ProfileChoice | undefined;
  /** The module that threads for long work run, where it is not the one of this package. */
  readonly jobWorker?: URL | undefined;
  /** Whether the state is left alone until the TPM is powered on for the first time. */
  readonly lazy?: boolean | undefined;
}

/** A TPM with everything it needs; powered off. */
export interface OpenTpm {
  readonly host: TpmHost;
  readonly platform: NodePlatform;
  /** The orderly end: the TPM is shut down, its state brought into its final form and given up to the next owner. */
  close(): Promise<void>;
}

/**
 * Opens the TPM in a directory; one that is not there is manufactured when it is powered on. Each response comes when all that
 * it depends on is durable. Rejects with a `StoreError` when the state cannot be used or somebody else uses it.
 *
 * @example
 * const { host, close } = await openTpm({ directory: "state" });
 * await host.init();
 * const response = await host.execute(command);
 * await close();
 */
export async function openTpm(options: OpenTpmOptions = {}): Promise<OpenTpm> {
  const owner = new StoreOwner(options.store ?? storeIn(options));
  const platform = new NodePlatform();
  const jobs = new JobPool(options.jobWorker === undefined ? {} : { worker: options.jobWorker });
  const { profile } = options;
  const choice = profile !== undefined && "json" in profile ? { asked: profile } : profile;
  const host = await openHost({ ...options, name: NAME, owner, platform, jobs, profile: choice });
  return {
    host,
    platform,
    async close() {
      await host.stop();
      await jobs.close();
      await owner.release();
    },
  };
}

function storeIn(options: OpenTpmOptions): OpenStore {
  const { directory, linearFile, onFault } = options;
  if (linearFile !== undefined) {
    return async (retries) => {
      const { openLinearStore } = await import("./store/open-linear-store.ts");
      return openLinearStore(linearFile, { ...options, retries, onFoldFailure: onFault });
    };
  }
  if (directory === undefined) {
    const store = new MemoryStore();
    return async () => store;
  }
  return (retries) => openDirectoryStore(directory, { ...options, retries, onFoldFailure: onFault });
}
