import { TPMI_YES_NO } from "@vtpm/tpm2/spec";
import { block, choice, counted, settled, struct, type TypeOf, UINT8, UINT32, UINT64, versioned } from "@vtpm/wire";

/** Whether libtpms' generator has been seeded; if not, it seeds itself. */
export const DRBG_TAG = { NONE: 0, SEEDED: 0x47425244 } as const;

/** Key and counter of libtpms' generator. */
const DRBG_SEED_SIZE = 48;

/** libtpms' random number generator. This TPM has the platform's and only hands it on. */
export const DRBG_STATE = settled(
  "DRBG_STATE",
  { magic: 0x6fe83ea1 },
  {
    reseedCounter: UINT64,
    tag: choice("DRBG_TAG", UINT32, { values: Object.values(DRBG_TAG), reason: "VALUE" }),
    seed: counted("seed", UINT8, DRBG_SEED_SIZE),
    lastValue: counted("last value", UINT32, 4),
  },
);
export type DRBG_STATE = TypeOf<typeof DRBG_STATE>;

/** What an orderly shutdown saves and every Startup restores. */
export const ORDERLY_DATA = versioned(
  "ORDERLY_DATA",
  { magic: 0x56657887, newest: 2 },
  {
    clock: UINT64,
    clockSafe: TPMI_YES_NO,
    drbgState: DRBG_STATE,
    timers: block(struct("timers", { selfHealTimer: UINT64, lockoutTimer: UINT64, time: UINT64 })),
  },
);
export type ORDERLY_DATA = TypeOf<typeof ORDERLY_DATA>;
