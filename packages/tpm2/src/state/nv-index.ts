import { buffer, struct, type TypeOf } from "@vtpm/wire";
import { TPM2B_AUTH, TPMA_NV, TPMS_NV_PUBLIC } from "../spec/structures/index.ts";

const data = buffer("data", { max: 0xffff });

/** An NV Index with its data; those of an orderly Index live beside it in RAM. */
export const NV_INDEX = struct("NV_INDEX", { publicArea: TPMS_NV_PUBLIC, authValue: TPM2B_AUTH, data });
export type NV_INDEX = TypeOf<typeof NV_INDEX>;

/** The part of an orderly NV Index that is written without touching NV: attributes and data. */
export const ORDERLY_INDEX = struct("ORDERLY_INDEX", { attributes: TPMA_NV, data });
export type ORDERLY_INDEX = TypeOf<typeof ORDERLY_INDEX>;
