import { type Bytes, bits, UINT8 } from "@vtpm/wire";
import { TPM_EO } from "../spec/constants.ts";

/** Any eight bits, for the comparisons bit by bit. */
const OCTET = bits("octet", UINT8, {}, "kept");
const ALL_ONES = 0xff;

/**
 * Compares two operands of the same size as TPM2_PolicyNV and its relatives do.
 *
 * @spec Part 2, "TPM_EO (EA Arithmetic Operands)"
 */
export function isConditionMet(operation: TPM_EO, a: Bytes, b: Bytes): boolean {
  switch (operation) {
    case TPM_EO.EQ:
      return compareUnsigned(a, b) === 0;
    case TPM_EO.NEQ:
      return compareUnsigned(a, b) !== 0;
    case TPM_EO.SIGNED_GT:
      return compareSigned(a, b) > 0;
    case TPM_EO.UNSIGNED_GT:
      return compareUnsigned(a, b) > 0;
    case TPM_EO.SIGNED_LT:
      return compareSigned(a, b) < 0;
    case TPM_EO.UNSIGNED_LT:
      return compareUnsigned(a, b) < 0;
    case TPM_EO.SIGNED_GE:
      return compareSigned(a, b) >= 0;
    case TPM_EO.UNSIGNED_GE:
      return compareUnsigned(a, b) >= 0;
    case TPM_EO.SIGNED_LE:
      return compareSigned(a, b) <= 0;
    case TPM_EO.UNSIGNED_LE:
      return compareUnsigned(a, b) <= 0;
    case TPM_EO.BITSET:
      return b.every((mask, i) => !OCTET.intersects(ALL_ONES - (a[i] ?? 0), mask));
    case TPM_EO.BITCLEAR:
      return b.every((mask, i) => !OCTET.intersects(a[i] ?? 0, mask));
  }
}

function compareUnsigned(a: Bytes, b: Bytes): number {
  const differs = a.findIndex((byte, i) => byte !== b[i]);
  return differs < 0 ? 0 : (a[differs] ?? 0) - (b[differs] ?? 0);
}

/** Two's complement: numbers of the same sign are in the order of unsigned ones. */
function compareSigned(a: Bytes, b: Bytes): number {
  const [aNegative, bNegative] = [isNegative(a), isNegative(b)];
  if (aNegative !== bNegative) return aNegative ? -1 : 1;
  return compareUnsigned(a, b);
}

const isNegative = (number: Bytes): boolean => (number[0] ?? 0) >= 0x80;
