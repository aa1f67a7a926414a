import type { CryptoProvider, RandomSource } from "@vtpm/crypto";

/** What a caller needs for sessions with secrets: an engine's platform has the same for the other side. */
export interface CallerCrypto {
  readonly provider: CryptoProvider;
  readonly random: RandomSource;
}
