import type { CryptoProvider } from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";
import type { Command } from "./dispatch/command.ts";
import type { Platform } from "./platform.ts";
import type { Profile } from "./profile.ts";
import {
  isOrderly,
  ORDERLY,
  type ORDERLY_DATA,
  type PERSISTENT_DATA,
  type STATE_CLEAR_DATA,
  type STATE_RESET_DATA,
} from "./state/data.ts";
import type { NvState, RAM_STATE, TpmState } from "./state/tpm-state.ts";
import { untestedWithout } from "./state/untested-algorithms.ts";
import { Audit } from "./subsystems/audit.ts";
import { Clock } from "./subsystems/clock.ts";
import { repeatsBlock } from "./subsystems/continuous-test.ts";
import { Entities } from "./subsystems/entities.ts";
import { Hierarchies } from "./subsystems/hierarchies.ts";
import { Lockout } from "./subsystems/lockout.ts";
import { Nv } from "./subsystems/nv.ts";
import { Objects } from "./subsystems/objects.ts";
import { Pcr } from "./subsystems/pcr.ts";
import { Sessions } from "./subsystems/sessions.ts";
import { Timers } from "./subsystems/timers.ts";
import { watchedCrypto } from "./subsystems/watched-crypto.ts";

/**
 * What commands work with: the state, the platform and the subsystems, each of which owns one part of the state and is
 * the only one to change it.
 */
export class Engine {
  readonly platform: Platform;
  /** Every command of this engine by its code; the profile may have fewer. */
  readonly commands: ReadonlyMap<number, Command>;
  state: TpmState;
  /** The locality of the command being executed, 0 to 255. */
  locality = 0;
  /** Bytes of the largest command and response that get through to here; without it the profile's sizes do. */
  bufferSize = Number.POSITIVE_INFINITY;

  readonly audit = new Audit(this);
  readonly clock = new Clock(this);
  readonly entities = new Entities(this);
  readonly hierarchies = new Hierarchies(this);
  readonly lockout = new Lockout(this);
  readonly nv = new Nv(this);
  readonly objects = new Objects(this);
  readonly pcr = new Pcr(this);
  readonly sessions = new Sessions(this);
  readonly timers = new Timers(this);

  #watched: { readonly crypto: CryptoProvider; readonly watched: CryptoProvider } | undefined;

  constructor(platform: Platform, state: TpmState, commands: ReadonlyMap<number, Command>) {
    this.platform = platform;
    this.commands = commands;
    this.state = state;
  }

  /** The platform's, watched as long as there is anything untested that a use would count as a test of. */
  get crypto(): CryptoProvider {
    const { crypto } = this.platform;
    if (this.ram.untested.length === 0) return crypto;
    if (this.#watched?.crypto !== crypto) {
      this.#watched = { crypto, watched: watchedCrypto(crypto, (algorithm) => this.countAsTested(algorithm)) };
    }
    return this.#watched.watched;
  }

  /** An algorithm is in use, or was tested: libtpms tests before the first use, so that nothing is left to do for it. */
  countAsTested(algorithm: number): void {
    const { untested } = this.ram;
    const left = untestedWithout(untested, algorithm);
    if (left !== untested) this.changeRam({ untested: left });
  }

  get profile(): Profile {
    return this.state.nv.profile;
  }

  get persistent(): PERSISTENT_DATA {
    return this.state.nv.persistent;
  }

  get ram(): RAM_STATE {
    return this.state.ram;
  }

  get orderly(): ORDERLY_DATA {
    return this.state.ram.orderly;
  }

  get stateReset(): STATE_RESET_DATA {
    return this.state.ram.stateReset;
  }

  get stateClear(): STATE_CLEAR_DATA {
    return this.state.ram.stateClear;
  }

  /** Fresh unpredictable bytes. A generator that repeats itself is a fault, for profiles that want it watched. */
  random(size: number): Bytes {
    const bytes = this.platform.entropy(size);
    if (this.profile.attributes.has("drbg-continous-test") && repeatsBlock(bytes)) {
      throw new Error("the platform's entropy repeats itself");
    }
    return bytes;
  }

  changeNv(changes: Partial<NvState>): void {
    this.state = { nv: { ...this.state.nv, ...changes }, ram: this.state.ram };
  }

  changePersistent(changes: Partial<PERSISTENT_DATA>): void {
    this.changeNv({ persistent: { ...this.persistent, ...changes } });
  }

  changeRam(changes: Partial<RAM_STATE>): void {
    this.state = { nv: this.state.nv, ram: { ...this.state.ram, ...changes } };
  }

  changeOrderly(changes: Partial<ORDERLY_DATA>): void {
    this.changeRam({ orderly: { ...this.orderly, ...changes } });
  }

  changeStateReset(changes: Partial<STATE_RESET_DATA>): void {
    this.changeRam({ stateReset: { ...this.stateReset, ...changes } });
  }

  changeStateClear(changes: Partial<STATE_CLEAR_DATA>): void {
    this.changeRam({ stateClear: { ...this.stateClear, ...changes } });
  }

  /**
   * Takes back the effect of an earlier TPM2_Shutdown: called by whatever changes state that a Shutdown has saved.
   */
  clearOrderly(): void {
    if (!isOrderly(this.persistent.orderlyState)) return;
    this.changePersistent({ orderlyState: this.ram.daUsed === 1 ? ORDERLY.DA_USED : ORDERLY.NONE });
  }
}
