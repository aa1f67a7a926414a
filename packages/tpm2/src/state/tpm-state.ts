import { type Bytes, buffer, list, struct, type TypeOf, table, UINT16, UINT32, UINT64 } from "@vtpm/wire";
import type { Profile } from "../profile.ts";
import { TPMI_YES_NO, TPML_PCR_SELECTION } from "../spec/structures/index.ts";
import { ORDERLY_DATA, PCR_BANKS, type PERSISTENT_DATA, STATE_CLEAR_DATA, STATE_RESET_DATA } from "./data.ts";
import { EXTENSION } from "./extension.ts";
import type { NV_INDEX } from "./nv-index.ts";
import { ORDERLY_INDEX } from "./nv-index.ts";
import { ANY_OBJECT, type OBJECT } from "./object.ts";
import { SESSION } from "./session.ts";

/** What survives a power cut. */
export interface NvState {
  readonly profile: Profile;
  readonly persistent: PERSISTENT_DATA;
  /** As of the last orderly shutdown or clock update. */
  readonly orderly: ORDERLY_DATA;
  readonly orderlyIndices: ReadonlyMap<number, ORDERLY_INDEX>;
  /** Present after TPM2_Shutdown(STATE) only. */
  readonly stateReset: STATE_RESET_DATA | undefined;
  readonly stateClear: STATE_CLEAR_DATA | undefined;
  /** Present after TPM2_Shutdown(STATE), and only where a profile beyond libtpms' has something to keep. */
  readonly extension?: EXTENSION | undefined;
  readonly indices: ReadonlyMap<number, NV_INDEX>;
  readonly objects: ReadonlyMap<number, OBJECT>;
  /**
   * Belongs to whoever reads and writes the state: what its image says and a TPM has no use for, so that the image can be
   * written again as it was.
   */
  readonly imageForm?: Bytes | undefined;
}

/** See `NvState`. */
export const IMAGE_FORM = buffer("image form", { base: UINT32, max: 0x100000 });

/** What a power cut erases. */
export const RAM_STATE = struct("RAM_STATE", {
  /** Whether TPM2_Startup has succeeded since _TPM_Init. */
  started: TPMI_YES_NO,
  /** Whether a fault was found; then only GetTestResult and GetCapability are answered. */
  failed: TPMI_YES_NO,
  /**
   * The platform's clock when TPM time was last brought up to it, milliseconds modulo 2^64: of a TPM that was away while another
   * platform's clock went on, it lies before that of this one began.
   */
  timerLast: UINT64,
  /** Whether TPM time has started at zero since the last Startup. */
  timerWasReset: TPMI_YES_NO,
  /** How fast TPM time goes, in libtpms' steps: 30000 is as fast as the platform's clock, more is slower. */
  clockRate: UINT32,
  /** TPM time: milliseconds since _TPM_Init. */
  time: UINT64,
  orderly: ORDERLY_DATA,
  orderlyIndices: table("orderly indices", UINT32, ORDERLY_INDEX),
  stateReset: STATE_RESET_DATA,
  stateClear: STATE_CLEAR_DATA,
  phEnable: TPMI_YES_NO,
  /** The banks in use since _TPM_Init. */
  pcrAllocated: TPML_PCR_SELECTION,
  /** Whether TPM2_PCR_Allocate has changed the banks of the next boot: Shutdown(STATE) is refused then. */
  pcrReConfig: TPMI_YES_NO,
  pcrs: PCR_BANKS,
  objects: table("objects", UINT32, ANY_OBJECT),
  /** Loaded sessions by slot, 0 to 2. */
  sessions: table("sessions", UINT16, SESSION),
  exclusiveAuditSession: UINT32,
  /** The handle of the H-CRTM or D-RTM event sequence, TPM_RH_UNASSIGNED if none. */
  drtmHandle: UINT32,
  drtmPreStartup: TPMI_YES_NO,
  startupLocality3: TPMI_YES_NO,
  /** Whether an authorization protected from dictionary attack was used since Startup. */
  daUsed: TPMI_YES_NO,
  prevOrderlyState: UINT16,
  /** TPM_ESTABLISHED of the platform interface: whether a D-RTM sequence ran. */
  established: TPMI_YES_NO,
  /** Algorithms that no self test has been through since _TPM_Init, ascending. */
  untested: list("untested algorithms", UINT16, { max: 64 }),
  extension: EXTENSION,
  /** As in `NvState`, of the image of a running TPM; empty: there was none. */
  imageForm: IMAGE_FORM,
});
export type RAM_STATE = TypeOf<typeof RAM_STATE>;

/**
 * Everything a TPM is. Immutable: a change is a new object that shares what did not change, so that keeping the old one
 * is a snapshot, putting it back an undo, and comparing references tells what is to be written.
 */
export interface TpmState {
  readonly nv: NvState;
  readonly ram: RAM_STATE;
}
