import { type Bytes, concatBytes, EMPTY, equalBytes, xorBytes } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPM_SE } from "../spec/constants.ts";
import { HANDLE, handleTypeOf, TPM_RH } from "../spec/handles.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import type { TPMT_SYM_DEF_NULLABLE } from "../spec/structures/index.ts";
import { TpmError } from "../spec/tpm-error.ts";
import { lowBits, MAX_LOADED_SESSIONS, oldestSavedSession } from "../state/saved-sessions.ts";
import { type SESSION, SESSION_ATTRIBUTES } from "../state/session.ts";
import { digestSizeOf, hashNameOf } from "./hash-algorithms.ts";
import { kdfa } from "./kdfa.ts";

const MAX_ACTIVE_SESSIONS = 64;
/** The context array keeps 16 bits of each saved context's counter, in old states fewer. */
const WIDE_SLOT_MASK = 0xffff;
/** The reference's TPMU_NAME: room for the longest Name, rounded up to whole words, with the authValue folded into its end. */
const BOUND_ENTITY_SIZE = 68;

/** What TPM2_StartAuthSession asks for. */
export interface SessionRequest {
  readonly sessionType: number;
  readonly authHashAlg: number;
  readonly nonceCaller: Bytes;
  readonly symmetric: TPMT_SYM_DEF_NULLABLE;
  /** TPM_RH_NULL: unbound. */
  readonly bind: number;
  /** The decrypted salt; empty: unsalted. */
  readonly salt: Bytes;
}

/**
 * Loaded sessions and the tracking of saved ones.
 *
 * @spec Part 1, "Session Handles", "Context Management"
 */
export class Sessions {
  readonly #tpm: Engine;

  constructor(tpm: Engine) {
    this.#tpm = tpm;
  }

  /** The loaded session, or `undefined`. Both handle types name the same slots. */
  find(handle: number): SESSION | undefined {
    const entry = this.#tpm.stateReset.contextArray[indexOf(handle)];
    return entry === undefined || entry === 0 ? undefined : this.#tpm.ram.sessions.get(entry - 1);
  }

  /** The loaded session; whoever calls has checked that it is loaded. */
  get(handle: number): SESSION {
    const session = this.find(handle);
    if (session === undefined) throw new RangeError(`session 0x${handle.toString(16)} is not loaded`);
    return session;
  }

  /** Whether the session is active and its context saved outside. */
  isSaved(handle: number): boolean {
    return (this.#tpm.stateReset.contextArray[indexOf(handle)] ?? 0) > MAX_LOADED_SESSIONS;
  }

  change(handle: number, changes: Partial<SESSION>): void {
    this.#store(this.#slotOf(handle), { ...this.get(handle), ...changes });
  }

  /** Creates a session; the handle and its first nonceTPM. */
  create(request: SessionRequest): { readonly sessionHandle: number; readonly nonceTPM: Bytes } {
    const tpm = this.#tpm;
    const slot = this.#freeSlot();
    if (this.#freeSlots() === 1 && this.#oldestIsDue()) throw new TpmError(TPM_RC.CONTEXT_GAP);
    const index = tpm.stateReset.contextArray.indexOf(0);
    if (index < 0) throw new TpmError(TPM_RC.SESSION_HANDLES);
    const isPolicy = request.sessionType !== TPM_SE.HMAC;
    const nonceTPM = tpm.random(request.nonceCaller.length);
    const isDaBound = request.bind !== TPM_RH.NULL && !tpm.entities.isDaExempt(request.bind);
    const isBound = request.bind !== TPM_RH.NULL && !isPolicy;
    this.#track(index, slot + 1);
    this.#store(slot, {
      attributes: SESSION_ATTRIBUTES.of({
        isPolicy,
        isTrialPolicy: request.sessionType === TPM_SE.TRIAL,
        isBound,
        isDaBound,
        isLockoutBound: isDaBound && request.bind === TPM_RH.LOCKOUT,
      }),
      pcrCounter: 0,
      startTime: isPolicy ? tpm.ram.time : 0n,
      timeout: 0n,
      epoch: isPolicy ? tpm.persistent.timeEpoch : 0,
      commandCode: 0,
      authHashAlg: request.authHashAlg,
      commandLocality: 0,
      symmetric: request.symmetric,
      sessionKey: this.#sessionKey(request, nonceTPM),
      nonceTPM,
      tiedTo: isBound ? this.#boundEntity(request.bind) : EMPTY,
      digest: isPolicy ? new Uint8Array(digestSizeOf(request.authHashAlg)) : EMPTY,
    });
    return { sessionHandle: (isPolicy ? HANDLE.POLICY_SESSION_FIRST : HANDLE.HMAC_SESSION_FIRST) + index, nonceTPM };
  }

