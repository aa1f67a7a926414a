import type { CurveName } from "../provider.ts";
import { CURVES } from "./curves.ts";

/** Both numbers of a signature on a curve. */
export interface EccSignature {
  readonly r: bigint;
  readonly s: bigint;
}

/** Whether both numbers are in `1 … n - 1`, as every scheme demands. */
export function isSignatureInRange(curve: CurveName, { r, s }: EccSignature): boolean {
  const { n } = CURVES[curve];
  return r > 0n && r < n && s > 0n && s < n;
}
