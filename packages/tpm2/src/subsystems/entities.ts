import { type Bytes, EMPTY } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { uint32 } from "../integer-bytes.ts";
import { TPMA_NV } from "../spec/attributes.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { HANDLE, handleTypeOf, TPM_HT, TPM_RH } from "../spec/handles.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import type { TPMI_RH_HIERARCHY_NULLABLE } from "../spec/structures/index.ts";
import { OBJECT_ATTRIBUTES, SLOT } from "../state/object.ts";
import { SESSION_ATTRIBUTES } from "../state/session.ts";
import { hierarchyParts } from "./limited-hierarchies.ts";

/** An authPolicy and the hash it was made with. */
export interface AuthPolicy {
  readonly hashAlg: number;
  readonly policy: Bytes;
}

const NO_POLICY: AuthPolicy = { hashAlg: TPM_ALG.NULL, policy: EMPTY };

/** What all things that have a handle have in common. @spec Part 1, "Names" and "Authorizations and Acknowledgments" */
export class Entities {
  readonly #tpm: Engine;

  constructor(tpm: Engine) {
    this.#tpm = tpm;
  }

  /** Whether the handle refers to something present: SUCCESS, or the code that says why not (without position). */
  loadStatus(handle: number, commandCode: number): number {
    const tpm = this.#tpm;
    switch (handleTypeOf(handle)) {
      case TPM_HT.PERMANENT:
        if (handle === TPM_RH.PW || handle === TPM_RH.LOCKOUT) return TPM_RC.SUCCESS;
        if (tpm.timers.isTimer(handle)) return TPM_RC.SUCCESS;
        // Vendor authorizations and, right behind them, further timers: there are none.
        if (handle >= TPM_RH.AUTH_00 && handle <= TPM_RH.ACT_F) return TPM_RC.VALUE;
        return tpm.hierarchies.status(handle);
      case TPM_HT.TRANSIENT:
        return tpm.objects.find(handle) === undefined ? TPM_RC.REFERENCE_H0 : TPM_RC.SUCCESS;
      case TPM_HT.PERSISTENT:
        return this.#persistentStatus(handle, commandCode);
      case TPM_HT.HMAC_SESSION:
      case TPM_HT.POLICY_SESSION: {
        const session = tpm.sessions.find(handle);
        if (session === undefined) return TPM_RC.REFERENCE_H0;
        const isPolicy = SESSION_ATTRIBUTES.has(session.attributes, "isPolicy");
        return isPolicy === (handleTypeOf(handle) === TPM_HT.POLICY_SESSION) ? TPM_RC.SUCCESS : TPM_RC.HANDLE;
      }
      case TPM_HT.NV_INDEX:
      case TPM_HT.EXTERNAL_NV:
        return tpm.nv.isAccessible(handle) ? TPM_RC.SUCCESS : TPM_RC.HANDLE;
      case TPM_HT.PCR:
        return TPM_RC.SUCCESS;
      default:
        return TPM_RC.VALUE;
    }
  }

