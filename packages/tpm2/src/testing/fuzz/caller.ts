import { createNodeProvider } from "@vtpm/crypto/node";
import { type Bytes, concatBytes, EMPTY, encode, Reader, UINT16, UINT32 } from "@vtpm/wire";
import type { Command } from "../../dispatch/command.ts";
import { limitsOf, type Profile } from "../../profile.ts";
import { TPM_ST } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { nameOfRc, TPM_RC } from "../../spec/response-codes.ts";
import { splitRc } from "../../spec/tpm-error.ts";
import { TestSession } from "../test-session.ts";
import { header } from "../test-tpm.ts";
import {
  type AuthPlan,
  type CommandStep,
  type Damage,
  type Past,
  resolve,
  type SessionPlan,
  Unanswered,
} from "./plan.ts";

/** A response that no TPM may give. */
export class Violation extends Error {}

/** A TPM that can be sent bytes. */
export interface Peer {
  readonly profile: Profile;
  execute(command: Bytes, locality: number): Promise<Bytes> | Bytes;
  /** The Name of what a handle refers to; empty for nothing. */
  nameOf(handle: number): Promise<Bytes> | Bytes;
}

/** One command and its answer. */
export interface Exchange {
  readonly sent: Bytes;
  readonly received: Bytes;
  readonly rc: number;
  /** The parameters before encryption: equal for two TPMs that are asked the same. */
  readonly asked: Bytes;
  readonly handles: readonly number[];
  readonly names: readonly Bytes[];
  /** After success: handles and parameters by name. */
  readonly output: Readonly<Record<string, unknown>> | undefined;
  /** After success: the response parameters, decrypted. */
  readonly parameters: Bytes;
}

const NODE = createNodeProvider();

/** Carries a plan out on one TPM: what that one has answered goes into what it is asked next. */
export class Caller implements Past {
  readonly crypto = NODE;
  readonly peer: Peer;
  readonly #outputs = new Map<number, Readonly<Record<string, unknown>>>();
  readonly #sessions = new Map<number, TestSession>();

  constructor(peer: Peer) {
    this.peer = peer;
  }

  output(step: number): Readonly<Record<string, unknown>> | undefined {
    return this.#outputs.get(step);
  }

  session(step: number): TestSession | undefined {
    return this.#sessions.get(step);
  }

  /** Carries a step out. Throws `Unanswered` where it builds on a step that has no answer. */
  async perform(step: CommandStep): Promise<Exchange> {
    const { command } = step;
    // The reference's object, filled with what the references in the plan refer to.
    const input = resolve(step.input, this) as Record<string, unknown>;
    const handles = command.handles.map(([name]) => Number(input[name]));
    const asked = concatBytes(...command.parameters.map(([name, codec]) => encode(codec, input[name])));
    const sessions = step.auths.map((auth) => this.#prepare(auth));
    const used = sessions.filter((session) => session instanceof TestSession);
    const names: Bytes[] = [];
    if (used.length > 0) for (const handle of handles) names.push(await this.peer.nameOf(handle));
    const sent = used.reduce((bytes, session) => session.encryptParameter(bytes), asked);
    const isGuarded = command.roles.some((role) => role !== undefined);
    const area = concatBytes(
      ...sessions.map((session, i) =>
        session instanceof TestSession
          ? session.authorize(command.code, names, sent, handles[i], used, i === 0 && isGuarded)
          : passwordArea(session),
      ),
    );
    const handleArea = concatBytes(...handles.map((handle) => encode(UINT32, handle)));
    const sized = sessions.length > 0 ? concatBytes(encode(UINT32, area.length), area) : EMPTY;
    const tag = sessions.length > 0 ? TPM_ST.SESSIONS : TPM_ST.NO_SESSIONS;
    const whole = header(tag, command.code, concatBytes(handleArea, sized, sent));
    const bytes = step.damage === undefined ? whole : damaged(whole, step.damage);
    const received = await this.peer.execute(bytes, step.locality);
    const rc = checkHeader(received);
    const exchange = { sent: bytes, received, rc, asked, handles, names, output: undefined, parameters: EMPTY };
    if (rc !== 0) return exchange;
    if (step.damage !== undefined) {
      // It may have been another command, whose response this caller cannot read: its sessions are not known any more.
      for (const auth of step.auths) if (auth.kind === "session") this.#sessions.delete(auth.session);
      return exchange;
    }
    const answer = decodeResponse(command, this.peer.profile, received, sessions);
    this.#outputs.set(step.id, answer.output);
    if (step.starts !== undefined) this.#begin(step.id, step.starts, answer.output);
    return { ...exchange, ...answer };
  }

  #prepare(auth: AuthPlan): TestSession | Bytes {
    if (auth.kind === "password") return auth.password;
    const session = this.#sessions.get(auth.session);
    if (session === undefined) throw new Unanswered();
    session.attributes = auth.attributes;
    session.authValue = auth.authValue;
    session.leavesOutAuthValue = auth.leavesOutAuthValue;
    session.nextAuthValue = auth.nextAuthValue;
    session.password = auth.isPassword === true ? auth.authValue : undefined;
    return session;
  }

