/** The version of swtpm and its tools whose interface these programs have, and report. */
export const SWTPM_VERSION = "0.11.0";
