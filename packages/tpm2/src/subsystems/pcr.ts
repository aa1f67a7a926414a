import { type Bytes, EMPTY } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import type { TPML_PCR_SELECTION } from "../spec/structures/index.ts";
import { OBJECT_ATTRIBUTES, SLOT } from "../state/object.ts";
import type { StartupKind } from "../state/startup-kind.ts";
import type { AuthPolicy } from "./entities.ts";
import { digestSizeOf, hashNameOf } from "./hash-algorithms.ts";
import {
  ALL_PCRS,
  attributesOfPcr,
  DRTM_PCR,
  HCRTM_PCR,
  hasLocality,
  isDynamic,
  PCR_COUNT,
  SAVED_PCRS,
} from "./pcr-attributes.ts";
import { hasPcr, pcrsOf, selectPcrs } from "./pcr-selection.ts";
import { finishHash, startHash, updateHash } from "./running-hash.ts";

const NO_POLICY: AuthPolicy = { hashAlg: TPM_ALG.NULL, policy: EMPTY };
/** TPM2_PCR_Read answers with at most so many digests. */
const MAX_DIGESTS = 8;

/** Platform Configuration Registers and the event sequence of a root of trust. @spec Part 1, "PCR Operations" */
export class Pcr {
  readonly #tpm: Engine;

  constructor(tpm: Engine) {
    this.#tpm = tpm;
  }

  // libtpms keeps a group for an authValue and one for a policy, but no PCR belongs to either.

  /** Whether the PCR belongs to the group that can have an authValue. */
  hasAuthValue(_handle: number): boolean {
    return false;
  }

  /** Whether the PCR belongs to the group that can have a policy. */
  hasPolicy(_handle: number): boolean {
    return false;
  }

  authValueOf(handle: number): Bytes {
    return this.hasAuthValue(handle) ? this.#tpm.stateClear.pcrAuthValue : EMPTY;
  }

  policyOf(handle: number): AuthPolicy {
    if (!this.hasPolicy(handle)) return NO_POLICY;
    const { pcrPolicyAlg, pcrPolicy } = this.#tpm.persistent;
    return { hashAlg: pcrPolicyAlg, policy: pcrPolicy };
  }

  clearAuthValue(): void {
    this.#tpm.changeStateClear({ pcrAuthValue: EMPTY });
  }

  /** All banks with the PCRs they have, those that the state does not name since they have none included. */
  banks(): TPML_PCR_SELECTION {
    const { pcrAllocated } = this.#tpm.ram;
    const unnamed = this.#tpm.profile.emptyBanks.filter((hash) => pcrAllocated.every((bank) => bank.hash !== hash));
    return [...pcrAllocated, ...unnamed.map((hash) => ({ hash, pcrSelect: selectPcrs([]) }))];
  }

  /** Whether the bank exists and has the PCR. */
  isAllocated(pcr: number, hashAlg: number): boolean {
    const bank = this.#tpm.ram.pcrAllocated.find(({ hash }) => hash === hashAlg);
    return bank !== undefined && hasPcr(bank.pcrSelect, pcr);
  }

