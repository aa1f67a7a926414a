import { fileURLToPath } from "node:url";
import { isPeerDebians, peerProgram } from "../../bench/swtpm-programs.ts";

/** A program with swtpm's command line: the words it begins with. */
export interface SwtpmProgram {
  readonly name: string;
  readonly command: readonly string[];
  /** Whether it shuts the TPM down in an orderly way when QEMU resets the machine: swtpm does from 0.8 on. */
  readonly shutsDown: boolean;
  /** What its control channel can do for a TPM 2.0. */
  readonly capability: number;
  /** Bytes of the smallest command buffer of a TPM 2.0. */
  readonly minBufferSize: number;
}

const { TPM_UNDER_TEST } = process.env;
const program = fileURLToPath(new URL("../../packages/vtpm/bin/swtpm.cjs", import.meta.url));

export const ourSwtpm: SwtpmProgram = {
  name: "our swtpm",
  command: [process.execPath, program],
  shutsDown: true,
  capability: 0x1ffff,
  minBufferSize: 2896,
};

/** swtpm 0.7.1 with libtpms 0.9.2; or the one that is asked for, with those that we follow. */
export const debiansSwtpm: SwtpmProgram = {
  ...ourSwtpm,
  name: "Debian's swtpm",
  command: [peerProgram("swtpm")],
  ...(isPeerDebians && { shutsDown: false, capability: 0xffff, minBufferSize: 2808 }),
};

/** Ours, unless the environment asks for the peer: to see that a rig or a test is right. */
export const swtpmUnderTest = TPM_UNDER_TEST === "swtpm" ? debiansSwtpm : ourSwtpm;
