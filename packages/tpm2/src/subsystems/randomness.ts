import type { RandomSource } from "@vtpm/crypto";
import type { Engine } from "../engine.ts";

/** The engine's random bytes in the form that signatures, paddings and key generation take them. */
export const randomnessOf = (tpm: Engine): RandomSource => ({ generate: (size) => tpm.random(size) });
