import { TPM2B_DIGEST } from "@vtpm/tpm2/spec";
import { SEED_LEVEL } from "@vtpm/tpm2/state";
import {
  block,
  changed,
  choice,
  counted,
  since,
  struct,
  type TypeOf,
  UINT8,
  UINT16,
  UINT32,
  UINT64,
  versioned,
} from "@vtpm/wire";
import { SECRET } from "./secret.ts";

const SESSIONS = 64;

/** How many bits of a saved context's counter `contextArray` keeps: 16, or 8 in a history that began before libtpms 0.9. */
export const SLOT_MASK = { NARROW: 0x00ff, WIDE: 0xffff } as const;

/** The first version that says which. */
export const FIRST_WITH_SLOT_MASK = 4;

/** What a TPM Reset forgets. */
export const STATE_RESET_DATA = versioned(
  "STATE_RESET_DATA",
  { magic: 0x01102332, newest: 4, additions: { nullSeedCompatLevel: [3, SEED_LEVEL] } },
  {
    nullProof: SECRET,
    nullSeed: SECRET,
    clearCount: UINT32,
    objectContextID: UINT64,
    contextArray: changed(
      counted("contextArray", UINT8, SESSIONS),
      FIRST_WITH_SLOT_MASK,
      counted("contextArray", UINT16, SESSIONS),
    ),
    contextSlotMask: since(
      FIRST_WITH_SLOT_MASK,
      choice("context slot mask", UINT16, { values: Object.values(SLOT_MASK), reason: "VALUE" }),
    ),
    contextCounter: UINT64,
    commandAuditDigest: TPM2B_DIGEST,
    restartCount: UINT32,
    pcrCounter: UINT32,
    commits: block(
      struct("commits", { commitCounter: UINT64, commitNonce: SECRET, commitArray: counted("commitArray", UINT8, 16) }),
    ),
  },
);
export type STATE_RESET_DATA = TypeOf<typeof STATE_RESET_DATA>;
