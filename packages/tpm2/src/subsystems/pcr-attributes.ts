import { bits, UINT8 } from "@vtpm/wire";

/** A set of localities, one bit each. */
const LOCALITIES = bits("localities", UINT8, { 0: 0, 1: 1, 2: 2, 3: 3, 4: 4 });

/** What one PCR is for. */
export interface PcrAttributes {
  /** Whether Shutdown(STATE) saves it. */
  readonly stateSave: boolean;
  /** Whether changing it leaves the PCR update counter alone. */
  readonly noIncrement: boolean;
  /** The localities that may extend and reset it. */
  readonly extend: number;
  readonly reset: number;
}

/** Measured by the H-CRTM before TPM2_Startup. */
export const HCRTM_PCR = 0;
/** Measured by a dynamic root of trust. */
export const DRTM_PCR = 17;

const STATIC: PcrAttributes = { stateSave: true, noIncrement: false, extend: 0x1f, reset: 0 };
/** Anybody may extend and, below locality 4, reset them. */
const FREE: PcrAttributes = { stateSave: false, noIncrement: true, extend: 0x1f, reset: 0x0f };
const dynamic = (extend: number, reset: number, noIncrement = false): PcrAttributes => ({
  stateSave: false,
  noIncrement,
  extend,
  reset,
});

/** The PCRs of libtpms: those of the PC Client Platform, with some wider resets. */
const PCRS: readonly PcrAttributes[] = [
  ...Array.from({ length: 16 }, () => STATIC),
  FREE,
  dynamic(0x1c, 0x10),
  dynamic(0x1c, 0x10),
  dynamic(0x0c, 0x10),
  dynamic(0x0e, 0x1c),
  dynamic(0x04, 0x1c, true),
  dynamic(0x04, 0x1c, true),
  FREE,
];

/** The number of PCRs. */
export const PCR_COUNT = PCRS.length;

/** The numbers of all PCRs, and of those that Shutdown(STATE) saves. */
export const ALL_PCRS: readonly number[] = PCRS.map((_, pcr) => pcr);
export const SAVED_PCRS: readonly number[] = ALL_PCRS.filter((pcr) => PCRS[pcr]?.stateSave === true);

/** What PCR `pcr` is for. */
export function attributesOfPcr(pcr: number): PcrAttributes {
  const attributes = PCRS[pcr];
  if (attributes === undefined) throw new RangeError(`there is no PCR ${pcr}`);
  return attributes;
}

/** Whether a set of localities has `locality`; those above 4 are in no set. */
export const hasLocality = (localities: number, locality: number): boolean =>
  locality <= 4 && LOCALITIES.intersects(localities, 2 ** locality);

/** Whether a D-RTM sets the PCR to zero; such a PCR starts with all bits set. */
export const isDynamic = (pcr: number): boolean => hasLocality(attributesOfPcr(pcr).reset, 4);
