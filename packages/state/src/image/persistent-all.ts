import { ProfileError } from "@vtpm/tpm2";
import { TPM_SU, TPMA_NV } from "@vtpm/tpm2/spec";
import { BEYOND_LIBTPMS, isOrderly, ORDERLY, storedProfile } from "@vtpm/tpm2/state";
import { type Codec, changed, constant, type Reader, since, type TypeOf, UINT32, versioned } from "@vtpm/wire";
import { BEYOND_PERMANENT } from "./beyond.ts";
import { COMPILE_CONSTANTS } from "./compile-constants.ts";
import { INDEX_ORDERLY_RAM, type NvEntry, type RamEntry, USER_NVRAM } from "./nv-storage.ts";
import { ORDERLY_DATA } from "./orderly-data.ts";
import { PERSISTENT_DATA } from "./persistent-data.ts";
import { STATE_CLEAR_DATA } from "./state-clear-data.ts";
import { STATE_RESET_DATA } from "./state-reset-data.ts";
import { TEXT } from "./text.ts";

const MAGIC = 0xab364723;

/** The first version that says which profile the TPM has. */
export const FIRST_WITH_PROFILE = 4;
/** Before this version what Shutdown(STATE) saves was always there. */
const FIRST_WITHOUT_STALE_STATE = 3;

/** The text of a profile that this TPM can have. */
const PROFILE: Codec<string> = {
  ...TEXT,
  name: "profile",
  read(reader) {
    const start = reader.offset;
    const text = TEXT.read(reader);
    try {
      storedProfile(text);
    } catch (error) {
      if (error instanceof ProfileError) throw reader.refuse("VALUE", error.message, start);
      throw error;
    }
    return text;
  },
};

/** Everything behind the profile: whether there is saved state depends on how the TPM was stopped. */
interface Body {
  readonly constants: COMPILE_CONSTANTS;
  readonly persistent: PERSISTENT_DATA;
  readonly orderly: ORDERLY_DATA;
  readonly stateReset: STATE_RESET_DATA | undefined;
  readonly stateClear: STATE_CLEAR_DATA | undefined;
  readonly orderlyRam: INDEX_ORDERLY_RAM;
  readonly nvram: USER_NVRAM;
}

const SAVED_STATE_MASK = ORDERLY.STARTUP_LOCALITY_3;

/** Whether the TPM was stopped by Shutdown(STATE), so that there is state to resume. */
export const hasSavedState = (orderlyState: number): boolean =>
  isOrderly(orderlyState) && orderlyState % SAVED_STATE_MASK === TPM_SU.STATE;

function bodyWith(savedState: "always" | "if saved"): Codec<Body> {
  return {
    name: "body",
    shape: { kind: "foreign" },
    read(reader) {
      const constants = reader.part("PA_COMPILE_CONSTANTS", COMPILE_CONSTANTS);
      const persistent = reader.part("PERSISTENT_DATA", PERSISTENT_DATA);
      const orderly = reader.part("ORDERLY_DATA", ORDERLY_DATA);
      const isSaved = savedState === "always" || hasSavedState(persistent.orderlyState);
      const stateReset = isSaved ? reader.part("STATE_RESET_DATA", STATE_RESET_DATA) : undefined;
      const stateClear = isSaved ? reader.part("STATE_CLEAR_DATA", STATE_CLEAR_DATA) : undefined;
      const start = reader.offset;
      const orderlyRam = reader.part("INDEX_ORDERLY_RAM", INDEX_ORDERLY_RAM);
      const nvram = reader.part("USER_NVRAM", USER_NVRAM);
      checkOrderly(reader, start, orderlyRam.ram.entries, nvram.nv.entries);
      return { constants, persistent, orderly, stateReset, stateClear, orderlyRam, nvram };
    },
    write(writer, { constants, persistent, orderly, stateReset, stateClear, orderlyRam, nvram }) {
      COMPILE_CONSTANTS.write(writer, constants);
      PERSISTENT_DATA.write(writer, persistent);
      ORDERLY_DATA.write(writer, orderly);
      if (stateReset !== undefined) STATE_RESET_DATA.write(writer, stateReset);
      if (stateClear !== undefined) STATE_CLEAR_DATA.write(writer, stateClear);
      INDEX_ORDERLY_RAM.write(writer, orderlyRam);
      USER_NVRAM.write(writer, nvram);
    },
    text: () => "",
  };
}

/** Refuses RAM that is not that of the orderly Indices which are defined. */
export function checkOrderly(
  reader: Reader,
  start: number,
  inRam: readonly RamEntry[],
  defined: readonly NvEntry[],
): void {
  const sizes = new Map<number, number>();
  for (const entry of defined) {
    if (entry.kind !== "index" || !TPMA_NV.has(entry.publicArea.attributes, "ORDERLY")) continue;
    sizes.set(entry.handle, entry.publicArea.dataSize);
  }
  for (const { handle, data } of inRam) {
    const size = sizes.get(handle);
    if (size === undefined) {
      throw reader.refuse("VALUE", `0x${handle.toString(16)} is in RAM, but no orderly NV Index`, start);
    }
    if (size !== data.length) {
      throw reader.refuse("SIZE", `0x${handle.toString(16)} has ${data.length} bytes in RAM, not ${size}`, start);
    }
  }
  if (inRam.length !== sizes.size) {
    throw reader.refuse("VALUE", `${sizes.size} orderly NV Indices, ${inRam.length} of them in RAM`, start);
  }
}

const LAYOUT = versioned(
  "PERSISTENT_ALL",
  { magic: MAGIC, newest: FIRST_WITH_PROFILE, beyond: BEYOND_LIBTPMS },
  {
    profile: since(FIRST_WITH_PROFILE, PROFILE),
    beyond: since(BEYOND_LIBTPMS, BEYOND_PERMANENT),
    body: changed(bodyWith("always"), FIRST_WITHOUT_STALE_STATE, bodyWith("if saved")),
  },
);
const END = constant("magic at the end", UINT32, MAGIC);

/** A TPM's permanent state: what libtpms hands to swtpm, and swtpm writes into `tpm2-00.permall`. */
export const PERSISTENT_ALL: Codec<TypeOf<typeof LAYOUT>> = {
  ...LAYOUT,
  read(reader) {
    const value = LAYOUT.read(reader);
    reader.part("end", END);
    return value;
  },
  write(writer, value) {
    LAYOUT.write(writer, value);
    END.write(writer, MAGIC);
  },
};
export type PERSISTENT_ALL = TypeOf<typeof PERSISTENT_ALL>;
