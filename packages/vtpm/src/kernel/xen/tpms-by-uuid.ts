import { join } from "node:path";
import type { Profile } from "@vtpm/tpm2";
import { shutdownCommand, TPM_SU } from "../../host/tpm2-messages.ts";
import { type OpenTpm, openTpm } from "../../open-tpm.ts";
import type { DomainTpm } from "./tpm-by-uuid.ts";
import { XenError } from "./xen-error.ts";

export interface TpmsOptions {
  /** Directory with one of its own for each TPM, named by the UUID. */
  readonly directory: string;
  /** What a TPM that does not exist yet is manufactured as. */
  readonly profile?: Profile | undefined;
  /** What is sent to a TPM once it has power; nothing if absent. */
  readonly startup: TPM_SU | undefined;
  readonly onFault: (error: unknown) => void;
}

/** The TPMs of the domains, each in one hand at a time. */
export class TpmsByUuid {
  readonly #options: TpmsOptions;
  /** Ends of those that are open. */
  readonly #open = new Map<string, { readonly released: Promise<void>; releasing: boolean }>();

  constructor(options: TpmsOptions) {
    this.#options = options;
  }

  /** Opens a TPM, or makes it; after its last holder, who may be about to let it go. Rejects with a `HostError`. */
  async open(uuid: string): Promise<DomainTpm> {
    for (let holder = this.#open.get(uuid); holder !== undefined; holder = this.#open.get(uuid)) {
      if (!holder.releasing) throw new XenError("XEN_DEVICE", `the TPM ${uuid} is in use by another device`);
      await holder.released;
    }
    let resolveReleased = (): void => {};
    const holder = {
      released: new Promise<void>((resolve) => {
        resolveReleased = resolve;
      }),
      releasing: false,
    };
    this.#open.set(uuid, holder);
    const forget = (): void => {
      this.#open.delete(uuid);
      resolveReleased();
    };
    try {
      const tpm = await this.#powerOn(uuid);
      const { host } = tpm;
      return {
        execute: (command, locality) => host.execute(command, locality),
        cancel: () => host.cancel(),
        async release(end) {
          holder.releasing = true;
          // Without this, the host leaves something to resume.
          if (end === "ended") await host.execute(shutdownCommand(TPM_SU.CLEAR));
          await tpm.close().finally(forget);
        },
        async suspend() {
          holder.releasing = true;
          try {
            await host.storeVolatile();
            await host.powerOff();
          } finally {
            // Where the state could not be kept, the TPM is shut down instead.
            await tpm.close().finally(forget);
          }
        },
      };
    } catch (error) {
      forget();
      throw error;
    }
  }

  async #powerOn(uuid: string): Promise<OpenTpm> {
    const { directory, profile, startup, onFault } = this.#options;
    const tpm = await openTpm({
      directory: join(directory, uuid),
      onFault,
      ...(profile === undefined ? {} : { profile }),
    });
    await tpm.host.init({ deleteVolatile: true });
    // A TPM that goes on from where it was suspended needs none, and says so.
    if (startup !== undefined) await tpm.host.startup(startup);
    return tpm;
  }
}
