import { bits, type Codec, changed, checked, EMPTY, type TypeOf, UINT32, versioned } from "@vtpm/wire";
import { TPM_ALG } from "../spec/constants.ts";
import { TPMI_RH_HIERARCHY_NULLABLE } from "../spec/structures/index.ts";
import {
  type KEY_SLOT,
  OBJECT_ATTRIBUTES,
  type SEQUENCE_SLOT,
  SLOT,
  type ANY_OBJECT as Slot,
} from "../state/object.ts";
import { Hierarchies } from "../subsystems/hierarchies.ts";
import { paddedAuth } from "../subsystems/keys/auth-size.ts";
import { BEYOND_LIBTPMS } from "./beyond.ts";
import { hashObjectOf, isExpressible, OTHER_SEQUENCE, type SEQUENCE } from "./hash-object.ts";
import { FIRST_WITH_HIERARCHY, OBJECT } from "./object.ts";
import { exponentOf, isWorkedOut, NO_EXPONENT } from "./private-exponent.ts";

/** What libtpms notes of a slot beside the attributes of what is in it. */
const SLOT_ATTRIBUTES = bits("slot attributes", UINT32, { privateExp: 14, occupied: 15 }, "kept");

const NO_SLOT_ATTRIBUTES = { privateExp: false, occupied: false };

/** The content of a slot. */
export interface SlotContent {
  /** The attributes of what is in the slot; of an empty one what was left of them. */
  readonly attributes: number;
  /** Whether the private exponent of an RSA key has been worked out. */
  readonly privateExp: boolean;
  readonly object?: OBJECT;
  readonly sequence?: SEQUENCE;
}

const isSequence = (attributes: number): boolean =>
  (["hmacSeq", "hashSeq", "eventSeq"] as const).some((name) => OBJECT_ATTRIBUTES.has(attributes, name));

function contentWith(sequenceOf: (attributes: number) => Codec<SEQUENCE>): Codec<SlotContent> {
  return {
    name: "content",
    shape: { kind: "foreign" },
    read(reader) {
      const start = reader.offset;
      const word = reader.part("attributes", SLOT_ATTRIBUTES);
      const attributes = SLOT_ATTRIBUTES.with(word, NO_SLOT_ATTRIBUTES);
      if (!SLOT_ATTRIBUTES.has(word, "occupied")) return { attributes: word, privateExp: false };
      if (OBJECT_ATTRIBUTES.reserved(attributes) !== 0) {
        throw reader.refuse("RESERVED_BITS", `0x${word.toString(16)} has bits that no object has`, start);
      }
      const privateExp = SLOT_ATTRIBUTES.has(word, "privateExp");
      return isSequence(attributes)
        ? { attributes, privateExp, sequence: reader.part("sequence", sequenceOf(attributes)) }
        : { attributes, privateExp, object: reader.part("object", OBJECT) };
    },
    write(writer, { attributes, privateExp, object, sequence }) {
      const occupied = object !== undefined || sequence !== undefined;
      SLOT_ATTRIBUTES.write(writer, occupied ? SLOT_ATTRIBUTES.with(attributes, { occupied, privateExp }) : attributes);
      if (object !== undefined) OBJECT.write(writer, object);
      if (sequence !== undefined) sequenceOf(attributes).write(writer, sequence);
    },
    text: () => "",
  };
}

const HEADER = { version: 2, minVersion: 1, later: EMPTY };
const BEYOND_HEADER = { version: BEYOND_LIBTPMS, minVersion: BEYOND_LIBTPMS, later: EMPTY };

const LAYOUT = versioned(
  "ANY_OBJECT",
  { magic: 0xfe9a3974, newest: 2, beyond: BEYOND_LIBTPMS },
  {
    content: changed(
      contentWith(hashObjectOf),
      BEYOND_LIBTPMS,
      contentWith(() => OTHER_SEQUENCE),
    ),
  },
);

/** A slot for an object, or an object that is kept elsewhere in the same way. */
export const ANY_OBJECT = checked(LAYOUT, (slot) => {
  const { version, minVersion, later, content } = slot;
  const header = version === BEYOND_LIBTPMS ? BEYOND_HEADER : HEADER;
  // What a later version adds could not be kept: the object may be another one when the image is written again.
  if (version !== header.version || minVersion !== header.minVersion || later?.length !== 0) {
    return `a slot of version ${version} for readers of ${minVersion} is not known`;
  }
  if (content.object !== undefined && content.object.later?.length !== 0) {
    return "the object ends with something unknown";
  }
  const { object, privateExp } = content;
  return isWorkedOut(object?.privateExponent ?? NO_EXPONENT) !== privateExp
    ? "the slot does not say whether the private exponent is there"
    : undefined;
});
export type ANY_OBJECT = TypeOf<typeof ANY_OBJECT>;

