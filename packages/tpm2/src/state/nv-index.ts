import { buffer, struct, type TypeOf, UINT16 } from "@vtpm/wire";
import {
  TPM2B_AUTH,
  TPM2B_DIGEST,
  TPMA_NV,
  TPMI_ALG_HASH,
  TPMI_RH_NV_DEFINED_INDEX,
} from "../spec/structures/index.ts";

const data = buffer("data", { max: 0xffff });

/** TPMS_NV_PUBLIC, also of an external Index, which has none of the attributes that only those can have. */
export const NV_PUBLIC_AREA = struct("NV_PUBLIC_AREA", {
  nvIndex: TPMI_RH_NV_DEFINED_INDEX,
  nameAlg: TPMI_ALG_HASH,
  attributes: TPMA_NV,
  authPolicy: TPM2B_DIGEST,
  dataSize: UINT16,
});
export type NV_PUBLIC_AREA = TypeOf<typeof NV_PUBLIC_AREA>;

/** An NV Index with its data; those of an orderly Index live beside it in RAM. */
export const NV_INDEX = struct("NV_INDEX", { publicArea: NV_PUBLIC_AREA, authValue: TPM2B_AUTH, data });
export type NV_INDEX = TypeOf<typeof NV_INDEX>;

/** The part of an orderly NV Index that is written without touching NV: attributes and data. */
export const ORDERLY_INDEX = struct("ORDERLY_INDEX", { attributes: TPMA_NV, data });
export type ORDERLY_INDEX = TypeOf<typeof ORDERLY_INDEX>;
