import type { CryptoProvider } from "@vtpm/crypto";
import { toHex } from "@vtpm/wire";
import { type Job, type JobResult, runJob } from "../../dispatch/job.ts";

const MOST = 2000;

/**
 * Searches for primes, which take most of the time of a sequence, once: twins are asked for the same keys, and so are
 * sequences that begin with the same primary keys.
 */
export class RememberedJobs {
  readonly #results = new Map<string, JobResult>();

  run(crypto: CryptoProvider, job: Job): JobResult {
    const key = JSON.stringify(job, (_name, value: unknown) =>
      value instanceof Uint8Array ? toHex(value) : typeof value === "bigint" ? `${value}n` : value,
    );
    const known = this.#results.get(key);
    if (known !== undefined) return known;
    const result = runJob(crypto, job);
    if (this.#results.size >= MOST) this.#results.clear();
    this.#results.set(key, result);
    return result;
  }
}
