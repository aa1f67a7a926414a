import { createHash } from "node:crypto";
import type { CryptoProvider } from "@vtpm/crypto";
import { createNodeEntropy, createNodeProvider } from "@vtpm/crypto/node";
import type { Platform } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";

/** The clock, entropy and cryptography of this process. */
export class NodePlatform implements Platform {
  readonly crypto: CryptoProvider = createNodeProvider();
  /** Whether the button is pressed. */
  presence = false;
  readonly #system = createNodeEntropy();
  /** What callers have stirred in so far; absent: nobody has. */
  #stirred: Bytes | undefined;

  now(): number {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + Math.trunc(nanoseconds / 1e6);
  }

  entropy(size: number): Bytes {
    const bytes = this.#system.generate(size);
    if (this.#stirred === undefined) return bytes;
    // Added to the system's bytes, not put in their place: whoever knows what was stirred in knows nothing of the result.
    const stream = createHash("shake256", { outputLength: size });
    const added = stream.update(this.#stirred).update(this.#system.generate(32)).digest();
    return bytes.map((byte, i) => byte ^ (added[i] ?? 0));
  }

  stir(data: Bytes): void {
    const stirred = createHash("sha512");
    if (this.#stirred !== undefined) stirred.update(this.#stirred);
    this.#stirred = stirred.update(data).digest();
  }

  physicalPresence(): boolean {
    return this.presence;
  }
}
