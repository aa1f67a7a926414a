import type { Engine } from "../engine.ts";
import { HANDLE, handleTypeOf, TPM_HT, TPM_RH } from "../spec/handles.ts";
import { LIMITED_HIERARCHIES } from "./limited-hierarchies.ts";
import { ALL_PCRS } from "./pcr-attributes.ts";

/** The permanent handles of this engine, ascending. */
const PERMANENT_HANDLES: readonly number[] = [
  TPM_RH.OWNER,
  TPM_RH.NULL,
  TPM_RH.PW,
  TPM_RH.LOCKOUT,
  TPM_RH.ENDORSEMENT,
  TPM_RH.PLATFORM,
  TPM_RH.PLATFORM_NV,
];

/** Permanent handles from one on. */
export const permanentHandles = (tpm: Engine, first: number): number[] =>
  [
    ...PERMANENT_HANDLES,
    ...tpm.timers.handles(),
    ...(tpm.hierarchies.firmware() === undefined ? [] : LIMITED_HIERARCHIES),
  ].filter((handle) => handle >= first);

const indexOf = (handle: number): number => handle % 2 ** 24;

/** All handles of the type of `first` from it on, ascending; `undefined` for a type that is not listed. */
export function handlesOfType(tpm: Engine, first: number): number[] | undefined {
  // Saved sessions are asked for as policy sessions and listed as HMAC sessions: only the index counts.
  const sessions = (handles: readonly number[]): number[] => handles.filter((h) => indexOf(h) >= indexOf(first));
  const handles = (all: Iterable<number>): number[] => [...all].filter((h) => h >= first).sort((a, b) => a - b);
  const type = handleTypeOf(first);
  const indicesOf = (kind: number): number[] =>
    [...tpm.state.nv.indices.keys()].filter((handle) => handleTypeOf(handle) === kind);
  switch (type) {
    case TPM_HT.PCR:
      return handles(ALL_PCRS.map((pcr) => HANDLE.PCR_FIRST + pcr));
    case TPM_HT.NV_INDEX:
      return handles(indicesOf(type));
    case TPM_HT.EXTERNAL_NV:
      return tpm.profile.limit("EXTERNAL_NV_HANDLES") > 0 ? handles(indicesOf(type)) : undefined;
    case TPM_HT.LOADED_SESSION:
      return sessions(tpm.sessions.loadedHandles());
    case TPM_HT.SAVED_SESSION:
      return sessions(tpm.sessions.savedHandles());
    case TPM_HT.PERMANENT:
      return permanentHandles(tpm, first);
    case TPM_HT.TRANSIENT:
      return handles(tpm.ram.objects.keys());
    case TPM_HT.PERSISTENT:
      return handles(tpm.state.nv.objects.keys());
    default:
      return undefined;
  }
}
