import type { Command } from "@vtpm/tpm2";
import { type DeclaredCommand, NV_ReadPublic, ReadPublic } from "@vtpm/tpm2/commands";
import { handleTypeOf, TPM_CC_ID, TPM_HT, TPM_RC, TPM_RH, TPM_ST, TPMA_SESSION } from "@vtpm/tpm2/spec";
import { type Bytes, concatBytes, EMPTY, encode, Reader, Refusal, UINT32, Writer } from "@vtpm/wire";
import { ClientError, TpmRefusal } from "./client-error.ts";
import type { ResponseSession, SessionUse } from "./session.ts";
import type { Transport } from "./transport.ts";

const CONTINUE = TPMA_SESSION.of({ continueSession: true });

/** What authorizes a handle: its authValue as a password, or a session. */
export type Authorization = Bytes | SessionUse;

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
   * Executes a command. The authorizations are those of the handles that need one, in order, a missing one being the empty password;
   * sessions beyond them encrypt or audit. Rejects with a `TpmRefusal` when the TPM refuses, with a `ClientError` when it gives no
   * proper response.
   */
  async call<Input extends object, Output extends object>(
    command: DeclaredCommand<Input, Output>,
    input: Input,
    authorizations: readonly Authorization[] = [],
  ): Promise<Output> {
    const values = input as Readonly<Record<string, unknown>>; // the declared fields, by name
    const handles = command.handles.map(([name]) => values[name] as number);
    const authorized = command.roles.filter((role) => role !== undefined).length;
    const uses = [...authorizations];
    while (uses.length < authorized) uses.push(EMPTY);
    const names: Bytes[] = [];
    if (uses.some(isSession)) for (const handle of handles) names.push(await this.nameOf(handle));
    const guarded = new GuardedCommand(command, handles, names, uses);
    const parameters = new Writer();
    for (const [name, codec] of command.parameters) codec.write(parameters, values[name]);
    const response = await this.#transport.execute(guarded.commandBytes(parameters.finish()));
    try {
      // The declaration says what its fields are.
      return guarded.readResponse(response) as Output;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new ClientError("MALFORMED", `${nameOf(command)}: the response is malformed: ${error.message}`, {
        cause: error,
      });
    }
  }

  /**
   * What an entity is called in what sessions prove: the TPM says it, and the HMAC shows that it means the same.
   *
   * @spec Part 1, "Names"
   */
  async nameOf(handle: number): Promise<Bytes> {
    switch (handleTypeOf(handle)) {
      case TPM_HT.NV_INDEX:
        return (await this.call(NV_ReadPublic, { nvIndex: handle })).nvName;
      case TPM_HT.TRANSIENT:
      case TPM_HT.PERSISTENT:
        try {
          return (await this.call(ReadPublic, { objectHandle: handle })).name;
        } catch (error) {
          // Sequences are objects without a Name.
          if (error instanceof TpmRefusal && error.rc === TPM_RC.SEQUENCE) return EMPTY;
          throw error;
        }
      default:
        return encode(UINT32, handle);
    }
  }
}

/** One command, its authorizations, and what they say about its response. */
class GuardedCommand {
  readonly #command: Command;
  readonly #handles: readonly number[];
  readonly #names: readonly Bytes[];
  readonly #uses: readonly Authorization[];

  constructor(command: Command, handles: readonly number[], names: readonly Bytes[], uses: readonly Authorization[]) {
    this.#command = command;
    this.#handles = handles;
    this.#names = names;
    this.#uses = uses;
  }

