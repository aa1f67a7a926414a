import type { Bytes } from "@vtpm/wire";
import { TPM_ALG } from "../../spec/constants.ts";
import { withoutTrailingZeros } from "../entities.ts";
import { digestSizeOf } from "../hash-algorithms.ts";

/** The size of the authValue of an object without nameAlg: that of the longest digest. */
const MAX_AUTH_SIZE = 64;

/**
 * An authValue as objects keep it: padded with zeros to the size of the Name's digest. `undefined` if it is longer.
 *
 * @spec Part 1, "Authorization Size Convention"
 */
export function paddedAuth(auth: Bytes, nameAlg: number): Bytes | undefined {
  const size = nameAlg === TPM_ALG.NULL ? MAX_AUTH_SIZE : digestSizeOf(nameAlg);
  const significant = withoutTrailingZeros(auth);
  if (significant.length > size) return undefined;
  const padded = new Uint8Array(size);
  padded.set(significant);
  return padded;
}
