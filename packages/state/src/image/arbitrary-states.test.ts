import { createNodeProvider } from "@vtpm/crypto/node";
import { DEFAULT_V1, DEFAULT_V2, LATEST, NULL_PROFILE } from "@vtpm/tpm2";
import { EMPTY } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arbitraryNvState, arbitraryState } from "../testing/arbitrary-state.ts";
import { differenceOf } from "../testing/difference.ts";
import { decodePermanent, encodePermanent } from "./permanent.ts";
import { decodeVolatile, encodeVolatile } from "./volatile.ts";

const NOW_MS = 1_000_000;
const clocks = { monotonicMs: BigInt(NOW_MS), wallClockMs: 1_700_000_000_000n, crypto: createNodeProvider() };

describe.each([NULL_PROFILE, DEFAULT_V1, DEFAULT_V2, LATEST])("any state of a TPM of profile $name", (profile) => {
  test("is what its permanent image is read as, and that is written again as it was", () => {
    fc.assert(
      fc.property(arbitraryNvState(profile), (nv) => {
        const image = encodePermanent(nv);
        const read = decodePermanent(image);
        expect({ ...read, imageForm: undefined }).toEqual({ ...nv, imageForm: undefined });
        expect(differenceOf(encodePermanent(read), image)).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  test("is what its volatile image is read as, and that is written again as it was", () => {
    fc.assert(
      fc.property(arbitraryState(profile, NOW_MS), (state) => {
        const image = encodeVolatile(state, clocks);
        const read = decodeVolatile(image, state.nv, clocks);
        expect({ ...read.ram, imageForm: EMPTY }).toEqual(state.ram);
        expect(read.nv).toBe(state.nv);
        expect(differenceOf(encodeVolatile(read, clocks), image)).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });
});