  commandBytes(plain: Bytes): Bytes {
    const sessions = this.#uses.filter(isSession);
    for (const { session } of sessions) session.renew();
    const decrypting = sessions.find(({ decrypt }) => decrypt === true);
    const parameters = decrypting === undefined ? plain : decrypting.session.encryptCommand(decrypting, plain);
    const body = new Writer();
    for (const [i, [, codec]] of this.#command.handles.entries()) codec.write(body, this.#handles[i] ?? 0);
    if (this.#uses.length > 0) {
      const areas = this.#uses.map((use, i) => {
        if (!isSession(use)) return passwordArea(use);
        const others = i === 0 && this.#authorizedBy(0) !== undefined ? othersNonces(use, sessions) : EMPTY;
        return use.session.prove(use, this.#described, parameters, this.#authorizedBy(i), others);
      });
      const area = concatBytes(...areas);
      body.uint32(area.length);
      body.bytes(area);
    }
    body.bytes(parameters);
    const rest = body.finish();
    const whole = new Writer();
    whole.uint16(this.#uses.length > 0 ? TPM_ST.SESSIONS : TPM_ST.NO_SESSIONS);
    whole.uint32(10 + rest.length);
    whole.uint32(this.#command.code);
    whole.bytes(rest);
    return whole.finish();
  }

  readResponse(response: Bytes): object {
    const reader = new Reader(response);
    const tag = reader.uint16();
    const size = reader.uint32();
    const rc = reader.uint32();
    if (size !== response.length)
      throw reader.refuse("SIZE", `it says it has ${size} bytes, and has ${response.length}`);
    if (rc !== 0) throw new TpmRefusal(nameOf(this.#command), rc);
    const output: Record<string, unknown> = {};
    for (const [name, codec] of this.#command.responseHandles) output[name] = reader.part(name, codec);
    const parameterSize = tag === TPM_ST.SESSIONS ? reader.uint32() : reader.remaining;
    if (parameterSize > reader.remaining) throw reader.refuse("SIZE", "its parameters are longer than itself");
    const parameters = new Reader(this.#checked(reader.bytes(parameterSize), reader));
    for (const [name, codec] of this.#command.response) output[name] = parameters.part(name, codec);
    if (parameters.remaining > 0) throw parameters.refuse("SIZE", "bytes follow its parameters");
    return output;
  }

  /** The parameters in the clear, after all sessions have vouched for them. */
  #checked(parameters: Bytes, areas: Reader): Bytes {
    let plain = parameters;
    for (const [i, use] of this.#uses.entries()) {
      const answered = readSession(areas);
      if (!isSession(use)) continue;
      use.session.check(use, this.#described, parameters, this.#authorizedBy(i), answered);
      if (use.encrypt === true) plain = use.session.decryptResponse(use, parameters);
    }
    if (areas.remaining > 0) throw areas.refuse("SIZE", "bytes follow its sessions");
    return plain;
  }

  get #described() {
    return { code: this.#command.code, names: this.#names };
  }

  /** The Name of what the authorization at a position is for; sessions behind those are for nothing. */
  #authorizedBy(position: number): Bytes | undefined {
    return this.#names.filter((_, i) => this.#command.roles[i] !== undefined)[position];
  }
}

const isSession = (use: Authorization): use is SessionUse => "session" in use;

/** @spec Part 1, "HMAC Computation": so that nobody takes the encrypting sessions away from the one that authorizes */
function othersNonces(first: SessionUse, sessions: readonly SessionUse[]): Bytes {
  const decrypting = sessions.find(({ decrypt }) => decrypt === true);
  const encrypting = sessions.find(({ encrypt }) => encrypt === true);
  const nonceOf = (use: SessionUse | undefined): Bytes =>
    use === undefined || use === first ? EMPTY : use.session.nonceTPM;
  return concatBytes(nonceOf(decrypting), encrypting === decrypting ? EMPTY : nonceOf(encrypting));
}

/** @spec Part 1, "Password Authorizations" */
function passwordArea(authValue: Bytes): Bytes {
  const writer = new Writer();
  writer.uint32(TPM_RH.PW);
  writer.uint16(0);
  writer.uint8(CONTINUE);
  writer.uint16(authValue.length);
  writer.bytes(authValue);
  return writer.finish();
}

function readSession(reader: Reader): ResponseSession {
  const nonceTPM = reader.bytes(reader.uint16());
  const attributes = reader.uint8();
  return { nonceTPM, attributes, hmac: reader.bytes(reader.uint16()) };
}

const nameOf = ({ code }: Command): string => TPM_CC_ID.text(code);
