import { type Bytes, concatBytes, decode, EMPTY, encode, equalBytes, UINT64 } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { uint16 } from "../integer-bytes.ts";
import { TPMA_NV } from "../spec/attributes.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_NT } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import { TPMS_NV_PIN_COUNTER_PARAMETERS, TPMT_NV_PUBLIC_2 } from "../spec/structures/index.ts";
import { TpmError } from "../spec/tpm-error.ts";
import { ORDERLY } from "../state/data.ts";
import type { NV_INDEX, NV_PUBLIC_AREA, ORDERLY_INDEX } from "../state/nv-index.ts";
import type { StartupKind } from "../state/startup-kind.ts";
import { hashNameOf } from "./hash-algorithms.ts";
import { Hierarchies } from "./hierarchies.ts";
import { publicAreaToPublic2 } from "./nv-public.ts";
import { NvSpace } from "./nv-space.ts";

/** Memory that nobody has written to. */
const ERASED = 0xff;
/** Orderly counters are saved whenever they pass a multiple of 2^8; after a power cut they go on from the next one. */
const ORDERLY_COUNT = 256n;

/** Commands that a write authorization allows; all others read. */
const WRITE_COMMANDS: readonly number[] = [
  TPM_CC.NV_Write,
  TPM_CC.NV_Increment,
  TPM_CC.NV_SetBits,
  TPM_CC.NV_Extend,
  TPM_CC.NV_WriteLock,
];

/** The kind of an Index: a `TPM_NT`. */
export const typeOfIndex = (attributes: number): number => TPMA_NV.get(attributes, "TPM_NT");

const isOrderlyIndex = (attributes: number): boolean => TPMA_NV.has(attributes, "ORDERLY");

/**
 * NV Indices. The data and attributes of an orderly Index live in RAM and reach NV only when the TPM is shut down or a
 * counter says so.
 *
 * @spec Part 1, "NV Memory"
 */
export class Nv {
  readonly #tpm: Engine;
  /** Names worked out already; a public area that changes is another object. */
  readonly #names = new WeakMap<NV_PUBLIC_AREA, Bytes>();

  constructor(tpm: Engine) {
    this.#tpm = tpm;
  }

  /** The Index as it is now, or `undefined`. */
  find(handle: number): NV_INDEX | undefined {
    const index = this.#tpm.state.nv.indices.get(handle);
    if (index === undefined || !isOrderlyIndex(index.publicArea.attributes)) return index;
    const { attributes, data } = this.#orderlyPart(handle);
    return { ...index, publicArea: { ...index.publicArea, attributes }, data };
  }

  /** The Index as it is now; whoever calls has made sure that it is defined. */
  get(handle: number): NV_INDEX {
    const index = this.find(handle);
    if (index === undefined) throw new RangeError(`NV Index 0x${handle.toString(16)} is not defined`);
    return index;
  }

