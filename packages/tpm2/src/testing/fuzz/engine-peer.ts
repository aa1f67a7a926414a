import type { CryptoProvider } from "@vtpm/crypto";
import { type Bytes, decode, encode, equalBytes, toHex } from "@vtpm/wire";
import { limitsOf, type Profile } from "../../profile.ts";
import { describeRc } from "../../spec/tpm-error.ts";
import { durableChanges, fromDurable } from "../../state/durable.ts";
import { RAM_STATE, type TpmState } from "../../state/tpm-state.ts";
import { Tpm } from "../../tpm.ts";
import { TestPlatform } from "../test-platform.ts";
import { rcOf } from "../test-tpm.ts";
import { type Peer, Violation } from "./caller.ts";
import { RememberedJobs } from "./remembered-jobs.ts";
import { unexpectedChanges } from "./unchanged.ts";

const jobs = new RememberedJobs();

/** A TPM with a platform of its own; any error of the engine surfaces. */
class Instance {
  readonly platform: TestPlatform;
  readonly tpm: Tpm;

  constructor(entries: ReadonlyMap<string, Bytes>, seed: string, crypto: CryptoProvider | undefined) {
    this.platform = new TestPlatform(seed, crypto);
    this.platform.clock = 1_000_000;
    this.tpm = Tpm.fromDurable(this.platform, entries, {
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

/** A twin that is stored and restored before every command, as a host that migrates it all the time would. */
class Migrated extends Instance {
  readonly #stored: Map<string, Bytes>;
  #last: TpmState;

  constructor(entries: ReadonlyMap<string, Bytes>, seed: string) {
    super(entries, seed, undefined);
    this.#stored = new Map(entries);
    this.#last = this.tpm.state;
    // What was read back counts as stored already.
    this.#last = { ...this.#last, nv: fromDurable(entries) };
    this.tpm.state = { nv: this.#last.nv, ram: this.tpm.state.ram };
  }

  override execute(command: Bytes, locality: number): Bytes {
    for (const { key, value } of durableChanges(this.#last, this.tpm.state)) {
      if (value === undefined) this.#stored.delete(key);
      else this.#stored.set(key, value);
    }
    const nv = fromDurable(this.#stored);
    const ram = decode(RAM_STATE, encode(RAM_STATE, this.tpm.state.ram), limitsOf(nv.profile));
    this.#last = { nv, ram };
    this.tpm.state = this.#last;
    return super.execute(command, locality);
  }
}

/** Which twins accompany an engine. */
export interface EnginePeerOptions {
  readonly migrated?: boolean;
  /** Another provider; it must give the same answers. */
  readonly otherCrypto?: CryptoProvider;
}

/** The engine under test with its twins, and what must be true after every command. */
export class EnginePeer implements Peer {
  readonly #main: Instance;
  readonly #twins: readonly (readonly [name: string, twin: Instance])[];

  constructor(entries: ReadonlyMap<string, Bytes>, seed: string, options: EnginePeerOptions = {}) {
    this.#main = new Instance(entries, seed, undefined);
    const { migrated = false, otherCrypto } = options;
    this.#twins = [
      ...(migrated ? [["the one stored and restored", new Migrated(entries, seed)] as const] : []),
      ...(otherCrypto === undefined
        ? []
        : [[`the one with ${otherCrypto.name}`, new Instance(entries, seed, otherCrypto)] as const]),
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
export function manufacturedEntries(profile: Profile): ReadonlyMap<string, Bytes> {
  const tpm = Tpm.manufacture(new TestPlatform("fuzz"), profile);
  const entries = new Map<string, Bytes>();
  for (const { key, value } of durableChanges(undefined, tpm.state)) {
    if (value !== undefined) entries.set(key, value);
  }
  return entries;
}
