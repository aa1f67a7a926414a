import { encode } from "@vtpm/wire";
import type { Profile } from "../profile.ts";
import { TPMA_NV } from "../spec/attributes.ts";
import { TPM_ALG, TPM_NT } from "../spec/constants.ts";
import { TPM2B_NAME, TPMT_PUBLIC_NULLABLE, TPMT_SENSITIVE } from "../spec/structures/index.ts";
import type { NV_INDEX, ORDERLY_INDEX } from "../state/nv-index.ts";
import type { OBJECT } from "../state/object.ts";
import type { NvState } from "../state/tpm-state.ts";

// What follows are the sizes of libtpms' NV memory on a 64-bit machine. How many things fit into a TPM, and what
// TPM2_GetCapability tells of that, depends on them.

/** Bytes taken by everything that is not an Index or a persistent object. */
const FIXED_PART = 5632;
/** In front of each entry stands its size. */
const ENTRY_SIZE = 4;
const HANDLE_SIZE = 4;
/** Behind the last entry stand an empty one and the largest counter. */
const TERMINATOR = 12;
/** An Index without its data. */
const INDEX_SIZE = 148;
const COUNTER_SIZE = ENTRY_SIZE + INDEX_SIZE + 8;
/** The room kept for one more persistent object: an unpacked one. */
const OBJECT_ROOM = ENTRY_SIZE + HANDLE_SIZE + 3312;
/** An object as states before level 2 keep it. */
const UNPACKED_OBJECT = 2600;
const RAM_ENTRY_HEADER = 12;
const RAM_COUNTER_SIZE = RAM_ENTRY_HEADER + 8;

/** Size of an Index in NV without the size in front; an orderly one has its data elsewhere. */
export function indexSize({ attributes, dataSize }: NV_INDEX["publicArea"]): number {
  return INDEX_SIZE + (TPMA_NV.has(attributes, "ORDERLY") ? 0 : dataSize);
}

/** Size of a persistent object in NV, its handle included, without the size in front. */
export function objectSize(profile: Profile, object: OBJECT): number {
  return HANDLE_SIZE + (profile.stateFormatLevel < 2 ? UNPACKED_OBJECT : packedSize(profile, object));
}

/** The object as libtpms packs it since level 2. */
function packedSize(profile: Profile, object: OBJECT): number {
  const [header, block] = [8, 3];
  const version4 = profile.stateFormatLevel >= 6;
  const size =
    header + // of the slot
    4 + // its attributes
    header + // of the object
    encode(TPMT_PUBLIC_NULLABLE, object.publicArea).length +
    (object.sensitive === undefined ? 6 : encode(TPMT_SENSITIVE, object.sensitive).length) +
    block +
    exponentSize(object, version4) +
    encode(TPM2B_NAME, object.qualifiedName).length +
    HANDLE_SIZE +
    encode(TPM2B_NAME, object.name).length +
    block +
    1 + // level of the seed
    block +
    (version4 ? HANDLE_SIZE : 0);
  return size + block;
}

/** The private exponent: one prime, two exponents and a coefficient, each in 64-bit words. */
function exponentSize(object: OBJECT, onlyRsa: boolean): number {
  const [header, block] = [8, 3];
  const { sensitive } = object;
  const prime = sensitive?.sensitiveType === TPM_ALG.RSA ? Math.ceil(sensitive.sensitive.length / 8) * 8 : 0;
  if (onlyRsa && prime === 0) return 0;
  return header + 4 * (header + 2 + prime + block) + block;
}

const isCounter = (attributes: number): boolean => TPMA_NV.get(attributes, "TPM_NT") === TPM_NT.COUNTER;

/** How full the NV memory is. */
export class NvSpace {
  readonly #nv: NvState;

  constructor(nv: NvState) {
    this.#nv = nv;
  }

  /** Whether an Index fits, leaving what is reserved for persistent objects and counters. */
  hasRoomForIndex(publicArea: NV_INDEX["publicArea"], inRam: ReadonlyMap<number, ORDERLY_INDEX>): boolean {
    const { attributes, dataSize } = publicArea;
    const reserved = this.#reservedForObjects() + (isCounter(attributes) ? 0 : this.#reservedForCounters());
    if (!this.#hasRoom(indexSize(publicArea), reserved)) return false;
    return !TPMA_NV.has(attributes, "ORDERLY") || this.#ramFree(inRam) >= RAM_ENTRY_HEADER + dataSize;
  }

  /** Whether a persistent object fits, leaving what is reserved for counters. */
  hasRoomForObject(object: OBJECT): boolean {
    return this.#hasRoom(objectSize(this.#nv.profile, object), this.#reservedForCounters());
  }

  #hasRoom(size: number, reservedForOthers: number): boolean {
    return size + ENTRY_SIZE + TERMINATOR + reservedForOthers <= this.#free();
  }

  counters(): number {
    let count = 0;
    for (const { publicArea } of this.#nv.indices.values()) if (isCounter(publicArea.attributes)) count++;
    return count;
  }

  /** How many more persistent objects surely fit. */
  persistentAvailable(): number {
    return this.#roomsOf(OBJECT_ROOM, this.#reservedForCounters());
  }

  /** How many more counters surely fit, in NV and, would they be orderly, in RAM. */
  countersAvailable(inRam: ReadonlyMap<number, ORDERLY_INDEX>): number {
    const inNv = this.#roomsOf(COUNTER_SIZE, this.#reservedForObjects());
    return Math.min(inNv, Math.floor(this.#ramFree(inRam) / RAM_COUNTER_SIZE));
  }

  /** The terminator counts only where something is reserved, as in libtpms. */
  #roomsOf(size: number, reserved: number): number {
    const free = this.#free() - (reserved === 0 ? 0 : TERMINATOR + reserved);
    return Math.floor(Math.max(0, free) / size);
  }

  #reservedForObjects(): number {
    const { profile, objects } = this.#nv;
    return Math.max(0, profile.limit("MIN_EVICT_OBJECTS") - objects.size) * OBJECT_ROOM;
  }

  #reservedForCounters(): number {
    return Math.max(0, this.#nv.profile.limit("MIN_COUNTER_INDICES") - this.counters()) * COUNTER_SIZE;
  }

  #free(): number {
    const { profile, indices, objects } = this.#nv;
    let used = FIXED_PART;
    for (const { publicArea } of indices.values()) used += ENTRY_SIZE + indexSize(publicArea);
    for (const object of objects.values()) used += ENTRY_SIZE + objectSize(profile, object);
    return profile.limit("NV_MEMORY_SIZE") - used;
  }

  #ramFree(inRam: ReadonlyMap<number, ORDERLY_INDEX>): number {
    let used = 0;
    for (const { data } of inRam.values()) used += RAM_ENTRY_HEADER + data.length;
    return this.#nv.profile.limit("RAM_INDEX_SPACE") - used;
  }
}
