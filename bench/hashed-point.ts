import { createHash } from "node:crypto";
import { bigIntToBytes, bytesToBigInt, type Curve, createPortableProvider } from "@vtpm/crypto";

const { modPow } = createPortableProvider();

/** What TPM2_Commit makes a point of: its x is the hash of `s2`. `undefined` on P-224 alone, where square roots are not as easy. */
export function hashedPoint({
  p,
  a,
  b,
  fieldSize,
}: Curve): { readonly s2: Uint8Array; readonly y2: Uint8Array } | undefined {
  if (p % 4n !== 3n) return undefined;
  for (let i = 0; ; i++) {
    const s2 = Uint8Array.of(i);
    const x = bytesToBigInt(createHash("sha256").update(s2).digest()) % p;
    const square = (x * x * x + a * x + b) % p;
    const y = modPow(square, (p + 1n) / 4n, p);
    if ((y * y) % p === square) return { s2, y2: bigIntToBytes(y, fieldSize) };
  }
}
