import { type Bytes, EMPTY } from "@vtpm/wire";
import type { Command } from "../dispatch/command.ts";
import type { Engine } from "../engine.ts";
import type { Firmware } from "../platform.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import type { TPMI_RH_HIERARCHY_NULLABLE } from "../spec/structures/index.ts";
import { TpmError } from "../spec/tpm-error.ts";
import { OBJECT_ATTRIBUTES } from "../state/object.ts";
import type { StartupKind } from "../state/startup-kind.ts";
import type { AuthPolicy } from "./entities.ts";
import { kdfa } from "./kdfa.ts";
import { PrimaryKeyJobs } from "./keys/primary-key-jobs.ts";
import { baseHierarchy, type HierarchyLimit, hierarchyParts } from "./limited-hierarchies.ts";

/** Bytes of a primary seed and of a proof value. */
const SECRET_SIZE = 64;

/** What the primary objects of a hierarchy derive from. */
interface PrimarySeed {
  readonly seed: Bytes;
  readonly level: number;
}

/** Owner, endorsement, platform, lockout and NULL: their seeds, proofs, authorizations and enables. */
export class Hierarchies {
  readonly #tpm: Engine;
  /** Long work for primary keys that has been done already. */
  readonly primaryKeyJobs: PrimaryKeyJobs;

  constructor(tpm: Engine) {
    this.#tpm = tpm;
    this.primaryKeyJobs = new PrimaryKeyJobs(tpm);
  }

  /** Whether the hierarchy may be used now. */
  isEnabled(hierarchy: number): boolean {
    return this.status(hierarchy) === TPM_RC.SUCCESS;
  }

  /** SUCCESS, or the code that says why the hierarchy may not be used now. */
  status(hierarchy: number): number {
    const { base, limit } = hierarchyParts(hierarchy);
    return this.#flawOf(limit) ?? (this.#isBaseEnabled(base) ? TPM_RC.SUCCESS : TPM_RC.HIERARCHY);
  }

