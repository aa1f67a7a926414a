import { createKdfaStream, Drbg, type SeedLevel } from "@vtpm/crypto";
import { type Bytes, EMPTY } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import type { TPMS_DERIVE, TPMT_PUBLIC } from "../../spec/structures/index.ts";
import type { KEY_SLOT } from "../../state/object.ts";
import { hashNameOf } from "../hash-algorithms.ts";
import { baseHierarchy } from "../limited-hierarchies.ts";
import type { KeySource } from "./key-generation.ts";
import { nameOfPublic } from "./names.ts";

/** How primes are searched for in all keys that do not derive from an old seed. */
const CURRENT_LEVEL: SeedLevel = 1;
/** As many bytes as the state of a generator. */
const ENTROPY_SIZE = 48;
/** How much a derived object may draw; goes into the derivation. */
const MAX_DERIVATION_BITS = 8192;

// A generator has the platform's provider: that it uses AES does not count as a test of AES.

/** For an ordinary object: fresh every time. */
export function freshSource(tpm: Engine): KeySource {
  const random = Drbg.instantiateSeeded(tpm.platform.crypto, tpm.random(ENTROPY_SIZE));
  return { random, level: CURRENT_LEVEL, stir: [] };
}

/**
 * For a primary object: the same for the same seed, template and data.
 *
 * @spec Part 1, "Primary Object Creation"
 */
export function primarySource(tpm: Engine, hierarchy: number, template: TPMT_PUBLIC, data: Bytes): KeySource {
  const { seed, level } = tpm.hierarchies.seedOf(hierarchy);
  const label = Uint8Array.from("Primary Object Creation\0", (letter) => letter.charCodeAt(0));
  const { shProof, ehProof } = tpm.persistent;
  return {
    random: Drbg.instantiateSeeded(tpm.platform.crypto, seed, label, nameOfPublic(tpm, template), data),
    level: seedLevel(level),
    // TPM2_Clear changes the proofs, and no child of an endorsement key shall survive it.
    stir: baseHierarchy(hierarchy) === TPM_RH.ENDORSEMENT ? [shProof, ehProof] : [],
  };
}

/** For an object derived from the secret of its parent. @spec Part 1, "Derived Objects" */
export function derivedSource(tpm: Engine, parent: KEY_SLOT, { label, context }: TPMS_DERIVE): KeySource {
  const { publicArea, sensitive, seedCompatLevel } = parent;
  const scheme = publicArea.type === TPM_ALG.KEYEDHASH ? publicArea.parameters.scheme : undefined;
  if (scheme?.scheme !== TPM_ALG.XOR || sensitive === undefined) throw new RangeError("not a derivation parent");
  tpm.countAsTested(TPM_ALG.KDF1_SP800_108);
  const random = createKdfaStream(tpm.crypto, {
    hashAlg: hashNameOf(scheme.details.hashAlg),
    key: sensitive.sensitive,
    label,
    contextU: context,
    contextV: EMPTY,
    bits: MAX_DERIVATION_BITS,
  });
  return { random, level: seedLevel(seedCompatLevel), stir: [] };
}

const seedLevel = (level: number): SeedLevel => (level === 0 ? 0 : CURRENT_LEVEL);
