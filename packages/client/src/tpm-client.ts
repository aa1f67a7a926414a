import type { Command } from "@vtpm/tpm2";
import type { DeclaredCommand } from "@vtpm/tpm2/commands";
import { TPM_CC_ID, TPM_RH, TPM_ST, TPMA_SESSION } from "@vtpm/tpm2/spec";
import { type Bytes, EMPTY, Reader, Refusal, Writer } from "@vtpm/wire";
import { ClientError, TpmRefusal } from "./client-error.ts";
import type { Transport } from "./transport.ts";

const CONTINUE = TPMA_SESSION.of({ continueSession: true });

/**
 * Speaks to a TPM in commands and values: the engine's declarations, the other way round.
 *
 * @example
 * const client = new TpmClient(createTpm());
 * const { randomBytes } = await client.call(GetRandom, { bytesRequested: 16 });
 */
export class TpmClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Executes a command. The authValues are those of the handles that need one, in order; a missing one is empty. Rejects
   * with a `TpmRefusal` when the TPM refuses, with a `ClientError` when it gives no proper response.
   */
  async call<Input extends object, Output extends object>(
    command: DeclaredCommand<Input, Output>,
    input: Input,
    authValues: readonly Bytes[] = [],
  ): Promise<Output> {
    const response = await this.#transport.execute(commandBytes(command, input, authValues));
    try {
      // The declaration says what its fields are.
      return readResponse(command, response) as Output;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new ClientError("MALFORMED", `${nameOf(command)}: the response is malformed: ${error.message}`, {
        cause: error,
      });
    }
  }
}

function commandBytes(command: Command, input: object, authValues: readonly Bytes[]): Bytes {
  const values = input as Readonly<Record<string, unknown>>; // the declared fields, by name
  const authorized = command.roles.filter((role) => role !== undefined).length;
  const body = new Writer();
  for (const [name, codec] of command.handles) codec.write(body, values[name] as number);
  if (authorized > 0) {
    const area = new Writer();
    for (let i = 0; i < authorized; i++) writePassword(area, authValues[i] ?? EMPTY);
    const bytes = area.finish();
    body.uint32(bytes.length);
    body.bytes(bytes);
  }
  for (const [name, codec] of command.parameters) codec.write(body, values[name]);
  const rest = body.finish();
  const whole = new Writer();
  whole.uint16(authorized > 0 ? TPM_ST.SESSIONS : TPM_ST.NO_SESSIONS);
  whole.uint32(10 + rest.length);
  whole.uint32(command.code);
  whole.bytes(rest);
  return whole.finish();
}

/** @spec Part 1, "Password Authorizations" */
function writePassword(writer: Writer, authValue: Bytes): void {
  writer.uint32(TPM_RH.PW);
  writer.uint16(0);
  writer.uint8(CONTINUE);
  writer.uint16(authValue.length);
  writer.bytes(authValue);
}

function readResponse(command: Command, response: Bytes): object {
  const reader = new Reader(response);
  const tag = reader.uint16();
  const size = reader.uint32();
  const rc = reader.uint32();
  if (size !== response.length) throw reader.refuse("SIZE", `it says it has ${size} bytes, and has ${response.length}`);
  if (rc !== 0) throw new TpmRefusal(nameOf(command), rc);
  const output: Record<string, unknown> = {};
  for (const [name, codec] of command.responseHandles) output[name] = reader.part(name, codec);
  const parameterSize = tag === TPM_ST.SESSIONS ? reader.uint32() : reader.remaining;
  if (parameterSize > reader.remaining) throw reader.refuse("SIZE", "its parameters are longer than itself");
  const parameters = new Reader(reader.bytes(parameterSize));
  for (const [name, codec] of command.response) output[name] = parameters.part(name, codec);
  if (parameters.remaining > 0) throw parameters.refuse("SIZE", "bytes follow its parameters");
  return output;
}

const nameOf = ({ code }: Command): string => TPM_CC_ID.text(code);