  /** Why this firmware cannot have a hierarchy that is limited so. */
  #flawOf(limit: HierarchyLimit | undefined): typeof TPM_RC.FW_LIMITED | typeof TPM_RC.SVN_LIMITED | undefined {
    const { firmware } = this.#tpm.platform;
    if (limit?.kind === "firmware") return firmware === undefined ? TPM_RC.FW_LIMITED : undefined;
    if (limit?.kind === "svn")
      return firmware === undefined || limit.svn > firmware.svn ? TPM_RC.SVN_LIMITED : undefined;
    return undefined;
  }

  /** What the platform's firmware is, if hierarchies can be limited to it. */
  firmware(): Firmware | undefined {
    const { platform, profile } = this.#tpm;
    return profile.limit("FIRMWARE_HIERARCHIES") > 0 ? platform.firmware : undefined;
  }

  #isBaseEnabled(hierarchy: number): boolean {
    const { ram, stateClear } = this.#tpm;
    switch (hierarchy) {
      case TPM_RH.PLATFORM:
        return ram.phEnable === 1;
      case TPM_RH.OWNER:
        return stateClear.shEnable === 1;
      case TPM_RH.ENDORSEMENT:
        return stateClear.ehEnable === 1;
      case TPM_RH.PLATFORM_NV:
        return stateClear.phEnableNV === 1;
      case TPM_RH.NULL:
        return true;
      default:
        return false;
    }
  }

  /** Whether the handle has an authValue at all. */
  hasAuthValue(handle: number): boolean {
    return (
      handle === TPM_RH.OWNER ||
      handle === TPM_RH.ENDORSEMENT ||
      handle === TPM_RH.PLATFORM ||
      handle === TPM_RH.LOCKOUT ||
      handle === TPM_RH.NULL ||
      // A timer has the platform's.
      (this.#tpm.timers.isTimer(handle) && this.isEnabled(TPM_RH.PLATFORM))
    );
  }

  authValueOf(handle: number): Bytes {
    const { persistent, stateClear } = this.#tpm;
    switch (handle) {
      case TPM_RH.OWNER:
        return persistent.ownerAuth;
      case TPM_RH.ENDORSEMENT:
        return persistent.endorsementAuth;
      case TPM_RH.PLATFORM:
        return stateClear.platformAuth;
      case TPM_RH.LOCKOUT:
        return persistent.lockoutAuth;
      default:
        return this.#tpm.timers.isTimer(handle) ? stateClear.platformAuth : EMPTY;
    }
  }

  /** The policy, empty with TPM_ALG_NULL where none is set; `undefined` for a handle that cannot have one. */
  policyOf(handle: number): AuthPolicy | undefined {
    const { persistent, stateClear } = this.#tpm;
    switch (baseHierarchy(handle)) {
      case TPM_RH.OWNER:
        return { hashAlg: persistent.ownerAlg, policy: persistent.ownerPolicy };
      case TPM_RH.ENDORSEMENT:
        return { hashAlg: persistent.endorsementAlg, policy: persistent.endorsementPolicy };
      case TPM_RH.PLATFORM:
        return { hashAlg: stateClear.platformAlg, policy: stateClear.platformPolicy };
      case TPM_RH.LOCKOUT:
        return { hashAlg: persistent.lockoutAlg, policy: persistent.lockoutPolicy };
      default:
        return this.#tpm.timers.isTimer(handle) ? this.#tpm.timers.policyOf(handle) : undefined;
    }
  }

  /**
   * The secret that tickets and saved contexts of the hierarchy are made with.
   *
   * @rc FW_LIMITED   the hierarchy is limited to a firmware, and this one has no secret
   * @rc SVN_LIMITED  it is limited to an SVN that this firmware does not have
   */
  proofOf(hierarchy: number): Bytes {
    const { base, limit } = hierarchyParts(hierarchy);
    return this.#limited("H_PROOF_SECRET", this.#baseProof(base), limit);
  }

  /** Mixes in what only the firmware that a hierarchy is limited to has. @spec Part 1, "Firmware-Limited Objects" */
  #limited(label: string, secret: Bytes, limit: HierarchyLimit | undefined): Bytes {
    if (limit === undefined) return secret;
    const tpm = this.#tpm;
    const { firmware } = tpm.platform;
    const flaw = this.#flawOf(limit);
    if (flaw !== undefined || firmware === undefined) throw new TpmError(flaw ?? TPM_RC.FW_LIMITED);
    const [own, ownLabel] =
      limit.kind === "firmware" ? [firmware.secret(), "H_FW_SECRET"] : [firmware.svnSecret(limit.svn), "H_SVN_SECRET"];
    return kdfa(tpm, {
      hashAlg: "SHA512",
      key: secret,
      label,
      contextU: own,
      contextV: Uint8Array.from(`${ownLabel}\0`, (letter) => letter.charCodeAt(0)),
      bits: 8 * secret.length,
    });
  }

  #baseProof(hierarchy: number): Bytes {
    const { persistent, stateReset } = this.#tpm;
    switch (hierarchy) {
      case TPM_RH.PLATFORM:
        return persistent.phProof;
      case TPM_RH.ENDORSEMENT:
        return persistent.ehProof;
      case TPM_RH.OWNER:
        return persistent.shProof;
      default:
        return stateReset.nullProof;
    }
  }

  /**
   * The primary seed, and how primes were searched for when it was made.
   *
   * @rc FW_LIMITED   the hierarchy is limited to a firmware, and this one has no secret
   * @rc SVN_LIMITED  it is limited to an SVN that this firmware does not have
   */
  seedOf(hierarchy: number): PrimarySeed {
    const { base, limit } = hierarchyParts(hierarchy);
    const { seed, level } = this.#baseSeed(base);
    return { seed: this.#limited("H_SEED_SECRET", seed, limit), level };
  }

  #baseSeed(hierarchy: number): PrimarySeed {
    const { persistent, stateReset } = this.#tpm;
    switch (hierarchy) {
      case TPM_RH.PLATFORM:
        return { seed: persistent.PPSeed, level: persistent.PPSeedCompatLevel };
      case TPM_RH.ENDORSEMENT:
        return { seed: persistent.EPSeed, level: persistent.EPSeedCompatLevel };
      case TPM_RH.OWNER:
        return { seed: persistent.SPSeed, level: persistent.SPSeedCompatLevel };
      default:
        return { seed: stateReset.nullSeed, level: stateReset.nullSeedCompatLevel };
    }
  }

  /** Whether platform authorization of the command needs somebody at the machine. */
  needsPhysicalPresence(command: Command): boolean {
    return this.#tpm.persistent.ppList.includes(command.code);
  }

  /** @spec Part 1, "Startup and Shutdown" */
  startup(kind: StartupKind): void {
    const tpm = this.#tpm;
    tpm.changeRam({ phEnable: 1 });
    if (kind !== "resume") {
      tpm.changeStateClear({
        platformAuth: EMPTY,
        platformPolicy: EMPTY,
        platformAlg: TPM_ALG.NULL,
        shEnable: 1,
        ehEnable: 1,
        phEnableNV: 1,
      });
    }
    if (kind === "reset") {
      tpm.changeStateReset({
        nullProof: tpm.random(SECRET_SIZE),
        nullSeed: tpm.random(SECRET_SIZE),
        nullSeedCompatLevel: this.newSeedLevel,
      });
    }
  }

  /** A fresh seed or proof. */
  newSecret(): Bytes {
    return this.#tpm.random(SECRET_SIZE);
  }

  /** How primes are searched for under a seed that is made now. */
  readonly newSeedLevel = 1;

  /** Enables (1) or disables (0) a hierarchy or the platform's NV Indices. */
  setEnable(enable: number, state: 0 | 1): void {
    const tpm = this.#tpm;
    switch (enable) {
      case TPM_RH.PLATFORM:
        tpm.changeRam({ phEnable: state });
        break;
      case TPM_RH.OWNER:
        tpm.changeStateClear({ shEnable: state });
        break;
      case TPM_RH.ENDORSEMENT:
        tpm.changeStateClear({ ehEnable: state });
        break;
      case TPM_RH.PLATFORM_NV:
        tpm.changeStateClear({ phEnableNV: state });
        break;
      default:
        throw new RangeError(`0x${enable.toString(16)} cannot be enabled`);
    }
  }

  setAuthValue(handle: number, authValue: Bytes): void {
    const tpm = this.#tpm;
    switch (handle) {
      case TPM_RH.OWNER:
        tpm.changePersistent({ ownerAuth: authValue });
        break;
      case TPM_RH.ENDORSEMENT:
        tpm.changePersistent({ endorsementAuth: authValue });
        break;
      case TPM_RH.LOCKOUT:
        tpm.changePersistent({ lockoutAuth: authValue });
        break;
      case TPM_RH.PLATFORM:
        tpm.clearOrderly();
        tpm.changeStateClear({ platformAuth: authValue });
        break;
      default:
        throw new RangeError(`0x${handle.toString(16)} has no authValue`);
    }
  }

  setPolicy(handle: number, { hashAlg, policy }: AuthPolicy): void {
    const tpm = this.#tpm;
    switch (handle) {
      case TPM_RH.OWNER:
        tpm.changePersistent({ ownerAlg: hashAlg, ownerPolicy: policy });
        break;
      case TPM_RH.ENDORSEMENT:
        tpm.changePersistent({ endorsementAlg: hashAlg, endorsementPolicy: policy });
        break;
      case TPM_RH.LOCKOUT:
        tpm.changePersistent({ lockoutAlg: hashAlg, lockoutPolicy: policy });
        break;
      case TPM_RH.PLATFORM:
        tpm.clearOrderly();
        tpm.changeStateClear({ platformAlg: hashAlg, platformPolicy: policy });
        break;
      default:
        if (tpm.timers.isTimer(handle)) {
          tpm.timers.setPolicy(handle, { hashAlg, policy });
          break;
        }
        throw new RangeError(`0x${handle.toString(16)} has no policy`);
    }
  }

  /** The hierarchy that an object's attribute bits name. */
  static ofObject(attributes: number): TPMI_RH_HIERARCHY_NULLABLE {
    if (OBJECT_ATTRIBUTES.has(attributes, "ppsHierarchy")) return TPM_RH.PLATFORM;
    if (OBJECT_ATTRIBUTES.has(attributes, "epsHierarchy")) return TPM_RH.ENDORSEMENT;
    if (OBJECT_ATTRIBUTES.has(attributes, "spsHierarchy")) return TPM_RH.OWNER;
    return TPM_RH.NULL;
  }
}
