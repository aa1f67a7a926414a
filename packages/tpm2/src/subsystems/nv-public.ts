import { handleTypeOf, TPM_HT } from "../spec/handles.ts";
import type { TPMT_NV_PUBLIC_2 } from "../spec/structures/index.ts";
import type { NV_PUBLIC_AREA } from "../state/nv-index.ts";

/** The public area of an Index of any kind; none here has the attributes that only external Indices can have. */
export function publicAreaToPublic2(publicArea: NV_PUBLIC_AREA): TPMT_NV_PUBLIC_2 {
  if (handleTypeOf(publicArea.nvIndex) === TPM_HT.NV_INDEX) {
    return { handleType: TPM_HT.NV_INDEX, nvPublic2: publicArea };
  }
  const attributes = { external: 0, nv: publicArea.attributes };
  return { handleType: TPM_HT.EXTERNAL_NV, nvPublic2: { ...publicArea, attributes } };
}
