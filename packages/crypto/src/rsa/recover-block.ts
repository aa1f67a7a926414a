import type { Bytes, CryptoProvider } from "../provider.ts";
import { isRsaBlock } from "./block.ts";
import type { RsaPublicKey } from "./public-key.ts";

/** What the signer's private operation was applied to; `undefined` if no signer can have made this signature. */
export function recoverBlock(provider: CryptoProvider, key: RsaPublicKey, signature: Bytes): Bytes | undefined {
  if (signature.length !== key.modulus.length || !isRsaBlock(key.modulus, signature)) return undefined;
  return provider.rsaPublic(key.modulus, key.exponent, signature);
}
