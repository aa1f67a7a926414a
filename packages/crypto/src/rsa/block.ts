import type { Bytes } from "../provider.ts";

/** Whether RSA can work on a block: no longer than the modulus and below it. */
export function isRsaBlock(modulus: Bytes, block: Bytes): boolean {
  if (block.length !== modulus.length) return block.length < modulus.length;
  for (let i = 0; i < block.length; i++) {
    const difference = (block[i] as number) - (modulus[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** @throws RangeError if `isRsaBlock` does not hold */
export function assertRsaBlock(modulus: Bytes, block: Bytes): void {
  if (!isRsaBlock(modulus, block)) throw new RangeError("block is not below the modulus");
}
