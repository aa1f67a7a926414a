import type { Engine } from "../engine.ts";
import { TPMA_OBJECT } from "../spec/attributes.ts";
import { HANDLE, handleTypeOf, TPM_HT } from "../spec/handles.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import type { TPMI_RH_HIERARCHY_NULLABLE } from "../spec/structures/index.ts";
import { TpmError } from "../spec/tpm-error.ts";
import { type ANY_OBJECT, type KEY_SLOT, OBJECT_ATTRIBUTES, type SEQUENCE_SLOT, SLOT } from "../state/object.ts";
import { Hierarchies } from "./hierarchies.ts";
import { hierarchyParts } from "./limited-hierarchies.ts";

const MAX_LOADED_OBJECTS = 3;

/** Objects in transient slots and, looked up in the same way, persistent ones. @spec Part 1, "Transient Objects" */
export class Objects {
  readonly #tpm: Engine;
  /** Slots that persistent objects take while one command uses them: reported handles depend on it. */
  readonly #borrowed = new Set<number>();

  constructor(tpm: Engine) {
    this.#tpm = tpm;
  }

  isTransient(handle: number): boolean {
    return handleTypeOf(handle) === TPM_HT.TRANSIENT;
  }

  /** Whether the handle is of an object, transient or persistent, and not of a hierarchy. */
  isObject(handle: number): boolean {
    const type = handleTypeOf(handle);
    return type === TPM_HT.TRANSIENT || type === TPM_HT.PERSISTENT;
  }

  /** What the handle refers to, or `undefined`. */
  find(handle: number): ANY_OBJECT | undefined {
    if (this.isTransient(handle)) return this.#tpm.ram.objects.get(handle);
    const object = this.#tpm.state.nv.objects.get(handle);
    return object === undefined ? undefined : { kind: SLOT.KEY, ...object };
  }

  /** What the handle refers to; whoever calls has made sure that it is present. */
  get(handle: number): ANY_OBJECT {
    const object = this.find(handle);
    if (object === undefined) throw new RangeError(`object 0x${handle.toString(16)} is not present`);
    return object;
  }

  /** The key or data object, or `undefined` for a sequence. */
  findKey(handle: number): KEY_SLOT | undefined {
    const object = this.get(handle);
    return object.kind === SLOT.KEY ? object : undefined;
  }

  /** The sequence object, or `undefined` for a key. */
  findSequence(handle: number): SEQUENCE_SLOT | undefined {
    const object = this.get(handle);
    return object.kind === SLOT.SEQUENCE ? object : undefined;
  }

  /** Lets a persistent object take a slot until the next command. */
  borrowSlot(): void {
    this.#borrowed.add(this.#freeHandle());
  }

  /** Called before each command. */
  returnSlots(): void {
    if (this.#borrowed.size > 0) this.#borrowed.clear();
  }

  /** Makes sure that an object can be added later. @rc OBJECT_MEMORY  no slot is free */
  requireFreeSlot(): void {
    if (!this.hasFreeSlot()) throw new TpmError(TPM_RC.OBJECT_MEMORY);
  }

  hasFreeSlot(): boolean {
    return this.freeSlots() > 0;
  }

  freeSlots(): number {
    return MAX_LOADED_OBJECTS - this.#tpm.ram.objects.size - this.#borrowed.size;
  }

  #freeHandle(): number {
    for (let slot = 0; slot < MAX_LOADED_OBJECTS; slot++) {
      const handle = HANDLE.TRANSIENT_FIRST + slot;
      if (!this.#tpm.ram.objects.has(handle) && !this.#borrowed.has(handle)) return handle;
    }
    throw new TpmError(TPM_RC.OBJECT_MEMORY);
  }

  /** Puts an object into the first free slot and returns its handle. @rc OBJECT_MEMORY  no slot is free */
  add(object: ANY_OBJECT): number {
    const handle = this.#freeHandle();
    this.replace(handle, object);
    return handle;
  }

  /** Exchanges what is in a transient slot. */
  replace(handle: number, object: ANY_OBJECT): void {
    this.#tpm.changeRam({ objects: new Map(this.#tpm.ram.objects).set(handle, object) });
  }

  /** Empties a transient slot. */
  flush(handle: number): void {
    const objects = new Map(this.#tpm.ram.objects);
    objects.delete(handle);
    this.#tpm.changeRam({ objects });
  }

  /** Empties the slots of all objects of a hierarchy. */
  flushHierarchy(hierarchy: number): void {
    const objects = new Map(this.#tpm.ram.objects);
    for (const [handle, { attributes }] of objects) {
      if (Hierarchies.ofObject(attributes) === hierarchy) objects.delete(handle);
    }
    this.#tpm.changeRam({ objects });
  }

  /** Keeps a copy of an object in NV. @rc NV_SPACE  there is no room */
  makePersistent(handle: number, { kind: _, ...object }: KEY_SLOT): void {
    const tpm = this.#tpm;
    const evict = { ...object, attributes: OBJECT_ATTRIBUTES.with(object.attributes, { evict: true }) };
    if (!tpm.nv.space().hasRoomForObject(evict)) throw new TpmError(TPM_RC.NV_SPACE);
    tpm.changeNv({ objects: new Map(tpm.state.nv.objects).set(handle, evict) });
  }

  /** Removes an object from NV. */
  removePersistent(handle: number): void {
    const objects = new Map(this.#tpm.state.nv.objects);
    objects.delete(handle);
    this.#tpm.changeNv({ objects });
  }

  /** At Startup no transient object is left. */
  startup(): void {
    this.#tpm.changeRam({ objects: new Map() });
  }

  /** Sequences are never protected from dictionary attack. */
  isDaExempt(handle: number): boolean {
    const object = this.get(handle);
    return object.kind === SLOT.SEQUENCE || TPMA_OBJECT.has(object.publicArea.objectAttributes, "noDA");
  }

  hierarchyOf(handle: number): TPMI_RH_HIERARCHY_NULLABLE {
    const object = this.get(handle);
    const isLimited = object.kind === SLOT.KEY && hierarchyParts(object.hierarchy).limit !== undefined;
    return isLimited ? object.hierarchy : Hierarchies.ofObject(object.attributes);
  }

  /** Whether the object can have children: a storage key. */
  isParent(object: ANY_OBJECT): boolean {
    return OBJECT_ATTRIBUTES.has(object.attributes, "isParent");
  }
}
