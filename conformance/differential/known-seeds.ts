import { readFileSync } from "node:fs";
import { NULL_PROFILE, type NvState, Tpm } from "@vtpm/tpm2";
import { TestPlatform } from "@vtpm/tpm2/testing/fuzz";
import { type Bytes, fromHex } from "@vtpm/wire";

/** Counting bytes, as they are in the state file. */
const counting = (first: number): Bytes => Uint8Array.from({ length: 64 }, (_, i) => first + i);

/** swtpm's state file with known seeds and proofs. */
export const KNOWN_SEEDS_FILE: Bytes = fromHex(
  readFileSync(new URL("vectors/known-seeds.permall.hex", import.meta.url), "utf8"),
);

/** The Index in it, which our state does not have. */
export const KNOWN_SEEDS_INDEX = 0x01500042;

/** Our durable state with the same seeds and proofs, of the profile that the state file's TPM has. */
export function knownSeedsState(): NvState {
  const { nv } = Tpm.manufacture(new TestPlatform("differential"), NULL_PROFILE).state;
  const persistent = {
    ...nv.persistent,
    EPSeed: counting(0x00),
    SPSeed: counting(0x40),
    PPSeed: counting(0x80),
    phProof: counting(0xc0),
    shProof: counting(0x00),
    ehProof: counting(0x40),
    // What the state file has been through: resets, and the counters deleted.
    resetCount: 5,
    maxCounter: 9n,
  };
  const orderly = { ...nv.orderly, clock: 123456789n };
  return { ...nv, persistent, orderly };
}
