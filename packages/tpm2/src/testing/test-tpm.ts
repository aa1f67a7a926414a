import { type Bytes, concatBytes, EMPTY, encode, Reader, UINT16, UINT32 } from "@vtpm/wire";
import type { Command } from "../dispatch/command.ts";
import { DEFAULT_V1, type Profile } from "../profile.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ST, TPM_SU } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { describeRc } from "../spec/tpm-error.ts";
import { Tpm } from "../tpm.ts";
import { TestPlatform } from "./test-platform.ts";
import type { TestSession } from "./test-session.ts";

/** One way to authorize a handle, or to accompany a command: a password, or a session. */
export type Auth = string | Bytes | TestSession;

/** A response taken apart: the response code and, after success, the named handles and parameters. */
export interface Answer {
  readonly rc: number;
  /** The response code in words. */
  readonly text: string;
  /** The response as it is. */
  readonly bytes: Bytes;
  // The declaration is known at run time only; tests name the field they want and say what it is.
  // biome-ignore lint/suspicious/noExplicitAny: a test reads fields of many structures
  readonly out: any;
}

/** A TPM in a test, spoken to by command declarations. */
export class TestTpm {
  readonly platform: TestPlatform;
  tpm: Tpm;
  locality = 0;
  /** Errors of the engine itself; a test that finds any here has found a bug. */
  readonly faults: unknown[] = [];

  constructor(options: { readonly profile?: Profile; readonly platform?: TestPlatform } = {}) {
    this.platform = options.platform ?? new TestPlatform();
    this.tpm = Tpm.manufacture(this.platform, options.profile ?? DEFAULT_V1, {
      onFault: (error) => {
        this.faults.push(error);
        throw error;
      },
    });
  }

  /** A manufactured TPM after TPM2_Startup(CLEAR). */
  static started(options: { readonly profile?: Profile; readonly platform?: TestPlatform } = {}): TestTpm {
    const test = new TestTpm(options);
    test.powerOn();
    return test;
  }

  /** Power off and on, then TPM2_Startup; `tpm.powerOn` is the same without. */
  powerOn(startupType: number = TPM_SU.CLEAR): void {
    this.tpm.powerOn();
    const answer = this.send(header(TPM_ST.NO_SESSIONS, TPM_CC.Startup, encode(UINT16, startupType)));
    if (rcOf(answer) !== 0) throw new Error(`TPM2_Startup: ${describeRc(rcOf(answer))}`);
  }

  /** Sends bytes. */
  send(command: Bytes): Bytes {
    return this.tpm.execute(command, this.locality);
  }

  /**
   * Encodes and executes a command. `auths` authorize its handles in order (a handle that needs one and finds none gets
   * the empty password); sessions beyond them encrypt or audit.
   */
  run(command: Command, input: object = {}, auths: readonly Auth[] = []): Answer {
    const values = input as Record<string, unknown>; // the declaration's fields, by name
    const handles = command.handles.map(([name]) => numberOf(values[name], name));
    const parameters = concatBytes(...command.parameters.map(([name, codec]) => encode(codec, values[name])));
    return this.runRaw(command, handles, parameters, auths);
  }

  /** The same with parameters already encoded, or deliberately wrong. */
  runRaw(command: Command, handles: readonly number[], parameters: Bytes, auths: readonly Auth[] = []): Answer {
    const needed = command.roles.filter((role) => role !== undefined).length;
    const used = [...auths];
    while (used.length < needed) used.push("");
    const handleArea = concatBytes(...handles.map((handle) => encode(UINT32, handle)));
    const sessions = used.filter((auth): auth is TestSession => typeof auth === "object" && "handle" in auth);
    const names = handles.map((handle) => this.nameOf(handle));
    const sent = sessions.reduce((bytes, session) => session.encryptParameter(bytes), parameters);
    const areas = used.map((auth, i) =>
      isSession(auth)
        ? auth.authorize(command.code, names, sent, handles[i], sessions, i === 0 && needed > 0)
        : passwordArea(auth),
    );
    const area = concatBytes(...areas);
    const tag = used.length > 0 ? TPM_ST.SESSIONS : TPM_ST.NO_SESSIONS;
    const sized = used.length > 0 ? concatBytes(encode(UINT32, area.length), area) : EMPTY;
    const bytes = this.send(header(tag, command.code, concatBytes(handleArea, sized, sent)));
    return this.#decode(command, bytes, used);
  }

  #decode(command: Command, bytes: Bytes, auths: readonly Auth[]): Answer {
    const rc = rcOf(bytes);
    const answer = { rc, text: rc === 0 ? "TPM_RC_SUCCESS" : describeRc(rc), bytes };
    if (rc !== 0) return { ...answer, out: undefined };
    const reader = new Reader(bytes);
    const withSessions = reader.uint16() === TPM_ST.SESSIONS;
    reader.bytes(8);
    const out: Record<string, unknown> = {};
    for (const [name, codec] of command.responseHandles) out[name] = codec.read(reader);
    const size = withSessions ? reader.uint32() : reader.remaining;
    let parameters = reader.bytes(size);
    for (const auth of auths) {
      const [nonceTPM, attributes, hmac] = [sizedBytes(reader), reader.uint8(), sizedBytes(reader)];
      if (isSession(auth)) parameters = auth.accept(command.code, parameters, nonceTPM, attributes, hmac);
    }
    const parameterReader = new Reader(parameters);
    for (const [name, codec] of command.response) out[name] = codec.read(parameterReader);
    return { ...answer, out };
  }

  /** The Name of an entity, taken from the engine's state: what a caller knows from ReadPublic. */
  nameOf(handle: number): Bytes {
    return this.tpm.nameOf(handle);
  }
}

/** The response code of a response. */
export function rcOf(response: Bytes): number {
  const reader = new Reader(response);
  reader.bytes(6);
  return reader.uint32();
}

/** A whole command from tag, code and body. */
export function header(tag: number, code: number, body: Bytes): Bytes {
  return concatBytes(encode(UINT16, tag), encode(UINT32, 10 + body.length), encode(UINT32, code), body);
}

function isSession(auth: Auth): auth is TestSession {
  return typeof auth === "object" && "handle" in auth;
}

function passwordArea(auth: string | Bytes): Bytes {
  const password = typeof auth === "string" ? Uint8Array.from(auth, (c) => c.charCodeAt(0)) : auth;
  return concatBytes(
    encode(UINT32, TPM_RH.PW),
    encode(UINT16, 0),
    Uint8Array.of(1),
    encode(UINT16, password.length),
    password,
  );
}

function sizedBytes(reader: Reader): Bytes {
  return reader.bytes(reader.uint16());
}

function numberOf(value: unknown, name: string): number {
  if (typeof value !== "number") throw new TypeError(`the test gives no handle ${name}`);
  return value;
}
