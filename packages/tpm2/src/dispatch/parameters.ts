import { type Bytes, Reader, Refusal, Writer } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { rcOfReason, TPM_RC } from "../spec/response-codes.ts";
import { TpmError } from "../spec/tpm-error.ts";
import type { Command } from "./command.ts";
import type { Invocation } from "./invocation.ts";

/**
 * Decodes the parameter area into named values, beside the handles.
 *
 * @spec Part 3, "Parameter Unmarshaling"
 */
export function readInput(tpm: Engine, invocation: Invocation): object {
  const { command, handles, parameters } = invocation;
  const input: Record<string, unknown> = {};
  command.handles.forEach(([name], i) => {
    input[name] = handles[i];
  });
  const reader = new Reader(parameters, tpm.profile);
  command.parameters.forEach(([name, codec], i) => {
    try {
      input[name] = reader.part(name, codec);
    } catch (error) {
      if (error instanceof Refusal) throw TpmError.at("parameter", i + 1, rcOfReason(error.reason));
      throw error;
    }
  });
  if (reader.remaining > 0) throw new TpmError(TPM_RC.SIZE);
  return input;
}

/** The response parameters as bytes; the response handle, if any, is not among them. */
export function writeOutput(command: Command, output: object | undefined): Bytes {
  const writer = new Writer();
  // The declaration's types made sure that the output has the declared fields.
  const values = (output ?? {}) as Record<string, unknown>;
  for (const [name, codec] of command.response) codec.write(writer, values[name]);
  return writer.finish();
}
