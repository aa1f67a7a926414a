import type { CryptoProvider } from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";

/** Everything the engine needs from outside; nothing else reaches in. */
export interface Platform {
  /** Milliseconds on a clock that never runs backwards; its origin means nothing. */
  now(): number;
  /** Fresh unpredictable bytes, a new array each time. */
  entropy(size: number): Bytes;
  /** Mixes a caller's bytes into what `entropy` returns later (TPM2_StirRandom). */
  stir(data: Bytes): void;
  /** Whether somebody presses the button that asserts physical presence. */
  physicalPresence(): boolean;
  readonly crypto: CryptoProvider;
}
