import { EMPTY } from "@vtpm/wire";
import { NV_DefineSpace } from "../commands/non-volatile-storage/NV_DefineSpace.ts";
import { TPMA_NV } from "../spec/attributes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import type { TestTpm } from "./test-tpm.ts";

/** An NV Index to be defined by its command; anybody with its (empty) authValue reads and writes it. */
export interface DefinedIndex {
  readonly nvIndex?: number;
  readonly attributes?: Parameters<typeof TPMA_NV.of>[0];
  readonly dataSize?: number;
  readonly authPolicy?: Uint8Array;
}

/** Defines an NV Index with TPM2_NV_DefineSpace, by the owner unless PLATFORMCREATE is set; returns its handle. */
export function givenDefined(test: TestTpm, given: DefinedIndex = {}): number {
  const { nvIndex = 0x0150_0001, dataSize = 8, authPolicy = EMPTY } = given;
  const attributes = TPMA_NV.of({
    AUTHREAD: true,
    AUTHWRITE: true,
    OWNERREAD: true,
    OWNERWRITE: true,
    ...given.attributes,
  });
  const authHandle = TPMA_NV.has(attributes, "PLATFORMCREATE") ? TPM_RH.PLATFORM : TPM_RH.OWNER;
  const publicInfo = { nvIndex, nameAlg: TPM_ALG.SHA256, attributes, authPolicy, dataSize };
  const answer = test.run(NV_DefineSpace, { authHandle, auth: EMPTY, publicInfo });
  if (answer.rc !== 0) throw new Error(`TPM2_NV_DefineSpace: ${answer.text}`);
  return nvIndex;
}
