import { concatBytes } from "@vtpm/wire";
import { bigIntToBytes } from "./big-integer.ts";
import type { Bytes, CryptoProvider, HashName } from "./provider.ts";

/** The mask of `size` bytes that a seed stands for. @spec RFC 8017, "MGF1" */
export function mgf1(provider: CryptoProvider, hashAlg: HashName, seed: Bytes, size: number): Bytes {
  const blocks: Bytes[] = [];
  for (let counter = 0n, filled = 0; filled < size; counter++) {
    const block = provider.hash(hashAlg, seed, bigIntToBytes(counter, 4));
    blocks.push(block);
    filled += block.length;
  }
  return concatBytes(...blocks).slice(0, size);
}

/** XORs the mask of a seed into data, in place. */
export function applyMgf1(provider: CryptoProvider, hashAlg: HashName, seed: Bytes, data: Bytes): void {
  const mask = mgf1(provider, hashAlg, seed, data.length);
  for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) ^ (mask[i] as number);
}