/** A slot with nothing in it. */
export const emptySlot = (attributes = 0): ANY_OBJECT => ({ ...HEADER, content: { attributes, privateExp: false } });

/** Which version of OBJECT an object has. */
export type ObjectHeader = Pick<OBJECT, "version" | "minVersion">;

/** How an object is written. */
export interface ObjectForm {
  /** Of OBJECT. */
  readonly header: ObjectHeader;
  /** Of a persistent object. */
  readonly evictHandle?: number;
  /** Leaves out what libtpms has not worked out yet. */
  readonly withoutExponent?: boolean;
}

/** The version that libtpms writes for a state format level. */
export const objectHeaderOf = (level: number): ObjectHeader =>
  level < 6 ? { version: 3, minVersion: 3 } : { version: 4, minVersion: 4 };

/** The image of what is in a slot. */
export function slotToImage(slot: Slot, form: ObjectForm): ANY_OBJECT {
  return slot.kind === SLOT.KEY ? keyToImage(slot, form) : sequenceToImage(slot);
}

function keyToImage(
  { attributes, publicArea, sensitive, name, qualifiedName, hierarchy, seedCompatLevel }: Omit<KEY_SLOT, "kind">,
  { header, evictHandle = 0, withoutExponent = false }: ObjectForm,
): ANY_OBJECT {
  const { version, minVersion } = header;
  const isRsaKey = sensitive?.sensitiveType === TPM_ALG.RSA;
  const privateExp = isRsaKey && !withoutExponent;
  const exponent = privateExp ? exponentOf({ publicArea, sensitive }) : NO_EXPONENT;
  if (exponent === undefined) throw new RangeError("the prime of an RSA key does not divide its modulus");
  const authValue = sensitive === undefined ? undefined : paddedAuth(sensitive.authValue, publicArea.nameAlg);
  const object: OBJECT = {
    version,
    minVersion,
    later: EMPTY,
    publicArea,
    sensitive: sensitive && { ...sensitive, authValue: authValue ?? sensitive.authValue },
    privateExponent: isRsaKey || version < FIRST_WITH_HIERARCHY ? exponent : undefined,
    qualifiedName,
    evictHandle,
    name,
    seedCompatLevel,
    hierarchy: version < FIRST_WITH_HIERARCHY ? undefined : checkedHierarchy(hierarchy),
  };
  return { ...HEADER, content: { attributes, privateExp, object } };
}

function checkedHierarchy(handle: number): TPMI_RH_HIERARCHY_NULLABLE {
  const isHierarchy: boolean = TPMI_RH_HIERARCHY_NULLABLE.includes(handle);
  if (!isHierarchy) throw new RangeError(`0x${handle.toString(16)} is no hierarchy`);
  return handle;
}

function sequenceToImage({ kind: _, attributes, ...sequence }: SEQUENCE_SLOT): ANY_OBJECT {
  const header = isExpressible(sequence) ? HEADER : BEYOND_HEADER;
  return { ...header, content: { attributes, privateExp: false, sequence } };
}

/** What an image says is in a slot; `undefined`: nothing. */
export function slotFromImage({ content }: ANY_OBJECT): Slot | undefined {
  const { attributes, object, sequence } = content;
  if (sequence !== undefined) return { kind: SLOT.SEQUENCE, attributes, ...sequence };
  if (object === undefined) return undefined;
  const { publicArea, sensitive, name, qualifiedName, hierarchy, seedCompatLevel = 0 } = object;
  return {
    kind: SLOT.KEY,
    attributes,
    publicArea,
    sensitive,
    name,
    qualifiedName,
    hierarchy: hierarchy ?? Hierarchies.ofObject(attributes),
    seedCompatLevel,
  };
}

/** Whether libtpms has not used the RSA key yet, so that its private exponent is not there. */
export function isUnusedRsaKey({ content: { object, privateExp } }: ANY_OBJECT): boolean {
  return object?.sensitive?.sensitiveType === TPM_ALG.RSA && !privateExp;
}
