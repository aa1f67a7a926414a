import { randomFillSync } from "node:crypto";
import type { RandomSource } from "../provider.ts";

const POOL_SIZE = 4096;

/** The operating system's entropy. Small requests come from a pool, since one call of OpenSSL costs more than 32 bytes are worth. */
export function createNodeEntropy(): RandomSource {
  const pool = new Uint8Array(POOL_SIZE);
  let used = POOL_SIZE;
  return {
    generate(size) {
      if (size > POOL_SIZE) return randomFillSync(new Uint8Array(size));
      if (used + size > POOL_SIZE) {
        randomFillSync(pool);
        used = 0;
      }
      const bytes = pool.slice(used, used + size);
      // What was handed out must not be found here later.
      pool.fill(0, used, used + size);
      used += size;
      return bytes;
    },
  };
}
