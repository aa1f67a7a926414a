import { type Bytes, equalBytes } from "@vtpm/wire";

/** Bytes of a block of the generator. */
const BLOCK_SIZE = 16;

/** Whether two blocks in a row are the same, which no working generator lets happen. @spec FIPS 140-2, 4.9.2 */
export function repeatsBlock(bytes: Bytes): boolean {
  for (let end = 2 * BLOCK_SIZE; end <= bytes.length; end += BLOCK_SIZE) {
    const middle = end - BLOCK_SIZE;
    if (equalBytes(bytes.subarray(middle - BLOCK_SIZE, middle), bytes.subarray(middle, end))) return true;
  }
  return false;
}
