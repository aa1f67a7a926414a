import { Persistence, type PersistenceOptions } from "./persistence.ts";
import { TpmHost, type TpmHostOptions } from "./tpm-host.ts";

export interface OpenHostOptions extends PersistenceOptions, Omit<TpmHostOptions, "persistence"> {
  /** Whether the store is left alone until the TPM is powered on for the first time. */
  readonly lazy?: boolean | undefined;
}

/**
 * The TPM that the store has under this name, powered off; one that does not exist is manufactured when it is powered on.
 * Rejects with a `StoreError`, as for state that cannot be a TPM's, and leaves what is stored as it is.
 */
export async function openHost(options: OpenHostOptions): Promise<TpmHost> {
  const host = new TpmHost({ ...options, persistence: new Persistence(options) });
  if (options.lazy !== true && options.incoming !== true) await host.acquireStore(0);
  return host;
}
