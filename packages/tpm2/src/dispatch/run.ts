import { type Bytes, Writer } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPM_ST } from "../spec/constants.ts";
import type { TpmState } from "../state/tpm-state.ts";
import { authorize } from "./authorization.ts";
import type { Command, Outcome } from "./command.ts";
import { readHandles } from "./handles.ts";
import { readHeader } from "./header.ts";
import { Invocation, rpHash } from "./invocation.ts";
import type { Job, JobResult } from "./job.ts";
import { decryptParameter, encryptParameter } from "./parameter-encryption.ts";
import { readInput, writeOutput } from "./parameters.ts";
import { rollNonces, writeSessions } from "./response-sessions.ts";
import { readSessions, takeSessionArea } from "./session-area.ts";

/** A command that got as far as its own function. */
export interface Running {
  readonly invocation: Invocation;
  /** The state to return to if the command fails: what authorization changed is kept. */
  readonly authorizedState: TpmState;
  readonly outcome: Outcome<object | undefined | void>;
}

/**
 * Takes a command as far as its own function, and runs that. Throws the `TpmError` of the first check that fails; the
 * order of the checks is the reference's.
 *
 * @spec Part 3, "Command Processing"
 */
export function startCommand(tpm: Engine, bytes: Bytes, commands: ReadonlyMap<number, Command>): Running {
  const { tag, command, reader } = readHeader(tpm, bytes, commands);
  const handles = readHandles(tpm, command, reader);
  const withSessions = tag === TPM_ST.SESSIONS;
  const area = withSessions ? takeSessionArea(reader) : undefined;
  const invocation = new Invocation(command, handles, withSessions, reader.bytes(reader.remaining));
  if (area !== undefined) readSessions(tpm, invocation, area);
  authorize(tpm, invocation);
  tpm.audit.prepare(invocation);
  decryptParameter(tpm, invocation);
  const authorizedState = tpm.state;
  try {
    return { invocation, authorizedState, outcome: command.execute(tpm, readInput(tpm, invocation)) };
  } catch (error) {
    tpm.state = authorizedState;
    throw error;
  }
}

/** Whether a command hands out jobs before it is done. */
export function hasJobs(outcome: Running["outcome"]): outcome is Generator<Job, object | undefined | void, JobResult> {
  return typeof outcome === "object" && outcome !== null && Symbol.iterator in outcome;
}

/**
 * Turns what a command's function returned into the response.
 *
 * @spec Part 1, "Response Construction"
 */
export function finishCommand(tpm: Engine, invocation: Invocation, output: object | undefined): Bytes {
  const { command, withSessions } = invocation;
  let parameters = writeOutput(command, output);
  if (withSessions) {
    rollNonces(tpm, invocation);
    parameters = encryptParameter(tpm, invocation, parameters);
  }
  tpm.audit.record(invocation, parameters);
  const hashes = new Map<number, Bytes>();
  const rpHashOf = (hashAlg: number): Bytes => {
    const known = hashes.get(hashAlg) ?? rpHash(tpm, hashAlg, command.code, parameters);
    hashes.set(hashAlg, known);
    return known;
  };
  const sessionArea = withSessions ? writeSessions(tpm, invocation, rpHashOf) : undefined;
  if (command.flushed) flushFirstHandle(tpm, invocation);
  return writeResponse(command, output, parameters, sessionArea);
}

function flushFirstHandle(tpm: Engine, { handles }: Invocation): void {
  const last = handles.find((handle) => tpm.objects.isTransient(handle));
  if (last === undefined) throw new RangeError("the command declares that it flushes an object, but has none");
  tpm.objects.flush(last);
}

function writeResponse(
  command: Command,
  output: object | undefined,
  parameters: Bytes,
  sessionArea: Bytes | undefined,
): Bytes {
  const writer = new Writer();
  writer.uint16(sessionArea === undefined ? TPM_ST.NO_SESSIONS : TPM_ST.SESSIONS);
  writer.uint32(0);
  writer.uint32(0);
  // The declaration's types made sure that the output has the declared fields.
  const values = (output ?? {}) as Record<string, number>;
  for (const [name, codec] of command.responseHandles) codec.write(writer, values[name] ?? 0);
  if (sessionArea !== undefined) writer.uint32(parameters.length);
  writer.bytes(parameters);
  if (sessionArea !== undefined) writer.bytes(sessionArea);
  writer.patchUint32(2, writer.size);
  return writer.finish();
}
