import { encodePermanent, sealEnvelope } from "@vtpm/state";
import { type NvState, type Profile, Tpm } from "@vtpm/tpm2";
import { TestPlatform } from "@vtpm/tpm2/testing/fuzz";
import type { Bytes } from "@vtpm/wire";

const counting = (first: number): Bytes => Uint8Array.from({ length: 64 }, (_, i) => first + i);

const platform = (): TestPlatform => new TestPlatform("differential");

/** A durable state with known seeds and proofs. */
export function knownSeedsState(profile: Profile): NvState {
  const { nv } = Tpm.manufacture(platform(), profile).state;
  const persistent = {
    ...nv.persistent,
    EPSeed: counting(0x00),
    SPSeed: counting(0x40),
    PPSeed: counting(0x80),
    phProof: counting(0xc0),
    shProof: counting(0x00),
    ehProof: counting(0x40),
    resetCount: 5,
    maxCounter: 9n,
  };
  const orderly = { ...nv.orderly, clock: 123456789n };
  return { ...nv, persistent, orderly };
}

/** A state as swtpm reads it from its file. */
export function stateFile(nv: NvState): Bytes {
  const { crypto } = platform();
  return sealEnvelope(encodePermanent(nv), { crypto, entropy: (size) => new Uint8Array(size) });
}