  /** @spec Part 1, "Session Key Creation" */
  #sessionKey({ authHashAlg, bind, salt, nonceCaller }: SessionRequest, nonceTPM: Bytes): Bytes {
    if (bind === TPM_RH.NULL && salt.length === 0) return EMPTY;
    const { entities } = this.#tpm;
    const key = concatBytes(bind === TPM_RH.NULL ? EMPTY : entities.authValueOf(bind), salt);
    return kdfa(this.#tpm, {
      hashAlg: hashNameOf(authHashAlg),
      key,
      label: "ATH",
      contextU: nonceTPM,
      contextV: nonceCaller,
      bits: 8 * digestSizeOf(authHashAlg),
    });
  }

  /** Whether the session is bound to the entity as it is now: with another authValue it no longer is. */
  isBoundTo(session: SESSION, handle: number): boolean {
    return (
      SESSION_ATTRIBUTES.has(session.attributes, "isBound") && equalBytes(session.tiedTo, this.#boundEntity(handle))
    );
  }

  #boundEntity(handle: number): Bytes {
    const { entities } = this.#tpm;
    const name = new Uint8Array(BOUND_ENTITY_SIZE);
    name.set(entities.nameOf(handle));
    const auth = entities.authValueOf(handle);
    const mask = new Uint8Array(BOUND_ENTITY_SIZE);
    mask.set(auth, BOUND_ENTITY_SIZE - auth.length);
    return xorBytes(name, mask);
  }

  /** Forgets what a policy session has been told; what it is bound to and when it started stay. */
  restartPolicy(handle: number): void {
    const session = this.get(handle);
    const keep = (name: "isTrialPolicy" | "isDaBound" | "isLockoutBound"): boolean =>
      SESSION_ATTRIBUTES.has(session.attributes, name);
    this.change(handle, {
      attributes: SESSION_ATTRIBUTES.of({
        isPolicy: true,
        isTrialPolicy: keep("isTrialPolicy"),
        isDaBound: keep("isDaBound"),
        isLockoutBound: keep("isLockoutBound"),
      }),
      commandCode: 0,
      commandLocality: 0,
      tiedTo: EMPTY,
      timeout: 0n,
      pcrCounter: 0,
      digest: new Uint8Array(session.digest.length),
    });
  }

  /** With the new nonce that follows its use, a policy session starts over, and its time too. */
  renewPolicy(handle: number): void {
    this.restartPolicy(handle);
    this.change(handle, { startTime: this.#tpm.ram.time, epoch: this.#tpm.persistent.timeEpoch });
  }

  /** Ends a loaded or saved session. */
  flush(handle: number): void {
    const index = indexOf(handle);
    const entry = this.#tpm.stateReset.contextArray[index] ?? 0;
    this.#track(index, 0);
    if (entry <= MAX_LOADED_SESSIONS) this.#store(entry - 1, undefined);
  }

  /**
   * Takes a session out of the TPM: its slot is free, its context counter remembered. Returns that counter.
   *
   * @rc CONTEXT_GAP        the oldest saved session would be confused with this one
   * @rc TOO_MANY_CONTEXTS  the counter has run out
   */
  save(handle: number): bigint {
    const tpm = this.#tpm;
    if (this.#oldestIsDue()) throw new TpmError(TPM_RC.CONTEXT_GAP);
    const contextID = tpm.stateReset.contextCounter;
    const slot = this.#slotOf(handle);
    let next = contextID + 1n;
    if (next > 0xffff_ffff_ffff_ffffn) throw new TpmError(TPM_RC.TOO_MANY_CONTEXTS);
    // The low bits must not look like the number of a slot.
    if (this.#lowBits(next) === 0) next += BigInt(MAX_LOADED_SESSIONS + 1);
    this.#track(indexOf(handle), this.#lowBits(contextID));
    tpm.changeStateReset({ contextCounter: next });
    this.#store(slot, undefined);
    return contextID;
  }

  /** Whether a saved context is the latest of its session. */
  isCurrent(handle: number, sequence: bigint): boolean {
    const { contextArray, contextCounter, contextSlotMask } = this.#tpm.stateReset;
    const entry = contextArray[indexOf(handle)] ?? 0;
    return (
      entry > MAX_LOADED_SESSIONS &&
      entry === this.#lowBits(sequence) &&
      sequence <= contextCounter &&
      contextCounter - sequence <= BigInt(contextSlotMask + 1)
    );
  }

  /**
   * Puts a saved session back.
   *
   * @rc SESSION_MEMORY  no slot is free
   * @rc CONTEXT_GAP     the last slot is kept for the oldest saved session, whose turn it is
   */
  load(handle: number, session: SESSION): void {
    const slot = this.#freeSlot();
    const index = indexOf(handle);
    if (this.#freeSlots() === 1 && this.#oldestIsDue() && this.#oldest() !== index) {
      throw new TpmError(TPM_RC.CONTEXT_GAP);
    }
    this.#track(index, slot + 1);
    this.#store(slot, session);
  }

  /** @spec Part 1, "Startup and Shutdown": after a Reset nothing is left, otherwise saved sessions are. */
  startup(reset: boolean): void {
    const tpm = this.#tpm;
    const kept = (entry: number): number => (reset || entry <= MAX_LOADED_SESSIONS ? 0 : entry);
    tpm.changeStateReset({ contextArray: tpm.stateReset.contextArray.map(kept) });
    if (reset) {
      tpm.changeStateReset({ contextCounter: BigInt(MAX_LOADED_SESSIONS + 1), contextSlotMask: WIDE_SLOT_MASK });
    }
    tpm.changeRam({ sessions: new Map(), exclusiveAuditSession: TPM_RH.UNASSIGNED });
  }

  /** Handles of all loaded sessions, ascending by their index. */
  loadedHandles(): number[] {
    return this.#handles((entry) => entry !== 0 && entry <= MAX_LOADED_SESSIONS).map((handle) => {
      const isPolicy = SESSION_ATTRIBUTES.has(this.get(handle).attributes, "isPolicy");
      return handle + (isPolicy ? HANDLE.POLICY_SESSION_FIRST - HANDLE.HMAC_SESSION_FIRST : 0);
    });
  }

  /** Handles of all saved sessions; the TPM no longer knows which of them are policy sessions. */
  savedHandles(): number[] {
    return this.#handles((entry) => entry > MAX_LOADED_SESSIONS);
  }

  /** How many sessions are loaded, can be loaded, are active, can become active. */
  counts(): {
    readonly loaded: number;
    readonly loadable: number;
    readonly active: number;
    readonly available: number;
  } {
    const active = this.#handles((entry) => entry !== 0).length;
    const loadable = this.#freeSlots();
    return { loaded: MAX_LOADED_SESSIONS - loadable, loadable, active, available: MAX_ACTIVE_SESSIONS - active };
  }

  #handles(includes: (entry: number) => boolean): number[] {
    return this.#tpm.stateReset.contextArray.flatMap((entry, i) =>
      includes(entry) ? [HANDLE.HMAC_SESSION_FIRST + i] : [],
    );
  }

  #slotOf(handle: number): number {
    const entry = this.#tpm.stateReset.contextArray[indexOf(handle)] ?? 0;
    if (entry === 0 || entry > MAX_LOADED_SESSIONS) {
      throw new RangeError(`session 0x${handle.toString(16)} is not loaded`);
    }
    return entry - 1;
  }

  #freeSlots(): number {
    return MAX_LOADED_SESSIONS - this.#tpm.ram.sessions.size;
  }

  #freeSlot(): number {
    for (let slot = 0; slot < MAX_LOADED_SESSIONS; slot++) if (!this.#tpm.ram.sessions.has(slot)) return slot;
    throw new TpmError(TPM_RC.SESSION_MEMORY);
  }

  /** Whether the counter has come round to the oldest saved context. */
  #oldestIsDue(): boolean {
    const { contextArray, contextCounter } = this.#tpm.stateReset;
    const oldest = this.#oldest();
    return oldest !== undefined && contextArray[oldest] === this.#lowBits(contextCounter);
  }

  #oldest(): number | undefined {
    return oldestSavedSession(this.#tpm.stateReset);
  }

  #lowBits(counter: bigint): number {
    return lowBits(counter, this.#tpm.stateReset);
  }

  #track(index: number, entry: number): void {
    const { contextArray } = this.#tpm.stateReset;
    this.#tpm.changeStateReset({ contextArray: contextArray.map((old, i) => (i === index ? entry : old)) });
  }

  #store(slot: number, session: SESSION | undefined): void {
    const sessions = new Map(this.#tpm.ram.sessions);
    if (session === undefined) sessions.delete(slot);
    else sessions.set(slot, session);
    this.#tpm.changeRam({ sessions });
  }
}

/** The session's place in the context array: its handle without the type. */
function indexOf(handle: number): number {
  return handle - handleTypeOf(handle) * 2 ** 24;
}
