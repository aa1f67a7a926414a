import { bits, choice, limited, sized, struct, type TypeOf, UINT8, UINT16, UINT32, union } from "@vtpm/wire";
import { TPMA_NV } from "../attributes.ts";
import { TPM_HT } from "../handles.ts";
import { TPM2B_DIGEST } from "./base-structures.ts";
import type { Limit } from "./declare.ts";
import { TPMI_ALG_HASH, TPMI_RH_NV_EXP_INDEX, TPMI_RH_NV_LEGACY_INDEX } from "./interface-types.ts";

const MAX_NV_INDEX_SIZE: Limit = "MAX_NV_INDEX_SIZE";
const DATA_SIZE = limited("UINT16", UINT16, MAX_NV_INDEX_SIZE, "SIZE");

/**
 * The contents of an Index of type PIN Fail or PIN Pass.
 *
 * @spec Part 2, "TPMS_NV_PIN_COUNTER_PARAMETERS"
 */
export const TPMS_NV_PIN_COUNTER_PARAMETERS = struct("TPMS_NV_PIN_COUNTER_PARAMETERS", {
  pinCount: UINT32,
  pinLimit: UINT32,
});
export type TPMS_NV_PIN_COUNTER_PARAMETERS = TypeOf<typeof TPMS_NV_PIN_COUNTER_PARAMETERS>;

/** @spec Part 2, "TPMS_NV_PUBLIC" */
export const TPMS_NV_PUBLIC = struct("TPMS_NV_PUBLIC", {
  nvIndex: TPMI_RH_NV_LEGACY_INDEX,
  nameAlg: TPMI_ALG_HASH,
  attributes: TPMA_NV,
  authPolicy: TPM2B_DIGEST,
  dataSize: DATA_SIZE,
});
export type TPMS_NV_PUBLIC = TypeOf<typeof TPMS_NV_PUBLIC>;

/** @spec Part 2, "TPM2B_NV_PUBLIC" */
export const TPM2B_NV_PUBLIC = sized("TPM2B_NV_PUBLIC", TPMS_NV_PUBLIC);
export type TPM2B_NV_PUBLIC = TypeOf<typeof TPM2B_NV_PUBLIC>;

/** The upper half of TPMA_NV_EXP. */
export const TPMA_EXTERNAL_NV = bits("TPMA_NV_EXP (63:32)", UINT32, {
  EXTERNAL_NV_ENCRYPTION: 0,
  EXTERNAL_NV_INTEGRITY: 1,
  EXTERNAL_NV_ANTIROLLBACK: 2,
});

/**
 * 64 bits of attributes, here in the halves that they are on the wire: what external Indices add, and TPMA_NV.
 *
 * @spec Part 2, "TPMA_NV_EXP"
 */
export const TPMA_NV_EXP = struct("TPMA_NV_EXP", { external: TPMA_EXTERNAL_NV, nv: TPMA_NV });
export type TPMA_NV_EXP = TypeOf<typeof TPMA_NV_EXP>;

/** @spec Part 2, "TPMS_NV_PUBLIC_EXP_ATTR" */
export const TPMS_NV_PUBLIC_EXP_ATTR = struct("TPMS_NV_PUBLIC_EXP_ATTR", {
  nvIndex: TPMI_RH_NV_EXP_INDEX,
  nameAlg: TPMI_ALG_HASH,
  attributes: TPMA_NV_EXP,
  authPolicy: TPM2B_DIGEST,
  dataSize: DATA_SIZE,
});
export type TPMS_NV_PUBLIC_EXP_ATTR = TypeOf<typeof TPMS_NV_PUBLIC_EXP_ATTR>;

/** The handle types that an NV Index can have. */
const NV_HANDLE_TYPE = choice("TPM_HT", UINT8, {
  values: [TPM_HT.NV_INDEX, TPM_HT.EXTERNAL_NV, TPM_HT.PERMANENT_NV],
  names: { NV_INDEX: TPM_HT.NV_INDEX, EXTERNAL_NV: TPM_HT.EXTERNAL_NV, PERMANENT_NV: TPM_HT.PERMANENT_NV },
  reason: "SELECTOR",
});

/** @spec Part 2, "TPMT_NV_PUBLIC_2" */
export const TPMT_NV_PUBLIC_2 = union("TPMT_NV_PUBLIC_2", { handleType: NV_HANDLE_TYPE }, "handleType", {
  [TPM_HT.NV_INDEX]: { nvPublic2: TPMS_NV_PUBLIC },
  [TPM_HT.EXTERNAL_NV]: { nvPublic2: TPMS_NV_PUBLIC_EXP_ATTR },
  [TPM_HT.PERMANENT_NV]: { nvPublic2: TPMS_NV_PUBLIC },
});
export type TPMT_NV_PUBLIC_2 = TypeOf<typeof TPMT_NV_PUBLIC_2>;

/** @spec Part 2, "TPM2B_NV_PUBLIC_2" */
export const TPM2B_NV_PUBLIC_2 = sized("TPM2B_NV_PUBLIC_2", TPMT_NV_PUBLIC_2);
export type TPM2B_NV_PUBLIC_2 = TypeOf<typeof TPM2B_NV_PUBLIC_2>;
