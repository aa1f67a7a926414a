import { type Bytes, Reader, Refusal } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { hashNameOf } from "../subsystems/hash-algorithms.ts";
import type { Invocation } from "./invocation.ts";

const CREATING: readonly number[] = [TPM_CC.Create, TPM_CC.CreatePrimary, TPM_CC.CreateLoaded];

/** The hash of the template in a creation command: its second sized buffer. `undefined` where there is none. */
export function templateHash(tpm: Engine, invocation: Invocation, hashAlg: number): Bytes | undefined {
  if (!CREATING.includes(invocation.command.code)) return undefined;
  const reader = new Reader(invocation.received);
  try {
    reader.bytes(reader.uint16());
    return tpm.crypto.hash(hashNameOf(hashAlg), reader.bytes(reader.uint16()));
  } catch (error) {
    // The parameters are decoded, and refused, only after the authorization.
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
