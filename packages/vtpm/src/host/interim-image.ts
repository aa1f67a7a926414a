import { ImageError } from "@vtpm/state";
import { limitsOf, type NvState, RAM_STATE, type TpmState } from "@vtpm/tpm2";
import { type Bytes, decode, encode, Refusal } from "@vtpm/wire";

/** Volatile state in a layout of our own, until libtpms' is there. */
export function encodeVolatile(state: TpmState): Bytes {
  return encode(RAM_STATE, state.ram);
}

export function decodeVolatile(bytes: Bytes, nv: NvState): TpmState {
  try {
    return { nv, ram: decode(RAM_STATE, bytes, limitsOf(nv.profile)) };
  } catch (error) {
    if (error instanceof Refusal) throw new ImageError("RAM_STATE", 0, error.message, { cause: error });
    throw error;
  }
}
