import { DEFAULT_V2, LATEST } from "@vtpm/tpm2";
import { handleTypeOf, TPM_HT, TPMA_NV, TPMS_TAGGED_PROPERTY } from "@vtpm/tpm2/spec";
import { BEYOND_LIBTPMS, EXTENSION, NO_EXTENSION, NV_INDEX, ORDERLY_INDEX } from "@vtpm/tpm2/state";
import {
  type Bytes,
  checked,
  EMPTY,
  encode,
  equalBytes,
  type Header,
  list,
  optional,
  type Rules,
  struct,
  type TypeOf,
  table,
  UINT16,
  UINT32,
} from "@vtpm/wire";
import { complaintAboutIndex } from "./nv-storage.ts";
import { OTHER_SELECTION, otherBanksOf, PCR_COUNT, SAVED_PCRS } from "./pcr-banks.ts";

/** libtpms' newest state format level. */
export const LAST_LEVEL = 8;

export const BEYOND_HEADER: Header = { version: BEYOND_LIBTPMS, minVersion: BEYOND_LIBTPMS, later: EMPTY };

/** Whether an image is of that version; only then it may have what goes beyond libtpms' limits. */
export const isBeyond = (image: Bytes): boolean => equalBytes(image.slice(0, 2), encode(UINT16, BEYOND_LIBTPMS));

/** What an image may name: all that libtpms has, whatever the profile leaves of it, or all that there is. */
export const rulesFor = (image: Bytes): Rules => (isBeyond(image) ? LATEST : DEFAULT_V2);

/** Whether an NV Index is one that libtpms has no place for. */
export const isExternal = (handle: number): boolean => handleTypeOf(handle) === TPM_HT.EXTERNAL_NV;

/** The external ones of some NV Indices. */
export const externalOf = <T>(indices: ReadonlyMap<number, T>): ReadonlyMap<number, T> =>
  new Map([...indices].filter(([handle]) => isExternal(handle)));

const EXTERNAL_RAM = table("external orderly NV Indices", UINT32, ORDERLY_INDEX);
const EXTERNAL_INDICES = checked(
  struct("external NV Indices", { indices: table("external NV Indices", UINT32, NV_INDEX), ram: EXTERNAL_RAM }),
  ({ indices, ram }) => complaintAboutIndices(indices) ?? complaintAboutRam(ram, indices),
);

function complaintAboutIndices(indices: ReadonlyMap<number, NV_INDEX>): string | undefined {
  for (const [handle, index] of indices) {
    if (!isExternal(handle)) return `the NV Index 0x${handle.toString(16)} is not external`;
    const complaint = complaintAboutIndex(handle, index);
    if (complaint !== undefined) return complaint.text;
  }
  return undefined;
}

/** What is wrong with the RAM of external Indices, if anything: it is that of the orderly ones among them. */
export function complaintAboutRam(
  ram: ReadonlyMap<number, ORDERLY_INDEX>,
  indices: ReadonlyMap<number, NV_INDEX>,
): string | undefined {
  const orderly = [...indices.values()].filter(({ publicArea }) => TPMA_NV.has(publicArea.attributes, "ORDERLY"));
  const fits = orderly.every(({ publicArea }) => {
    const part = ram.get(publicArea.nvIndex);
    return part !== undefined && TPMA_NV.has(part.attributes, "ORDERLY") && part.data.length === publicArea.dataSize;
  });
  return fits && ram.size === orderly.length ? undefined : "RAM is not that of the orderly external NV Indices";
}

/** What no libtpms has a place for. A state that has any of it is written under a version that libtpms refuses. */
export const BEYOND_PERMANENT = struct("beyond libtpms", {
  /** Fixed properties of the TPM in which it differs from its profile. */
  properties: list("properties", TPMS_TAGGED_PROPERTY, { max: 0xffff }),
  /** What Shutdown(STATE) saved of it. */
  extension: optional(EXTENSION),
  pcrSave: otherBanksOf(SAVED_PCRS),
  /** Banks, of the next start and in use. */
  pcrAllocated: OTHER_SELECTION,
  pcrInUse: OTHER_SELECTION,
  external: EXTERNAL_INDICES,
});
export type BEYOND_PERMANENT = TypeOf<typeof BEYOND_PERMANENT>;

export const NOTHING_PERMANENT: BEYOND_PERMANENT = {
  properties: [],
  extension: undefined,
  pcrSave: new Map(),
  pcrAllocated: [],
  pcrInUse: [],
  external: { indices: new Map(), ram: new Map() },
};

/** The same of a TPM that runs. */
export const BEYOND_VOLATILE = struct("beyond libtpms", {
  extension: EXTENSION,
  pcrs: otherBanksOf(PCR_COUNT),
  pcrSave: otherBanksOf(SAVED_PCRS),
  externalRam: EXTERNAL_RAM,
});
export type BEYOND_VOLATILE = TypeOf<typeof BEYOND_VOLATILE>;

export const NOTHING_VOLATILE: BEYOND_VOLATILE = {
  extension: NO_EXTENSION,
  pcrs: new Map(),
  pcrSave: new Map(),
  externalRam: new Map(),
};
