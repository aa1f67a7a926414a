import type { CryptoProvider } from "@vtpm/crypto";
import { createNodeProvider } from "@vtpm/crypto/node";
import type { Bytes } from "@vtpm/wire";
import type { Firmware, Platform } from "../platform.ts";

const NODE = createNodeProvider();

/** Secrets of a firmware, made of a number that tells it from others. */
export const testFirmware = (svn: number, number = 1): Firmware => ({
  svn,
  secret: () => new Uint8Array(64).fill(number),
  svnSecret: (of) => new Uint8Array(64).fill(of, 0, 32),
});

/** A platform whose entropy is a fixed stream and whose clock is moved by hand. */
export class TestPlatform implements Platform {
  readonly crypto: CryptoProvider;
  /** Milliseconds; add to it to let time pass. */
  clock = 0;
  presence = false;
  firmware?: Firmware;
  #drawn = 0;
  readonly #seed: Bytes;

  constructor(seed = "vtpm", crypto: CryptoProvider = NODE) {
    this.crypto = crypto;
    this.#seed = Uint8Array.from(seed, (character) => character.charCodeAt(0));
  }

  now(): number {
    return this.clock;
  }

  entropy(size: number): Bytes {
    const bytes = new Uint8Array(size);
    for (let offset = 0; offset < size; offset += 32) {
      const counter = Uint8Array.of(this.#drawn >>> 24, this.#drawn >>> 16, this.#drawn >>> 8, this.#drawn);
      bytes.set(this.crypto.hash("SHA256", this.#seed, counter).slice(0, size - offset), offset);
      this.#drawn++;
    }
    return bytes;
  }

  stir(): void {
    this.#drawn += 1000;
  }

  physicalPresence(): boolean {
    return this.presence;
  }
}
