export {
  ANY_OBJECT as OBJECT_IMAGE,
  emptySlot,
  isUnusedRsaKey,
  type ObjectHeader,
  objectHeaderOf,
  type SlotContent,
  slotFromImage,
  slotToImage,
} from "../libtpms/any-object.ts";
export { BEYOND_LIBTPMS } from "../libtpms/beyond.ts";
export { SEED_LEVEL } from "../libtpms/object.ts";
export { limitsOf, ownProperties, storedProfile, withProperties } from "../profile.ts";
export { digestSizeOf } from "../subsystems/hash-algorithms.ts";
export {
  isOrderly,
  ORDERLY,
  ORDERLY_DATA,
  PCR_BANKS,
  PERSISTENT_DATA,
  STATE_CLEAR_DATA,
  STATE_RESET_DATA,
} from "./data.ts";
export { EXTENSION, NO_EXTENSION } from "./extension.ts";
export { NV_INDEX, NV_PUBLIC_AREA, ORDERLY_INDEX } from "./nv-index.ts";
export { ANY_OBJECT, OBJECT, OBJECT_ATTRIBUTES, SLOT } from "./object.ts";
export { poweredOff } from "./powered-off.ts";
export { oldestSavedSession } from "./saved-sessions.ts";
export { SESSION, SESSION_ATTRIBUTES } from "./session.ts";
export { type NvState, RAM_STATE, type TpmState } from "./tpm-state.ts";
export { allUntested } from "./untested-algorithms.ts";
