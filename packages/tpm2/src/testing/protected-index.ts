import { type Bytes, EMPTY } from "@vtpm/wire";
import { NV_Read } from "../commands/non-volatile-storage/NV_Read.ts";
import { givenIndex } from "./given.ts";
import type { TestSession } from "./test-session.ts";
import type { TestTpm } from "./test-tpm.ts";

/** Defines an Index that is read with a policy only; returns its handle. */
export function givenProtected(test: TestTpm, authPolicy: Bytes, authValue: Bytes = EMPTY): number {
  const attributes = { AUTHREAD: false, POLICYREAD: true, NO_DA: true } as const;
  return givenIndex(test, { nvIndex: 0x0180_0077, attributes, data: new Uint8Array(4), authPolicy, authValue });
}

/** Reads it with a policy session: how the TPM answers, in words. */
export function readProtected(test: TestTpm, nvIndex: number, session: TestSession): string {
  return test.run(NV_Read, { authHandle: nvIndex, nvIndex, size: 4, offset: 0 }, [session]).text;
}