  #begin(step: number, plan: SessionPlan, output: Readonly<Record<string, unknown>>): void {
    const { sessionHandle, nonceTPM } = output;
    if (typeof sessionHandle !== "number" || !(nonceTPM instanceof Uint8Array)) return;
    const { hashAlg, nonceCaller, symmetric } = plan;
    const session = new TestSession({ handle: sessionHandle, hashAlg, nonceTPM, nonceCaller, symmetric });
    const salt = plan.salt === undefined ? undefined : plan.salt.of(this);
    if (salt !== undefined || plan.bindAuth !== undefined) {
      session.deriveKey(concatBytes(plan.bindAuth ?? EMPTY, salt ?? EMPTY));
    }
    this.#sessions.set(step, session);
  }
}

function passwordArea(password: Bytes): Bytes {
  return concatBytes(
    encode(UINT32, TPM_RH.PW),
    encode(UINT16, 0),
    Uint8Array.of(1),
    encode(UINT16, password.length),
    password,
  );
}

/** Changes a command; with `resize` its header still says its true size. */
export function damaged(command: Bytes, { kind, place, byte, resize }: Damage): Bytes {
  const i = Math.floor(place * command.length);
  const changed = ((): Bytes => {
    switch (kind) {
      case "cut":
        return command.slice(0, i);
      case "insert":
        return concatBytes(command.slice(0, i), Uint8Array.of(byte), command.slice(i));
      case "remove":
        return concatBytes(command.slice(0, i), command.slice(i + 1));
      case "replace":
        return command.map((old, at) => (at === i ? byte : old));
      case "flip":
        return command.map((old, at) => (at === i ? old ^ (1 << (byte % 8)) : old));
    }
  })();
  if (resize && changed.length >= 6) changed.set(encode(UINT32, changed.length), 2);
  return changed;
}

/** The response code of a response whose header is as it must be. */
function checkHeader(response: Bytes): number {
  if (response.length < 10) throw new Violation(`a response of ${response.length} bytes`);
  const reader = new Reader(response);
  const [tag, size, rc] = [reader.uint16(), reader.uint32(), reader.uint32()];
  if (size !== response.length) throw new Violation(`a response of ${response.length} bytes that says ${size}`);
  if (rc === 0) {
    if (tag !== TPM_ST.SESSIONS && tag !== TPM_ST.NO_SESSIONS) throw new Violation(`a response with tag ${tag}`);
    return rc;
  }
  const expected = rc === TPM_RC.BAD_TAG ? TPM_ST.RSP_COMMAND : TPM_ST.NO_SESSIONS;
  if (tag !== expected || response.length !== 10) throw new Violation("a refusal with more than its code");
  if (nameOfRc(splitRc(rc).base) === undefined) throw new Violation(`response code 0x${rc.toString(16)} has no name`);
  return rc;
}

function decodeResponse(
  command: Command,
  profile: Profile,
  response: Bytes,
  sessions: readonly (TestSession | Bytes)[],
): { readonly output: Readonly<Record<string, unknown>>; readonly parameters: Bytes } {
  const rules = limitsOf(profile);
  const reader = new Reader(response, rules);
  const withSessions = reader.uint16() === TPM_ST.SESSIONS;
  if (withSessions !== sessions.length > 0) throw new Violation("sessions in one of command and response only");
  reader.bytes(8);
  const output: Record<string, unknown> = {};
  for (const [name, codec] of command.responseHandles) output[name] = codec.read(reader);
  let parameters = reader.bytes(withSessions ? reader.uint32() : reader.remaining);
  for (const session of sessions) {
    const [nonceTPM, attributes, hmac] = [reader.bytes(reader.uint16()), reader.uint8(), reader.bytes(reader.uint16())];
    if (session instanceof TestSession) {
      parameters = session.accept(command.code, parameters, nonceTPM, attributes, hmac);
    } else if (nonceTPM.length > 0 || attributes !== 1 || hmac.length > 0) {
      throw new Violation("a password session answered as no password session is");
    }
  }
  if (reader.remaining > 0) throw new Violation(`${reader.remaining} bytes follow the response`);
  const parameterReader = new Reader(parameters, rules);
  for (const [name, codec] of command.response) output[name] = codec.read(parameterReader);
  if (parameterReader.remaining > 0) throw new Violation(`${parameterReader.remaining} bytes follow the parameters`);
  return { output, parameters };
}