  /** A persistent object takes a transient slot while a command uses it. */
  #persistentStatus(handle: number, commandCode: number): number {
    const tpm = this.#tpm;
    const platform = handle >= HANDLE.PLATFORM_PERSISTENT;
    if ((platform ? tpm.ram.phEnable : tpm.stateClear.shEnable) === 0) return TPM_RC.HANDLE;
    if (!tpm.objects.hasFreeSlot()) return TPM_RC.OBJECT_MEMORY;
    const object = tpm.objects.find(handle);
    if (object === undefined) return TPM_RC.HANDLE;
    tpm.objects.borrowSlot();
    if (
      OBJECT_ATTRIBUTES.has(object.attributes, "epsHierarchy") &&
      tpm.stateClear.ehEnable === 0 &&
      commandCode !== TPM_CC.EvictControl
    ) {
      return TPM_RC.HANDLE;
    }
    return TPM_RC.SUCCESS;
  }

  /** The Name: what a cpHash binds a command to. Empty for an object without nameAlg, and for nothing. */
  nameOf(handle: number): Bytes {
    switch (handleTypeOf(handle)) {
      case TPM_HT.TRANSIENT:
      case TPM_HT.PERSISTENT: {
        const object = this.#tpm.objects.find(handle);
        return object?.kind === SLOT.KEY ? object.name : EMPTY;
      }
      case TPM_HT.NV_INDEX:
      case TPM_HT.EXTERNAL_NV:
        return this.#tpm.nv.find(handle) === undefined ? EMPTY : this.#tpm.nv.nameOf(handle);
      default:
        return uint32(handle);
    }
  }

  /** The authValue without trailing zeros; empty for what has none or is no longer there. */
  authValueOf(handle: number): Bytes {
    return withoutTrailingZeros(this.#authValue(handle));
  }

  #authValue(handle: number): Bytes {
    const tpm = this.#tpm;
    switch (handleTypeOf(handle)) {
      case TPM_HT.PERMANENT:
        return tpm.hierarchies.authValueOf(handle);
      case TPM_HT.TRANSIENT:
      case TPM_HT.PERSISTENT: {
        const object = tpm.objects.find(handle);
        if (object === undefined) return EMPTY;
        return object.kind === SLOT.SEQUENCE ? object.auth : (object.sensitive?.authValue ?? EMPTY);
      }
      case TPM_HT.NV_INDEX:
      case TPM_HT.EXTERNAL_NV:
        return tpm.nv.find(handle)?.authValue ?? EMPTY;
      case TPM_HT.PCR:
        return tpm.pcr.authValueOf(handle);
      default:
        return EMPTY;
    }
  }

  /** The authPolicy, with TPM_ALG_NULL where there is none. */
  policyOf(handle: number): AuthPolicy {
    const tpm = this.#tpm;
    switch (handleTypeOf(handle)) {
      case TPM_HT.PERMANENT:
        return tpm.hierarchies.policyOf(handle) ?? NO_POLICY;
      case TPM_HT.TRANSIENT:
      case TPM_HT.PERSISTENT: {
        const object = tpm.objects.get(handle);
        if (object.kind === SLOT.SEQUENCE) return NO_POLICY;
        return { hashAlg: object.publicArea.nameAlg, policy: object.publicArea.authPolicy };
      }
      case TPM_HT.NV_INDEX:
      case TPM_HT.EXTERNAL_NV: {
        const { publicArea } = tpm.nv.get(handle);
        return { hashAlg: publicArea.nameAlg, policy: publicArea.authPolicy };
      }
      case TPM_HT.PCR:
        return tpm.pcr.policyOf(handle);
      default:
        return NO_POLICY;
    }
  }

  /** Whether failures to authorize the entity leave the dictionary-attack counter alone. */
  isDaExempt(handle: number): boolean {
    switch (handleTypeOf(handle)) {
      case TPM_HT.PERMANENT:
        return handle !== TPM_RH.LOCKOUT;
      case TPM_HT.TRANSIENT:
      case TPM_HT.PERSISTENT:
        return this.#tpm.objects.isDaExempt(handle);
      case TPM_HT.NV_INDEX:
      case TPM_HT.EXTERNAL_NV:
        return TPMA_NV.has(this.#tpm.nv.get(handle).publicArea.attributes, "NO_DA");
      default:
        return true;
    }
  }

  /** The hierarchy an entity belongs to, for tickets and enables. */
  hierarchyOf(handle: number): TPMI_RH_HIERARCHY_NULLABLE {
    switch (handleTypeOf(handle)) {
      case TPM_HT.PERMANENT:
        if (hierarchyParts(handle).limit !== undefined) return handle;
        return handle === TPM_RH.PLATFORM || handle === TPM_RH.ENDORSEMENT || handle === TPM_RH.NULL
          ? handle
          : TPM_RH.OWNER;
      case TPM_HT.TRANSIENT:
      case TPM_HT.PERSISTENT:
        return this.#tpm.objects.hierarchyOf(handle);
      case TPM_HT.NV_INDEX:
      case TPM_HT.EXTERNAL_NV:
        return TPMA_NV.has(this.#tpm.nv.get(handle).publicArea.attributes, "PLATFORMCREATE")
          ? TPM_RH.PLATFORM
          : TPM_RH.OWNER;
      default:
        return TPM_RH.OWNER;
    }
  }
}

/** @spec Part 1, "Authorization Values": trailing zeros of an authValue do not count. */
export function withoutTrailingZeros(auth: Bytes): Bytes {
  let size = auth.length;
  while (size > 0 && auth[size - 1] === 0) size--;
  return size === auth.length ? auth : auth.slice(0, size);
}
