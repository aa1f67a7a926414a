import { TPM_RC } from "@vtpm/tpm2";
import type { CommandStep, Exchange } from "@vtpm/tpm2/testing/fuzz";

/** A difference that is meant: what the installed peer, libtpms 0.9.2, does otherwise than the revision we follow. */
export interface KnownDifference {
  /** Why, in words; `docs/conformance.md` has the same list. */
  readonly reason: string;
  matches(difference: string, step: CommandStep, ours: Exchange, theirs: Exchange): boolean;
}

/** Every known difference, one by one. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    reason: "TPM2_Create without a free slot is refused with OBJECT_MEMORY; 0.9.2 said RETRY",
    matches: (_difference, step, ours, theirs) =>
      step.name === "Create" && ours.rc === TPM_RC.OBJECT_MEMORY && theirs.rc === TPM_RC.RETRY,
  },
];
