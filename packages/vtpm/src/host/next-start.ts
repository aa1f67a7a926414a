import { decodePermanent, decodeVolatile } from "@vtpm/state";
import { type NvState, type Platform, Tpm, type TpmState } from "@vtpm/tpm2";
import { poweredOff } from "@vtpm/tpm2/state";
import type { Bytes } from "@vtpm/wire";
import { StoreError } from "../store/store-error.ts";
import type { Persistence } from "./persistence.ts";
import { checkProfile, type ProfileChoice, profileOfNew } from "./profile-choice.ts";
import { volatileContext } from "./volatile-context.ts";

/** What a TPM starts from. */
export interface Start {
  readonly state: TpmState;
  /** Whether it goes on where it was instead of being powered on. */
  readonly resumed: boolean;
}

/**
 * From what the next start of a TPM takes its state: from what was handed in while it was off, else from what is stored, else
 * from manufacture.
 */
export class NextStart {
  readonly #persistence: Persistence;
  readonly #platform: Platform;
  #profile: ProfileChoice;
  #permanent: NvState | undefined;
  /** `null`: none, whatever is stored. */
  #volatile: Bytes | null | undefined;

  constructor(persistence: Persistence, platform: Platform, profile: ProfileChoice) {
    this.#persistence = persistence;
    this.#platform = platform;
    this.#profile = profile;
  }

  /** Takes a permanent state in libtpms' layout. Throws `STATE_DAMAGED` for what is none. */
  setPermanent(image: Bytes): void {
    this.#permanent = this.#persistence.usable("permanent state handed in instead", () => decodePermanent(image));
    this.#volatile = undefined;
  }

  /** Takes a volatile state that belongs to the permanent one; an empty one says that there is nothing to resume. */
  setVolatile(image: Bytes): void {
    const nv = this.#permanent ?? this.#persistence.durable;
    if (nv === undefined) {
      throw new StoreError("STATE_DAMAGED", "there is no permanent state to which this volatile state could belong");
    }
    if (image.length > 0) this.#resume("volatile state handed in", image, nv);
    this.#volatile = image.length > 0 ? image : null;
  }

  /** The state of the start; its durable part is durable when this resolves. Rejects, and changes nothing, when it cannot be. */
  async begin(options: { readonly deleteVolatile?: boolean | undefined }): Promise<Start> {
    const persistence = this.#persistence;
    const { durable } = persistence;
    if (durable !== undefined) checkProfile(persistence.location, durable, this.#profile);
    const kept = this.#volatile === undefined ? await persistence.readVolatile() : undefined;
    const image = this.#volatile ?? kept;
    const nv = this.#permanent ?? durable ?? this.#manufacture(image);
    const state = image === undefined ? poweredOff(nv) : this.#resume("volatile state", image, nv);
    await persistence.commit(state.nv);
    if (options.deleteVolatile === true) await persistence.writeVolatile(undefined);
    this.#profile = {};
    this.#permanent = undefined;
    this.#volatile = undefined;
    return { state, resumed: image !== undefined };
  }

  #manufacture(volatile: Bytes | undefined): NvState {
    if (volatile !== undefined) {
      const what = `${this.#persistence.location} is missing, and there is volatile state that belongs to it`;
      throw new StoreError("STATE_DAMAGED", `${what}: put it back, or remove that one to begin with a new TPM`);
    }
    return Tpm.manufacture(this.#platform, profileOfNew(this.#profile)).state.nv;
  }

  #resume(what: string, image: Bytes, nv: NvState): TpmState {
    return this.#persistence.usable(what, () => decodeVolatile(image, nv, volatileContext(this.#platform)));
  }
}
