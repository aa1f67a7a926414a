import { LINEAR_SECTION, type LinearSection, type LinearSections, sectionsByPlace } from "@vtpm/state";

/** The section of our own: swtpm keeps it, moves it with the others, and never looks into it. */
export const JOURNAL_SECTION = 14;

/**
 * Where sections begin. The first of these units has the header, and the header alone is ever written there: a write that is
 * torn by a power cut cannot reach it from its neighbourhood.
 */
const UNIT = 0x1000;
/** Offsets have 32 bits. */
const MAX_STORE_SIZE = 0xffff_ffff;

/**
 * The first place for `size` bytes that nothing in use reaches into, within a store that can have `limit` bytes; `undefined`
 * when there is none. What a section has beyond its data is free.
 */
export function findPlace(sections: LinearSections, size: number, limit: number | undefined): number | undefined {
  let place = UNIT;
  for (const [, { offset, dataSize }] of sectionsByPlace(sections)) {
    if (dataSize === 0) continue;
    if (place + size <= offset) return place;
    place = Math.max(place, unitsFor(offset + dataSize));
  }
  return place + size <= Math.min(limit ?? MAX_STORE_SIZE, MAX_STORE_SIZE) ? place : undefined;
}

/** Bytes of the whole units that `size` bytes take. */
export function unitsFor(size: number): number {
  return UNIT * Math.ceil(size / UNIT);
}

/** The size that swtpm gives a section: the next power of two. */
export function sectionSizeFor(dataSize: number): number {
  return dataSize <= 1 ? dataSize : 2 ** Math.ceil(Math.log2(dataSize));
}

/** The sections with one of them put elsewhere or, without a place, gone. */
export function withSection(
  sections: LinearSections,
  number: number,
  section: LinearSection | undefined,
): LinearSections {
  const changed = new Map(sections);
  if (section === undefined) changed.delete(number);
  else changed.set(number, section);
  return changed;
}

/**
 * The same sections, each reaching to the next one. When swtpm takes one out it moves all behind it by that one's size, so there
 * must be no gap between two of them.
 */
export function withoutGaps(sections: LinearSections): LinearSections {
  const placed = sectionsByPlace(sections);
  return new Map(
    placed.map(([number, section], i) => {
      const next = placed[i + 1]?.[1];
      const size = next === undefined ? ownSize(number, section) : next.offset - section.offset;
      return [number, { ...section, size }];
    }),
  );
}

/** Where the last section ends: what the store must have at least, and a regular file has after an orderly end. */
export function endOf(sections: LinearSections): number {
  let end = 0;
  for (const { offset, size } of sections.values()) end = Math.max(end, offset + size);
  return end;
}

function ownSize(number: number, { dataSize, size }: LinearSection): number {
  if (number === JOURNAL_SECTION) return dataSize;
  const isKnown = Object.values<number>(LINEAR_SECTION).includes(number);
  return isKnown ? sectionSizeFor(dataSize) : size;
}
