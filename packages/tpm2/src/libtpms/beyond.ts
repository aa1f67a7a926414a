/**
 * The version of a structure that holds what no libtpms has a place for. libtpms compares it with its own version and refuses
 * the structure instead of reading it half.
 */
export const BEYOND_LIBTPMS = 0x8001;
