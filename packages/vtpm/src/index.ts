export { type CreateTpmOptions, createTpm } from "./create-tpm.ts";
export { type OpenHostOptions, openHost } from "./host/open-host.ts";
export { Persistence, type PersistenceOptions } from "./host/persistence.ts";
export type { ProfileChoice } from "./host/profile-choice.ts";
export { type InitOptions, TpmHost, type TpmHostOptions } from "./host/tpm-host.ts";
export { TPM_SU } from "./host/tpm2-messages.ts";
export { HostError } from "./host-error.ts";
export { JobPool, type JobPoolOptions } from "./jobs/job-pool.ts";
export { JobCancelled, type JobRunner, type RunningJob } from "./jobs/job-runner.ts";
export { KernelError, type KernelErrorCode } from "./kernel/kernel-error.ts";
export {
  type ServedVtpmProxy,
  type ServeVtpmProxyOptions,
  serveVtpmProxy,
} from "./kernel/vtpm-proxy/serve-vtpm-proxy.ts";
export { warmUp } from "./kernel/warm-up.ts";
export { NativeError } from "./native/native-error.ts";
export { Poller, type PollerOptions } from "./native/poller.ts";
export { type OpenTpm, type OpenTpmOptions, openTpm } from "./open-tpm.ts";
export { NodePlatform } from "./platform/node-platform.ts";
export { type Endpoint, type Served, serveMssim, serveSwtpm, serveSwtpmUnix } from "./server/endpoints.ts";
export { ListenError, type ListenErrorCode } from "./server/listen-error.ts";
export { MemoryStore } from "./store/memory-store.ts";
export { type OpenDirectoryOptions, openDirectoryStore } from "./store/open-directory-store.ts";
export { type OpenLinearOptions, openLinearStore } from "./store/open-linear-store.ts";
export type { Store, Stored, StoreRecord } from "./store/store.ts";
export { StoreError, type StoreErrorCode } from "./store/store-error.ts";
export { type OpenStore, StoreOwner } from "./store/store-owner.ts";
