import { TpmClient } from "@vtpm/client";
import { encodePermanent } from "@vtpm/state";
import type { Profile } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import { createTpm } from "../create-tpm.ts";
import { TPM_SU } from "../host/tpm2-messages.ts";
import { type OpenTpm, openTpm } from "../open-tpm.ts";
import { tpmInfo } from "../server/tpm-info.ts";
import { ManufactureError } from "./manufacture-error.ts";

/** Where a new TPM is kept. */
export interface TpmPlace {
  readonly directory?: string | undefined;
  readonly linearFile?: string | undefined;
  /** Encrypts its state. */
  readonly key?: Bytes | undefined;
  /** The mode of its files. */
  readonly mode?: number | undefined;
}

/** A TPM that is being made. */
export interface TpmInTheMaking {
  readonly client: TpmClient;
  /** What it says of itself, as swtpm tells it. */
  info(flags: bigint): Promise<string>;
  /** The orderly end. */
  finish(): Promise<void>;
  /** The other one. */
  abandon(): Promise<void>;
}

/**
 * A new TPM that is in memory until it is finished: then its state appears where it shall be, whole. Until then the place is
 * owned, so that nobody else makes one there.
 */
export async function makeTpm(place: TpmPlace, profile: Profile): Promise<TpmInTheMaking> {
  const kept = await openTpm({ ...place, create: place.linearFile !== undefined, mayBlock: true });
  if (kept.host.manufactured) {
    await kept.close();
    throw new ManufactureError("TPM_EXISTS", `there is a TPM in ${place.directory ?? place.linearFile} already`);
  }
  // The engine alone: nobody else is to be answered while it makes keys.
  const draft = createTpm({ profile });
  return {
    client: new TpmClient(draft),
    info: async (flags) => tpmInfo(flags, draft.state.nv.profile),
    async finish() {
      await kept.host.setPermanent(encodePermanent(draft.state.nv));
      await kept.host.init();
      await kept.close();
    },
    abandon: () => kept.close(),
  };
}

/** A TPM that exists, started. */
export async function openMadeTpm(place: TpmPlace): Promise<TpmInTheMaking> {
  const tpm = await openTpm({ ...place, create: false, mayBlock: true });
  try {
    if (!tpm.host.manufactured) {
      throw new ManufactureError(
        "TPM_MISSING",
        `there is no TPM in ${place.directory ?? place.linearFile}: make one first`,
      );
    }
    await start(tpm);
  } catch (error) {
    await tpm.close();
    throw error;
  }
  return {
    client: new TpmClient(tpm.host),
    info: async (flags) => tpmInfo(flags, tpm.host.profile),
    finish: () => tpm.close(),
    abandon: () => tpm.close(),
  };
}

async function start({ host }: OpenTpm): Promise<void> {
  await host.init();
  const code = await host.startup(TPM_SU.CLEAR);
  if (code !== 0) throw new ManufactureError("TPM_REFUSAL", `TPM2_Startup answered 0x${code.toString(16)}`);
}
