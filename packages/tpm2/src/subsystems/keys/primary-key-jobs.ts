import { type Bytes, toHex, UINT32, UINT64, Writer } from "@vtpm/wire";
import type { Job, JobResult } from "../../dispatch/job.ts";
import type { Engine } from "../../engine.ts";
import { baseHierarchy } from "../limited-hierarchies.ts";

/** Keys of one seed that are remembered. */
const REMEMBERED = 8;

/**
 * The primes of primary RSA keys made last. The search for them depends on nothing but its job, and callers make the same
 * primary key at every boot. What is remembered is found by the seed it comes from, and gone with it: with the array, which
 * stays the same until a Clear, a Reset or an exchange of the seed puts another one in its place.
 */
export class PrimaryKeyJobs {
  readonly #tpm: Engine;
  readonly #bySeed = new WeakMap<Bytes, Map<string, JobResult>>();

  constructor(tpm: Engine) {
    this.#tpm = tpm;
  }

  /** Goes on with `creation`, and hands out only the jobs that have not been done for this hierarchy. */
  *answer<T>(hierarchy: number, creation: Generator<Job, T, JobResult>): Generator<Job, T, JobResult> {
    // Of a limited hierarchy the base's seed: the name of a job tells apart what derives from either.
    const known = this.#of(this.#tpm.hierarchies.seedOf(baseHierarchy(hierarchy)).seed);
    let step = creation.next();
    while (step.done !== true) {
      const job = step.value;
      const name = this.#nameOf(job);
      const result = known.get(name) ?? (yield job);
      remember(known, name, result);
      step = creation.next(result);
    }
    return step.value;
  }

  #of(seed: Bytes): Map<string, JobResult> {
    const known = this.#bySeed.get(seed) ?? new Map<string, JobResult>();
    this.#bySeed.set(seed, known);
    return known;
  }

  /** A digest of all that the result depends on: no secret, so it may be a string. */
  #nameOf({ kind, generator, keyBits, exponent, level, sign }: Job): string {
    const writer = new Writer();
    writer.bytes(generator.key);
    writer.bytes(generator.v);
    UINT64.write(writer, generator.reseedCounter);
    for (const number of [keyBits, exponent, level, sign ? 1 : 0]) UINT32.write(writer, number);
    return `${kind} ${toHex(this.#tpm.platform.crypto.hash("SHA256", writer.finish()))}`;
  }
}

/** Puts the newest last, and forgets the oldest. */
function remember(known: Map<string, JobResult>, name: string, result: JobResult): void {
  known.delete(name);
  known.set(name, result);
  if (known.size <= REMEMBERED) return;
  const [oldest] = known.keys();
  if (oldest !== undefined) known.delete(oldest);
}
