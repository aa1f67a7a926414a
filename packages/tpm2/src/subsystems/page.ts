/** The part of a list that an answer has room for. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Whether there is more behind it. */
  readonly more: boolean;
}

/** The first `count` items, but never more than `most`. */
export function page<T>(all: readonly T[], count: number, most: number): Page<T> {
  const items = all.slice(0, Math.min(count, most));
  return { items, more: items.length < all.length };
}