  /** Whether the current locality may extend the PCR. */
  mayExtend(pcr: number): boolean {
    return hasLocality(attributesOfPcr(pcr).extend, this.#tpm.locality);
  }

  /** Whether the current locality may reset the PCR; that of a D-RTM does it by its own signal only. */
  mayReset(pcr: number): boolean {
    return this.#tpm.locality !== 4 && hasLocality(attributesOfPcr(pcr).reset, this.#tpm.locality);
  }

  isStateSaved(pcr: number): boolean {
    return attributesOfPcr(pcr).stateSave;
  }

  /** The value of a PCR, or `undefined` if its bank does not have it. */
  value(pcr: number, hashAlg: number): Bytes | undefined {
    return this.isAllocated(pcr, hashAlg) ? this.#tpm.ram.pcrs.get(hashAlg)?.[pcr] : undefined;
  }

  /** Extends a PCR of one bank, if that has it. */
  extend(pcr: number, hashAlg: number, digest: Bytes): void {
    const old = this.value(pcr, hashAlg);
    if (old === undefined) return;
    this.#set(pcr, hashAlg, this.#tpm.crypto.hash(hashNameOf(hashAlg), old, digest));
    this.changed(pcr);
  }

  /** Sets a PCR to zero in all banks. */
  reset(pcr: number): void {
    for (const hashAlg of this.#banksWith(pcr)) this.#set(pcr, hashAlg, new Uint8Array(digestSizeOf(hashAlg)));
    this.changed(pcr);
  }

  /** Lets policies that were made for the PCRs before fail, except where the PCR does not count. */
  changed(pcr: number): void {
    if (attributesOfPcr(pcr).noIncrement) return;
    this.#tpm.changeStateReset({ pcrCounter: (this.#tpm.stateReset.pcrCounter + 1) % 2 ** 32 });
  }

  /** The selection without what is not there. */
  filter(selection: TPML_PCR_SELECTION): TPML_PCR_SELECTION {
    return selection.map(({ hash, pcrSelect }) => ({
      hash,
      pcrSelect: selectPcrs(
        pcrsOf(pcrSelect).filter((pcr) => this.isAllocated(pcr, hash)),
        pcrSelect.length,
      ),
    }));
  }

  /** The digest of the selected PCRs, and the selection it is really of. */
  digest(
    selection: TPML_PCR_SELECTION,
    hashAlg: number,
  ): { readonly digest: Bytes; readonly selection: TPML_PCR_SELECTION } {
    const filtered = this.filter(selection);
    const values = filtered.flatMap(({ hash, pcrSelect }) => pcrsOf(pcrSelect).map((pcr) => this.#valueOf(pcr, hash)));
    return { digest: this.#tpm.crypto.hash(hashNameOf(hashAlg), ...values), selection: filtered };
  }

  /** The first eight of the selected PCRs, and the selection of those. */
  read(selection: TPML_PCR_SELECTION): { readonly values: readonly Bytes[]; readonly selection: TPML_PCR_SELECTION } {
    const values: Bytes[] = [];
    const taken = this.filter(selection).map(({ hash, pcrSelect }) => {
      const pcrs = pcrsOf(pcrSelect).slice(0, MAX_DIGESTS - values.length);
      for (const pcr of pcrs) values.push(this.#valueOf(pcr, hash));
      return { hash, pcrSelect: selectPcrs(pcrs, pcrSelect.length) };
    });
    return { values, selection: taken };
  }

  #valueOf(pcr: number, hashAlg: number): Bytes {
    const value = this.value(pcr, hashAlg);
    if (value === undefined) throw new RangeError(`PCR ${pcr} has no value in bank 0x${hashAlg.toString(16)}`);
    return value;
  }

  #banksWith(pcr: number): number[] {
    return this.#tpm.ram.pcrAllocated.map(({ hash }) => hash).filter((hash) => this.isAllocated(pcr, hash));
  }

  #set(pcr: number, hashAlg: number, value: Bytes): void {
    const { pcrs } = this.#tpm.ram;
    const bank = pcrs.get(hashAlg) ?? ALL_PCRS.map(() => new Uint8Array(digestSizeOf(hashAlg)));
    this.#tpm.changeRam({
      pcrs: new Map(pcrs).set(
        hashAlg,
        bank.map((old, i) => (i === pcr ? value : old)),
      ),
    });
  }

  /** Shutdown(STATE): keeps the static PCRs. */
  save(): void {
    const saved: Map<number, readonly Bytes[]> = new Map();
    for (const { hash } of this.#tpm.ram.pcrAllocated) {
      const zero = new Uint8Array(digestSizeOf(hash));
      saved.set(
        hash,
        SAVED_PCRS.map((pcr) => this.value(pcr, hash) ?? zero),
      );
    }
    this.#tpm.changeStateClear({ pcrSave: saved });
  }

  /** @spec Part 1, "Initializing PCR" */
  startup(kind: StartupKind, locality: number): void {
    const tpm = this.#tpm;
    tpm.changeRam({ pcrReConfig: 0 });
    tpm.changePersistent({ pcrInUse: tpm.ram.pcrAllocated });
    if (kind === "reset") tpm.changeStateReset({ pcrCounter: 0 });
    const resumed = (pcr: number): boolean => kind === "resume" && this.isStateSaved(pcr);
    for (const pcr of ALL_PCRS) if (!resumed(pcr)) this.changed(pcr);
    const measured = kind !== "resume" && tpm.ram.drtmPreStartup === 1;
    const pcrs: Map<number, readonly Bytes[]> = new Map();
    for (const { hash } of tpm.ram.pcrAllocated) {
      const size = digestSizeOf(hash);
      const saved = tpm.stateClear.pcrSave.get(hash);
      pcrs.set(
        hash,
        ALL_PCRS.map((pcr) => {
          // SAVED_PCRS are the first ones, so that their place among the saved is their number.
          if (resumed(pcr)) return saved?.[pcr] ?? new Uint8Array(size);
          if (pcr === HCRTM_PCR && measured) return this.value(pcr, hash) ?? new Uint8Array(size);
          return initialValue(pcr, size, locality);
        }),
      );
    }
    tpm.changeRam({ pcrs });
    if (kind !== "resume") this.clearAuthValue();
  }

  /**
   * Sets the banks from the next _TPM_Init on; `undefined`: refused, since no bank would have the PCRs that measurements
   * of the platform itself go into.
   */
  allocate(selection: TPML_PCR_SELECTION): { readonly sizeNeeded: number; readonly sizeAvailable: number } | undefined {
    const tpm = this.#tpm;
    // What an earlier call has changed for the next boot counts for nothing, as in the reference.
    let banks = this.banks();
    for (const wanted of selection) banks = banks.map((bank) => (bank.hash === wanted.hash ? wanted : bank));
    const isSomewhere = (pcr: number): boolean => banks.some(({ pcrSelect }) => hasPcr(pcrSelect, pcr));
    if (!isSomewhere(DRTM_PCR) || !isSomewhere(HCRTM_PCR)) return undefined;
    const isEmpty = (select: Bytes): boolean => pcrsOf(select).length === 0;
    const named = banks.filter(({ hash, pcrSelect }) => !tpm.profile.emptyBanks.includes(hash) || !isEmpty(pcrSelect));
    tpm.changePersistent({ pcrAllocated: named });
    tpm.changeRam({ pcrReConfig: 1 });
    const bytesOf = (hash: number, count: number): number => count * digestSizeOf(hash);
    return {
      sizeNeeded: sum(banks.map(({ hash, pcrSelect }) => bytesOf(hash, pcrsOf(pcrSelect).length))),
      sizeAvailable: sum(tpm.profile.pcrBanks.map((hash) => bytesOf(hash, PCR_COUNT))),
    };
  }

  /** _TPM_Hash_Start. The measurement needs a slot, for which, if none is free, the first object must go. */
  hashStart(): void {
    const tpm = this.#tpm;
    tpm.changeRam({ established: 1 });
    tpm.objects.returnSlots();
    this.#flushSequence();
    if (!tpm.objects.hasFreeSlot()) tpm.objects.flush(Math.min(...tpm.ram.objects.keys()));
    const drtmHandle = tpm.objects.add({
      kind: SLOT.SEQUENCE,
      attributes: OBJECT_ATTRIBUTES.of({ temporary: true, eventSeq: true }),
      auth: EMPTY,
      hashes: tpm.profile.pcrBanks.map((hashAlg) => startHash(tpm.crypto, hashAlg)),
      hmacKey: EMPTY,
      mac: EMPTY,
    });
    tpm.changeRam({ drtmHandle });
  }

  /** _TPM_Hash_Data. */
  hashData(data: Bytes): void {
    const tpm = this.#tpm;
    const handle = tpm.ram.drtmHandle;
    const sequence = handle === TPM_RH.UNASSIGNED ? undefined : tpm.objects.findSequence(handle);
    if (sequence === undefined) return;
    tpm.objects.replace(handle, {
      ...sequence,
      hashes: sequence.hashes.map((state) => updateHash(tpm.crypto, state, data)),
    });
  }

  /** _TPM_Hash_End. */
  hashEnd(): void {
    const tpm = this.#tpm;
    const handle = tpm.ram.drtmHandle;
    const sequence = handle === TPM_RH.UNASSIGNED ? undefined : tpm.objects.findSequence(handle);
    if (sequence === undefined) return;
    const started = tpm.ram.started === 1;
    if (started) {
      for (const pcr of ALL_PCRS) if (isDynamic(pcr)) this.#clear(pcr);
      tpm.changeStateReset({ restartCount: (tpm.stateReset.restartCount + 1) % 2 ** 32 });
    } else {
      tpm.changeRam({ drtmPreStartup: 1 });
    }
    const pcr = started ? DRTM_PCR : HCRTM_PCR;
    for (const state of sequence.hashes) {
      const { hashAlg } = state;
      if (!this.isAllocated(pcr, hashAlg)) continue;
      const start = new Uint8Array(digestSizeOf(hashAlg));
      // The measurement of an H-CRTM is told by the value it starts from: as if extended by locality 4.
      if (!started) start[start.length - 1] = 4;
      this.#set(pcr, hashAlg, start);
      this.extend(pcr, hashAlg, finishHash(tpm.crypto, state));
    }
    this.#flushSequence();
  }

  #clear(pcr: number): void {
    for (const hashAlg of this.#banksWith(pcr)) this.#set(pcr, hashAlg, new Uint8Array(digestSizeOf(hashAlg)));
  }

  /** A command before _TPM_Hash_End gives the measurement up. */
  endEventSequence(): void {
    if (this.#tpm.ram.drtmHandle !== TPM_RH.UNASSIGNED) this.#flushSequence();
  }

  #flushSequence(): void {
    const { objects, ram } = this.#tpm;
    if (ram.drtmHandle === TPM_RH.UNASSIGNED) return;
    objects.flush(ram.drtmHandle);
    this.#tpm.changeRam({ drtmHandle: TPM_RH.UNASSIGNED });
  }
}

/** The value after TPM2_Startup; PCR 0 tells the locality that sent it. */
function initialValue(pcr: number, size: number, locality: number): Bytes {
  const value = new Uint8Array(size).fill(isDynamic(pcr) ? 0xff : 0);
  if (pcr === HCRTM_PCR) value[size - 1] = locality;
  return value;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
