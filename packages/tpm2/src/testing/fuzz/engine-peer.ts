import type { CryptoProvider } from "@vtpm/crypto";
import { type Bytes, decode, encode, equalBytes, toHex } from "@vtpm/wire";
import { limitsOf, type Profile } from "../../profile.ts";
import { describeRc } from "../../spec/tpm-error.ts";
import { applyChanges, decodeChanges, durableChanges, encodeChanges } from "../../state/durable.ts";
import { type NvState, RAM_STATE, type TpmState } from "../../state/tpm-state.ts";
import { Tpm } from "../../tpm.ts";
import { TestPlatform, testFirmware } from "../test-platform.ts";
import { rcOf } from "../test-tpm.ts";
import { type Peer, Violation } from "./caller.ts";
import { RememberedJobs } from "./remembered-jobs.ts";
import { unexpectedChanges } from "./unchanged.ts";

const jobs = new RememberedJobs();
/** Of the firmware that every TPM here has: hierarchies may be limited to it. */
const FIRMWARE_SVN = 5;

/** A TPM with a platform of its own; any error of the engine surfaces. */
class Instance {
  readonly platform: TestPlatform;
  readonly tpm: Tpm;

  constructor(nv: NvState, seed: string, crypto: CryptoProvider | undefined) {
    this.platform = new TestPlatform(seed, crypto);
    this.platform.firmware = testFirmware(FIRMWARE_SVN);
    this.platform.clock = 1_000_000;
    this.tpm = Tpm.withState(this.platform, nv, {
      onFault: (error) => {
        throw error;
      },
    });
    this.tpm.powerOn();
  }

  execute(command: Bytes, locality: number): Bytes {
    let step = this.tpm.begin(command, locality);
    while (!step.done) step = step.resume(jobs.run(this.platform.crypto, step.job));
    return step.response;
  }
}

/** Writes a state and reads it back, at a moment of the platform's clock. */
export type Move = (state: TpmState, nowMs: number) => TpmState;

/** A twin that is stored and restored before every command, as a host that migrates it all the time would. */
class Migrated extends Instance {
  #stored: NvState;
  readonly #move: Move | undefined;

  constructor(nv: NvState, seed: string, move: Move | undefined) {
    super(nv, seed, undefined);
    this.#stored = nv;
    this.#move = move;
  }

  override execute(command: Bytes, locality: number): Bytes {
    const changes = encodeChanges(durableChanges(this.#stored, this.tpm.state.nv));
    const nv = applyChanges(this.#stored, decodeChanges(changes));
    const ram = decode(RAM_STATE, encode(RAM_STATE, this.tpm.state.ram), limitsOf(nv.profile));
    this.#stored = nv;
    const restored = { nv, ram };
    this.tpm.state = this.#move === undefined ? restored : this.#move(restored, this.platform.clock);
    return super.execute(command, locality);
  }
}

/** Which twins accompany an engine. */
export interface EnginePeerOptions {
  readonly migrated?: boolean;
  /** What the one that is stored and restored goes through beside. */
  readonly move?: Move;
  /** Another provider; it must give the same answers. */
  readonly otherCrypto?: CryptoProvider;
}

/** The engine under test with its twins, and what must be true after every command. */
export class EnginePeer implements Peer {
  readonly #main: Instance;
  readonly #twins: readonly (readonly [name: string, twin: Instance])[];

  constructor(nv: NvState, seed: string, options: EnginePeerOptions = {}) {
    this.#main = new Instance(nv, seed, undefined);
    const { migrated = false, move, otherCrypto } = options;
    this.#twins = [
      ...(migrated ? [["the one stored and restored", new Migrated(nv, seed, move)] as const] : []),
      ...(otherCrypto === undefined
        ? []
        : [[`the one with ${otherCrypto.name}`, new Instance(nv, seed, otherCrypto)] as const]),
    ];
  }

  get profile(): Profile {
    return this.state.nv.profile;
  }

  get state(): TpmState {
    return this.#main.tpm.state;
  }

  nameOf(handle: number): Bytes {
    return this.#main.tpm.nameOf(handle);
  }

  execute(command: Bytes, locality: number): Bytes {
    const before = this.state;
    const response = this.#main.execute(command, locality);
    if (rcOf(response) !== 0) {
      const changes = unexpectedChanges(before, this.state);
      if (changes.length > 0) throw new Violation(`${describeRc(rcOf(response))}, but changed ${changes.join(", ")}`);
    }
    for (const [name, twin] of this.#twins) {
      const other = twin.execute(command, locality);
      if (!equalBytes(other, response)) {
        throw new Violation(`answers ${toHex(response)}, but ${name} ${toHex(other)}`);
      }
    }
    return response;
  }

  /** Does the same to the engine and its twins. */
  forAll(action: (tpm: Tpm, platform: TestPlatform) => void): void {
    action(this.#main.tpm, this.#main.platform);
    for (const [, twin] of this.#twins) action(twin.tpm, twin.platform);
  }
}

/** The durable state of a new TPM. The same for all sequences, so that their primary keys are found only once. */
export function manufacturedState(profile: Profile): NvState {
  const { nv } = Tpm.manufacture(new TestPlatform("fuzz"), profile).state;
  return applyChanges(undefined, durableChanges(undefined, nv));
}
