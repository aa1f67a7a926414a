import { type Bytes, bits, UINT8 } from "@vtpm/wire";
import { ALL_PCRS, PCR_COUNT } from "./pcr-attributes.ts";

/** Bytes of a bit map of PCRs. */
const SELECT_SIZE = Math.ceil(PCR_COUNT / 8);
const BYTE_OF_PCRS = bits("PCRs", UINT8, {});

/** The bit of each PCR in its byte of a bit map. */
const BIT_OF_PCR: readonly number[] = ALL_PCRS.map((pcr) => 2 ** (pcr % 8));

/** Whether the bit map has PCR `pcr`. */
export function hasPcr(select: Bytes, pcr: number): boolean {
  const byte = select[Math.floor(pcr / 8)] ?? 0;
  return byte !== 0 && BYTE_OF_PCRS.intersects(byte, BIT_OF_PCR[pcr] ?? 0);
}

/** The PCRs of a bit map, ascending. */
export const pcrsOf = (select: Bytes): number[] => ALL_PCRS.filter((pcr) => hasPcr(select, pcr));

/** The bit map of some PCRs. */
export function selectPcrs(pcrs: readonly number[], size = SELECT_SIZE): Bytes {
  const select = new Uint8Array(size);
  for (const pcr of new Set(pcrs)) {
    const byte = Math.floor(pcr / 8);
    select[byte] = (select[byte] ?? 0) + 2 ** (pcr % 8);
  }
  return select;
}

/** The bit map with every PCR. */
export const everyPcr = (): Bytes => selectPcrs(ALL_PCRS);
