import { type Bytes, Reader, Refusal, UINT32 } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { rcOfReason, TPM_RC } from "../spec/response-codes.ts";
import { TPMI_ST_COMMAND_TAG } from "../spec/structures/index.ts";
import { TpmError } from "../spec/tpm-error.ts";
import { isRefusedReadOnly } from "../subsystems/read-only.ts";
import type { Command } from "./command.ts";

/** The first ten bytes taken apart; the reader stands behind them. */
export interface Header {
  readonly tag: number;
  readonly command: Command;
  readonly reader: Reader;
}

/** @spec Part 3, "Command Header Validation" */
export function readHeader(tpm: Engine, bytes: Bytes, commands: ReadonlyMap<number, Command>): Header {
  const reader = new Reader(bytes, tpm.profile);
  const { tag, size, code } = headerFields(reader);
  if (size !== bytes.length || size > tpm.profile.limit("MAX_COMMAND_SIZE")) {
    throw new TpmError(TPM_RC.COMMAND_SIZE);
  }
  const command = tpm.profile.allows("CC", code) ? commands.get(code) : undefined;
  if (command === undefined) throw new TpmError(TPM_RC.COMMAND_CODE);
  if (isRefusedReadOnly(tpm, code)) throw new TpmError(TPM_RC.READ_ONLY);
  const started = tpm.ram.started === 1;
  if (started === (code === TPM_CC.Startup)) throw new TpmError(TPM_RC.INITIALIZE);
  return { tag, command, reader };
}

function headerFields(reader: Reader): { tag: number; size: number; code: number } {
  try {
    const tag = TPMI_ST_COMMAND_TAG.read(reader);
    return { tag, size: UINT32.read(reader), code: UINT32.read(reader) };
  } catch (error) {
    // Nothing in the header has a position.
    if (error instanceof Refusal) throw new TpmError(rcOfReason(error.reason));
    throw error;
  }
}
