import type { JobRunner } from "../jobs/job-runner.ts";
import { NodePlatform } from "../platform/node-platform.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { StoreOwner } from "../store/store-owner.ts";
import { openHost } from "./open-host.ts";
import type { TpmHost } from "./tpm-host.ts";

/** A new TPM, powered off, of which nothing is kept. */
export function openMemoryHost(jobs: JobRunner): Promise<TpmHost> {
  const owner = new StoreOwner(async () => new MemoryStore());
  return openHost({ name: "tpm2-00", owner, platform: new NodePlatform(), jobs });
}