  #orderlyPart(handle: number): ORDERLY_INDEX {
    const part = this.#tpm.ram.orderlyIndices.get(handle);
    if (part === undefined) throw new RangeError(`orderly NV Index 0x${handle.toString(16)} is not in RAM`);
    return part;
  }

  /** Handles of all Indices, ascending. */
  handles(): number[] {
    return [...this.#tpm.state.nv.indices.keys()].sort((a, b) => a - b);
  }

  /** Whether the Index is defined and its hierarchy enabled. */
  isAccessible(handle: number): boolean {
    const { stateClear } = this.#tpm;
    const index = this.find(handle);
    if (index === undefined) return false;
    const enabled = TPMA_NV.has(index.publicArea.attributes, "PLATFORMCREATE")
      ? stateClear.phEnableNV
      : stateClear.shEnable;
    return enabled === 1;
  }

  /** The Name; empty for what is not defined. @spec Part 1, "Names" */
  nameOf(handle: number): Bytes {
    const index = this.find(handle);
    if (index === undefined) return EMPTY;
    const { publicArea } = index;
    const known = this.#names.get(publicArea);
    if (known !== undefined) {
      this.#tpm.countAsTested(publicArea.nameAlg);
      return known;
    }
    const digest = this.#tpm.crypto.hash(hashNameOf(publicArea.nameAlg), namedBytes(publicArea));
    const name = concatBytes(uint16(publicArea.nameAlg), digest);
    this.#names.set(publicArea, name);
    return name;
  }

  /** Whether a command writes to an Index, so that the authorizations for writing count. */
  isWriteCommand(commandCode: number): boolean {
    return WRITE_COMMANDS.includes(commandCode);
  }

  /** Whether the authValue of the Index may authorize the command. */
  isAuthValueAvailable(handle: number, commandCode: number): boolean {
    const { publicArea, data } = this.get(handle);
    const { attributes } = publicArea;
    if (this.isWriteCommand(commandCode)) return TPMA_NV.has(attributes, "AUTHWRITE");
    if (!isPin(attributes)) return TPMA_NV.has(attributes, "AUTHREAD");
    if (!TPMA_NV.has(attributes, "WRITTEN")) return false;
    const { pinCount, pinLimit } = decode(TPMS_NV_PIN_COUNTER_PARAMETERS, data);
    return pinCount < pinLimit;
  }

  /** Counts a use of a PIN Index: PIN Fail its failures in a row, PIN Pass its successes. */
  countPin(handle: number, success: boolean): void {
    const { publicArea, data } = this.get(handle);
    const { attributes } = publicArea;
    const type = typeOfIndex(attributes);
    if (!isPin(attributes) || !TPMA_NV.has(attributes, "WRITTEN")) return;
    if (type === TPM_NT.PIN_PASS && !success) return;
    const pin = decode(TPMS_NV_PIN_COUNTER_PARAMETERS, data);
    const pinCount = type === TPM_NT.PIN_FAIL && success ? 0 : (pin.pinCount + 1) % 2 ** 32;
    this.write(handle, 0, encode(TPMS_NV_PIN_COUNTER_PARAMETERS, { ...pin, pinCount }));
  }

  /** Whether the handle is an Index that counts uses of its authValue. */
  isPin(handle: number): boolean {
    const index = this.find(handle);
    return index !== undefined && isPin(index.publicArea.attributes);
  }

  /** Whether the handle is an Index that counts successful uses of its authValue. */
  isPinPass(handle: number): boolean {
    const index = this.find(handle);
    return index !== undefined && typeOfIndex(index.publicArea.attributes) === TPM_NT.PIN_PASS;
  }

  /**
   * The Index, to be read with the authorization of `authHandle`.
   *
   * @rc NV_LOCKED         the Index is locked for reading
   * @rc NV_AUTHORIZATION  who authorizes may not read it
   * @rc NV_UNINITIALIZED  nothing has been written yet
   */
  forRead(nvIndex: number, authHandle: number): NV_INDEX {
    const index = this.get(nvIndex);
    const { attributes } = index.publicArea;
    if (TPMA_NV.has(attributes, "READLOCKED")) throw new TpmError(TPM_RC.NV_LOCKED);
    checkAuthority(authHandle, nvIndex, attributes, "OWNERREAD", "PPREAD");
    if (!TPMA_NV.has(attributes, "WRITTEN")) throw new TpmError(TPM_RC.NV_UNINITIALIZED);
    return index;
  }

  /**
   * The Index, to be written with the authorization of `authHandle`.
   *
   * @rc NV_LOCKED         the Index is locked for writing
   * @rc NV_AUTHORIZATION  who authorizes may not write it
   */
  forWrite(nvIndex: number, authHandle: number): NV_INDEX {
    const index = this.get(nvIndex);
    const { attributes } = index.publicArea;
    if (TPMA_NV.has(attributes, "WRITELOCKED")) throw new TpmError(TPM_RC.NV_LOCKED);
    checkAuthority(authHandle, nvIndex, attributes, "OWNERWRITE", "PPWRITE");
    return index;
  }

  /** Writes to the Index, which counts as written from then on. What the first write leaves out is filled. */
  write(handle: number, offset: number, bytes: Bytes): void {
    const { publicArea, data: old } = this.get(handle);
    const { attributes } = publicArea;
    const orderly = isOrderlyIndex(attributes);
    const data = old.slice();
    if (!TPMA_NV.has(attributes, "WRITTEN") && typeOfIndex(attributes) === TPM_NT.ORDINARY) {
      data.fill(orderly ? 0 : ERASED);
    }
    data.set(bytes, offset);
    const written = TPMA_NV.with(attributes, { WRITTEN: true });
    if (orderly) {
      this.#changeOrderly(handle, { attributes: written, data });
      // A counter must not come back with a value that it has had before.
      if (typeOfIndex(attributes) === TPM_NT.COUNTER && written !== attributes) this.storeOrderly();
      this.#tpm.clearOrderly();
    } else if (written !== attributes || !equalBytes(data, old)) {
      this.#change(handle, { publicArea: { ...publicArea, attributes: written }, data });
    }
  }

  /** The 64 bits of a counter or a bit field; 0 while nothing has been written. */
  readUint64(handle: number): bigint {
    const { publicArea, data } = this.get(handle);
    return TPMA_NV.has(publicArea.attributes, "WRITTEN") ? decode(UINT64, data) : 0n;
  }

  /** Adds one to a counter; a new one continues behind every counter that was ever deleted. */
  increment(handle: number): void {
    const { attributes } = this.get(handle).publicArea;
    const start = TPMA_NV.has(attributes, "WRITTEN") ? this.readUint64(handle) : this.#tpm.persistent.maxCounter;
    const count = BigInt.asUintN(64, start + 1n);
    this.write(handle, 0, encode(UINT64, count));
    if (isOrderlyIndex(attributes) && count % ORDERLY_COUNT === 0n) this.storeOrderly();
  }

  setAttributes(handle: number, attributes: number): void {
    const { publicArea, data } = this.get(handle);
    if (attributes === publicArea.attributes) return;
    if (isOrderlyIndex(attributes)) this.#changeOrderly(handle, { attributes, data });
    else this.#change(handle, { publicArea: { ...publicArea, attributes } });
  }

  setAuthValue(handle: number, authValue: Bytes): void {
    if (equalBytes(this.get(handle).authValue, authValue)) return;
    this.#change(handle, { authValue });
  }

  /**
   * Makes a new Index behind the existing ones.
   *
   * @rc NV_SPACE  there is no room for it
   */
  define(publicArea: NV_PUBLIC_AREA, authValue: Bytes): void {
    const tpm = this.#tpm;
    if (!this.space().hasRoomForIndex(publicArea, tpm.ram.orderlyIndices)) throw new TpmError(TPM_RC.NV_SPACE);
    const orderly = isOrderlyIndex(publicArea.attributes);
    const data = new Uint8Array(publicArea.dataSize);
    const index: NV_INDEX = { publicArea, authValue, data: orderly ? EMPTY : data };
    tpm.changeNv({ indices: new Map(tpm.state.nv.indices).set(publicArea.nvIndex, index) });
    if (!orderly) return;
    this.#changeOrderly(publicArea.nvIndex, { attributes: publicArea.attributes, data });
    this.storeOrderly();
  }

  /** Removes an Index; the values that its counter has had are not used again. */
  delete(handle: number): void {
    const { attributes } = this.get(handle).publicArea;
    if (typeOfIndex(attributes) === TPM_NT.COUNTER) this.#retire(this.readUint64(handle));
    this.#remove(handle);
  }

  #retire(count: bigint): void {
    if (count > this.#tpm.persistent.maxCounter) this.#tpm.changePersistent({ maxCounter: count });
  }

  #remove(handle: number): void {
    const tpm = this.#tpm;
    const indices = new Map(tpm.state.nv.indices);
    indices.delete(handle);
    tpm.changeNv({ indices });
    if (!tpm.ram.orderlyIndices.has(handle)) return;
    const orderlyIndices = new Map(tpm.ram.orderlyIndices);
    orderlyIndices.delete(handle);
    tpm.changeRam({ orderlyIndices });
    this.storeOrderly();
  }

  /** Deletes the persistent objects of a hierarchy and, with the owner's, all Indices that the owner may delete. */
  flushHierarchy(hierarchy: number): void {
    const tpm = this.#tpm;
    if (hierarchy === TPM_RH.OWNER) {
      for (const [handle, { publicArea, data }] of tpm.state.nv.indices) {
        if (TPMA_NV.has(publicArea.attributes, "PLATFORMCREATE")) continue;
        // Only the part in NV is looked at, as in the reference: there an orderly counter is never written.
        const counts = typeOfIndex(publicArea.attributes) === TPM_NT.COUNTER;
        if (counts && TPMA_NV.has(publicArea.attributes, "WRITTEN")) this.#retire(decode(UINT64, data));
        this.#remove(handle);
      }
    }
    const kept = [...tpm.state.nv.objects].filter(([, object]) => !belongsTo(object.attributes, hierarchy));
    if (kept.length !== tpm.state.nv.objects.size) tpm.changeNv({ objects: new Map(kept) });
  }

  /** Locks every Index that asks for it against writing. @spec Part 3, "TPM2_NV_GlobalWriteLock" */
  lockGlobally(): void {
    for (const handle of this.handles()) {
      const { attributes } = this.get(handle).publicArea;
      if (TPMA_NV.has(attributes, "GLOBALLOCK")) {
        this.setAttributes(handle, TPMA_NV.with(attributes, { WRITELOCKED: true }));
      }
    }
  }

  /** At Startup: locks open, what was only for one boot is unwritten, and counters jump over values they may have had. */
  startup(kind: StartupKind): void {
    const tpm = this.#tpm;
    tpm.changeRam({ orderlyIndices: tpm.state.nv.orderlyIndices });
    if (kind === "resume") return;
    const cutOff = tpm.ram.prevOrderlyState === ORDERLY.NONE;
    for (const handle of this.handles()) {
      this.setAttributes(handle, startupAttributes(this.get(handle).publicArea.attributes, kind === "reset"));
      const { publicArea, data } = this.get(handle);
      const { attributes } = publicArea;
      if (!cutOff || !isOrderlyIndex(attributes) || typeOfIndex(attributes) !== TPM_NT.COUNTER) continue;
      const count = decode(UINT64, data);
      const jumped = count - (count % ORDERLY_COUNT) + ORDERLY_COUNT - 1n;
      this.#changeOrderly(handle, { attributes, data: encode(UINT64, jumped) });
    }
  }

  /** Brings the orderly Indices from RAM to NV. */
  storeOrderly(): void {
    const { state, ram } = this.#tpm;
    if (state.nv.orderlyIndices !== ram.orderlyIndices) this.#tpm.changeNv({ orderlyIndices: ram.orderlyIndices });
  }

  /** How full the memory is. */
  space(): NvSpace {
    return new NvSpace(this.#tpm.state.nv);
  }

  #change(handle: number, changes: Partial<NV_INDEX>): void {
    const { indices } = this.#tpm.state.nv;
    const index = indices.get(handle);
    if (index === undefined) throw new RangeError(`NV Index 0x${handle.toString(16)} is not defined`);
    this.#tpm.changeNv({ indices: new Map(indices).set(handle, { ...index, ...changes }) });
  }

  #changeOrderly(handle: number, part: ORDERLY_INDEX): void {
    this.#tpm.changeRam({ orderlyIndices: new Map(this.#tpm.ram.orderlyIndices).set(handle, part) });
  }
}

