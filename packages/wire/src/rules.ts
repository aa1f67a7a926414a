/**
 * What a profile decides and a schema therefore asks for: sizes that differ from TPM to TPM, and which of the values that
 * the format knows this TPM has.
 */
export interface Rules {
  /** The value of a named limit, such as `MAX_NV_BUFFER_SIZE`. */
  limit(name: string): number;
  /** Whether `value` of the set `set` (an algorithm, a curve, a command) exists in this TPM. */
  allows(set: string, value: number): boolean;
}

/**
 * Rules under which every known value is allowed and nothing is limited: for decoding other TPMs' messages. The limit is
 * the number of handles of one kind, which is more than any size or count.
 */
export const ANY: Rules = {
  limit: (name) => (name.endsWith("_MIN") ? 0 : 0x1000000),
  allows: () => true,
};
