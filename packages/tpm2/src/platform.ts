import type { CryptoProvider } from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";

/**
 * What hierarchies can be limited to: only whoever embeds the engine can know that other firmware, or firmware with a lower security
 * version number (SVN), does not get these secrets.
 */
export interface Firmware {
  /** 0 to 65535; never lower than that of firmware which had the same secrets. */
  readonly svn: number;
  /** A secret of this very firmware. */
  secret(): Bytes;
  /** A secret that all firmware of this SVN and above gets; asked for no more than its own. */
  svnSecret(svn: number): Bytes;
}

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
  /** Without it no hierarchy is limited to a firmware; only profile `latest` has such hierarchies. */
  readonly firmware?: Firmware;
}
