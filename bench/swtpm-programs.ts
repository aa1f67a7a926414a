import { join } from "node:path";

const DEBIANS = "/usr/bin";
const { SWTPM_PROGRAMS = DEBIANS } = process.env;

/** Whether it is swtpm 0.7.1 with libtpms 0.9.2; another one is taken for the revision that we follow. */
export const isPeerDebians = SWTPM_PROGRAMS === DEBIANS;

/**
 * The path of one of the peer's programs: Debian's, or in the folder that the environment names for a comparison by hand. By its
 * path, because npm puts the programs of the same names of ours first in PATH.
 */
export const peerProgram = (name: `swtpm${string}`): string => join(SWTPM_PROGRAMS, name);
