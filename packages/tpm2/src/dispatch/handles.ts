import { type Reader, Refusal } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { rcOfReason, TPM_RC } from "../spec/response-codes.ts";
import { TpmError } from "../spec/tpm-error.ts";
import { blamed } from "./blame.ts";
import type { Command } from "./command.ts";

/**
 * Reads the handle area and makes sure that every handle refers to something that is in the TPM.
 *
 * @spec Part 3, "Handle Area Validation"
 */
export function readHandles(tpm: Engine, command: Command, reader: Reader): readonly number[] {
  const handles = command.handles.map(([name, codec], i) => {
    try {
      return reader.part(name, codec);
    } catch (error) {
      if (error instanceof Refusal) throw TpmError.at("handle", i + 1, rcOfReason(error.reason));
      throw error;
    }
  });
  handles.forEach((handle, i) => {
    const rc = tpm.entities.loadStatus(handle, command.code);
    if (rc === TPM_RC.SUCCESS) return;
    if (rc === TPM_RC.REFERENCE_H0) throw new TpmError(TPM_RC.REFERENCE_H0 + i);
    throw blamed(rc, "handle", i + 1);
  });
  return handles;
}