/** What the Name is the digest of: the public area without the type of handle in front, which the handle tells again. */
const namedBytes = (publicArea: NV_PUBLIC_AREA): Bytes =>
  encode(TPMT_NV_PUBLIC_2, publicAreaToPublic2(publicArea)).slice(1);

function isPin(attributes: number): boolean {
  const type = typeOfIndex(attributes);
  return type === TPM_NT.PIN_FAIL || type === TPM_NT.PIN_PASS;
}

function belongsTo(objectAttributes: number, hierarchy: number): boolean {
  return Hierarchies.ofObject(objectAttributes) === hierarchy;
}

type Authority = "OWNERREAD" | "OWNERWRITE" | "PPREAD" | "PPWRITE";

function checkAuthority(
  authHandle: number,
  nvIndex: number,
  attributes: number,
  owner: Authority,
  platform: Authority,
): void {
  let allowed = authHandle === nvIndex;
  if (authHandle === TPM_RH.OWNER) allowed = TPMA_NV.has(attributes, owner);
  if (authHandle === TPM_RH.PLATFORM) allowed = TPMA_NV.has(attributes, platform);
  if (!allowed) throw new TpmError(TPM_RC.NV_AUTHORIZATION);
}

function startupAttributes(attributes: number, reset: boolean): number {
  let result = TPMA_NV.with(attributes, { READLOCKED: false });
  const forgets = TPMA_NV.has(result, "CLEAR_STCLEAR") || (reset && isOrderlyIndex(result));
  if (forgets && typeOfIndex(result) !== TPM_NT.COUNTER) result = TPMA_NV.with(result, { WRITTEN: false });
  const staysLocked = TPMA_NV.has(result, "WRITTEN") && TPMA_NV.has(result, "WRITEDEFINE");
  return staysLocked ? result : TPMA_NV.with(result, { WRITELOCKED: false });
}
