import { type Bytes, EMPTY, encode, equalBytes, UINT32 } from "@vtpm/wire";
import { TPM_GENERATED_VALUE, TPM_ST } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import type { TPMT_TK_HASHCHECK } from "../spec/structures/index.ts";

const GENERATED = encode(UINT32, TPM_GENERATED_VALUE);

/** Whether data starts as a structure that the TPM has made to be signed. */
export const startsAsGenerated = (data: Bytes): boolean => equalBytes(data.slice(0, GENERATED.length), GENERATED);

/** Whether the first block of a hash sequence shows that the data is not the TPM's own: a shorter one shows nothing. */
export const isSafeStart = (data: Bytes): boolean => data.length >= GENERATED.length && !startsAsGenerated(data);

/** The ticket that lets no restricted key sign. */
export const noHashcheck = (): TPMT_TK_HASHCHECK => ({
  tag: TPM_ST.HASHCHECK,
  hierarchy: TPM_RH.NULL,
  digest: EMPTY,
});
