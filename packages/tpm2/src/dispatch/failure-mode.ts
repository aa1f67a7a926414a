import { type Bytes, Reader, Writer } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { NO, TPM_CAP, TPM_ST, YES } from "../spec/constants.ts";
import { TPM_PT } from "../spec/properties.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import { errorResponse } from "./response.ts";

/** Size of a header: of the only form of TPM2_GetTestResult. */
const HEADER_SIZE = 10;
/** Size of the only form of TPM2_GetCapability. */
const CAPABILITY_SIZE = HEADER_SIZE + 12;

/**
 * What a TPM answers that has found a fault: TPM2_GetTestResult and, of TPM2_GetCapability, who made it. Everything else
 * is refused with FAILURE.
 *
 * @spec Part 1, "Failure Mode"
 */
export function executeInFailureMode(tpm: Engine, command: Bytes): Bytes {
  const parameters = new Writer();
  if (!answer(tpm, command, parameters)) return errorResponse(TPM_RC.FAILURE);
  const response = new Writer();
  response.uint16(TPM_ST.NO_SESSIONS);
  response.uint32(HEADER_SIZE + parameters.size);
  response.uint32(TPM_RC.SUCCESS);
  response.bytes(parameters.finish());
  return response.finish();
}

/** Writes the response parameters; false: there is no answer. */
function answer(tpm: Engine, command: Bytes, writer: Writer): boolean {
  if (command.length < HEADER_SIZE) return false;
  const reader = new Reader(command);
  const [tag, size, code] = [reader.uint16(), reader.uint32(), reader.uint32()];
  if (tag !== TPM_ST.NO_SESSIONS) return false;
  if (code === TPM_CC.GetTestResult) return size === HEADER_SIZE && writeTestResult(writer);
  if (code !== TPM_CC.GetCapability || size !== CAPABILITY_SIZE || command.length < CAPABILITY_SIZE) return false;
  if (reader.uint32() !== TPM_CAP.TPM_PROPERTIES) return false;
  writeProperty(tpm, reader.uint32(), reader.uint32(), writer);
  return true;
}

/** The reference tells the place and kind of the fault, which mean nothing here. */
function writeTestResult(writer: Writer): true {
  writer.uint16(12);
  for (const word of [0, 0, 0]) writer.uint32(word);
  writer.uint32(TPM_RC.FAILURE);
  return true;
}

/** One property at most, out of those that a manufacturer needs to know what TPM has failed. */
function writeProperty(tpm: Engine, asked: number, maximum: number, writer: Writer): void {
  const [first, last] = [TPM_PT.MANUFACTURER, TPM_PT.FIRMWARE_VERSION_2];
  const property = Math.max(asked, first);
  const value = tpm.profile.properties.get(Math.min(property, last)) ?? 0;
  const count = maximum > 0 ? 1 : 0;
  writer.uint8(property < last ? YES : NO);
  writer.uint32(TPM_CAP.TPM_PROPERTIES);
  writer.uint32(count);
  writer.uint32(property);
  // Where none is asked for, the reference sends a value all the same.
  writer.uint32(count > 0 ? value : property);
}
