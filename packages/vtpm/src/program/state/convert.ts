import { decodePermanent, encodePermanent, sealEnvelope } from "@vtpm/state";
import { durableChanges, encodeChanges, type NvState, type Profile } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import { usable } from "../../host/usable.ts";
import { openDirectoryStore } from "../../store/open-directory-store.ts";
import { openLinearStore } from "../../store/open-linear-store.ts";
import type { Store } from "../../store/store.ts";
import { StoreError } from "../../store/store-error.ts";
import { locationText, type StateLocation } from "../state-location.ts";
import { TPM } from "./found-state.ts";
import type { OpenedState } from "./opened-state.ts";

type Sealing = Parameters<typeof sealEnvelope>[1];

export interface ConvertOptions {
  readonly target: StateLocation;
  /** How the target is encrypted. */
  readonly sealing: Sealing;
  /** What the TPM becomes; it stays what it is unless given. */
  readonly profile: Profile | undefined;
  readonly withoutVolatile: boolean;
}

/** Writes a state elsewhere, where there is none. Rejects with a `StoreError`, and has written nothing then. */
export async function convert(state: OpenedState, options: ConvertOptions): Promise<void> {
  const { target, sealing, profile, withoutVolatile } = options;
  const { location, nv, volatile } = state;
  if (nv === undefined) throw new StoreError("STATE_READ", `${location} has no permanent state to convert`);
  if (profile !== undefined && volatile !== undefined && !withoutVolatile) {
    throw new StoreError(
      "STATE_PROFILE",
      `${location} has volatile state, which belongs to a TPM of profile ${nv.profile.name}: start and stop it in an orderly way first, or ` +
        "leave that out by --without-volatile",
    );
  }
  const converted = profile === undefined ? nv : withProfile(location, nv, profile);
  const store = await openTarget(target);
  try {
    const { image } = await store.load(TPM);
    if (image !== undefined || (await store.readVolatile(TPM)) !== undefined) {
      throw new StoreError(
        "STATE_WRITE",
        `${locationText(target)} has a state already: remove it first, or choose another place`,
      );
    }
    if (volatile !== undefined && !withoutVolatile) {
      await store.writeVolatile(TPM, sealEnvelope(volatile.image, sealing));
    }
    await store.append([recordOf(converted, sealing)]);
  } finally {
    await store.close();
  }
}

function recordOf(nv: NvState, sealing: Sealing): { tpm: string; delta: Bytes; image: () => Bytes } {
  const delta = sealEnvelope(encodeChanges(durableChanges(undefined, nv)), sealing);
  return { tpm: TPM, delta, image: () => sealEnvelope(encodePermanent(nv), sealing) };
}

/** The same TPM as one of another profile, if that can have all that it has. */
function withProfile(location: string, nv: NvState, profile: Profile): NvState {
  const { imageForm: _written, ...content } = nv;
  return usable(`state of ${location} with profile ${profile.name}`, () =>
    decodePermanent(encodePermanent({ ...content, profile })),
  );
}

function openTarget({ directory, linearFile }: StateLocation): Promise<Store> {
  if (linearFile !== undefined) return openLinearStore(linearFile, { foldByHand: true });
  return openDirectoryStore(directory, { foldByHand: true });
}
