import type {
  ORDERLY_DATA as Orderly,
  PCR_BANKS,
  STATE_CLEAR_DATA as StateClear,
  STATE_RESET_DATA as StateReset,
} from "@vtpm/tpm2/state";
import type { Header } from "@vtpm/wire";
import type { DRBG_STATE, ORDERLY_DATA } from "./orderly-data.ts";
import type { STATE_CLEAR_DATA } from "./state-clear-data.ts";
import { FIRST_WITH_SLOT_MASK, SLOT_MASK, type STATE_RESET_DATA } from "./state-reset-data.ts";

// The parts that a permanent and a volatile image have in common, as the TPM has them.

export function orderlyFromImage({ clock, clockSafe, timers }: ORDERLY_DATA): Orderly {
  return { clock, clockSafe, ...timers };
}

export function orderlyToImage(
  { clock, clockSafe, selfHealTimer, lockoutTimer, time }: Orderly,
  header: Header,
  drbgState: DRBG_STATE,
): ORDERLY_DATA {
  return { ...header, clock, clockSafe, drbgState, timers: { selfHealTimer, lockoutTimer, time } };
}

export function stateResetFromImage({
  version: _version,
  minVersion: _minVersion,
  later: _later,
  commits,
  nullSeedCompatLevel = 0,
  contextSlotMask = SLOT_MASK.NARROW,
  ...rest
}: STATE_RESET_DATA): StateReset {
  const { commitArray, ...commit } = commits;
  return { ...rest, ...commit, commitArray: Uint8Array.from(commitArray), nullSeedCompatLevel, contextSlotMask };
}

export function stateResetToImage(
  { commitCounter, commitNonce, commitArray, contextSlotMask, ...rest }: StateReset,
  header: Header,
): STATE_RESET_DATA {
  const isNarrow = contextSlotMask === SLOT_MASK.NARROW;
  // Entries of 16 bits have no place in the old layout.
  const version = isNarrow ? header.version : Math.max(header.version, FIRST_WITH_SLOT_MASK);
  return {
    ...header,
    version,
    minVersion: version === header.version ? header.minVersion : version,
    ...rest,
    contextSlotMask: isNarrow ? SLOT_MASK.NARROW : SLOT_MASK.WIDE,
    commits: { commitCounter, commitNonce, commitArray: [...commitArray] },
  };
}

export function stateClearFromImage(
  { version: _version, minVersion: _minVersion, later: _later, pcrSave, pcrAuthValue, ...rest }: STATE_CLEAR_DATA,
  otherBanks: PCR_BANKS,
): StateClear {
  const [authValue] = pcrAuthValue.values;
  if (authValue === undefined) throw new RangeError("the image has no authValue for PCRs");
  return { ...rest, pcrSave: new Map([...pcrSave.banks, ...otherBanks]), pcrAuthValue: authValue };
}

export function stateClearToImage({ pcrSave, pcrAuthValue, ...rest }: StateClear, header: Header): STATE_CLEAR_DATA {
  return { ...header, ...rest, pcrSave: { count: 16, banks: pcrSave }, pcrAuthValue: { values: [pcrAuthValue] } };
}
