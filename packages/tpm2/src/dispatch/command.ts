import type { Codec, Fields, ValuesOf } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import type { FormatOneRc } from "../spec/response-codes.ts";
import { TpmError } from "../spec/tpm-error.ts";
import type { Job, JobResult } from "./job.ts";

/** What an authorization must prove. @spec Part 1, "Authorization Roles" */
export type AuthRole = "USER" | "ADMIN" | "DUP";

/** A handle in the handle area; with a role, the command needs an authorization for it. */
export interface HandleCodec<T extends number = number> extends Codec<T> {
  readonly role?: AuthRole;
}

/** A handle that must be authorized. */
export function authorized<T extends number>(codec: Codec<T>, role: AuthRole): HandleCodec<T> {
  return { ...codec, role };
}

/** Handles in wire order, at most three. */
export type HandleFields = Readonly<Record<string, HandleCodec>>;

type NoFields = Record<never, never>;

/** Makes the error of a named handle or parameter; the name becomes its position in the response code. */
export type At<Names extends string> = (name: Names, rc: FormatOneRc) => TpmError;

/** What a command does: at once, or as a generator that hands out jobs. */
export type Outcome<R> = R | Generator<Job, R, JobResult>;

/** A command as data plus one function. */
export interface CommandDeclaration<
  H extends HandleFields,
  P extends Fields,
  RH extends HandleFields,
  R extends Fields,
> {
  readonly code: number;
  readonly handles?: H;
  readonly parameters?: P;
  readonly responseHandles?: RH;
  readonly response?: R;
  /** Whether the command may write NV (TPMA_CC `nv`). */
  readonly nv?: boolean;
  /** Whether it may flush any number of contexts (TPMA_CC `extensive`). */
  readonly extensive?: boolean;
  /** Whether it flushes the object of its first handle when it succeeds (TPMA_CC `flushed`). */
  readonly flushed?: boolean;
  /** Whether sessions are refused altogether, even for audit. */
  readonly noSessions?: boolean;
  /** Whether physical presence may be demanded for it (`optional`: by TPM2_PP_Commands) or always is. */
  readonly physicalPresence?: "optional" | "required";
  execute(
    tpm: Engine,
    input: ValuesOf<H> & ValuesOf<P>,
    at: At<(keyof H | keyof P) & string>,
  ): Outcome<ResponseOf<NoInfer<RH>, NoInfer<R>>>;
}

type ResponseOf<RH extends Fields, R extends Fields> = keyof RH | keyof R extends never
  ? void
  : ValuesOf<RH> & ValuesOf<R>;

/** A declared command as the dispatcher sees it, its field lists worked out. */
export interface Command {
  readonly code: number;
  /** The specification's name without `TPM2_`. */
  readonly handles: readonly (readonly [name: string, codec: HandleCodec])[];
  readonly parameters: readonly (readonly [name: string, codec: Codec<unknown>])[];
  readonly responseHandles: readonly (readonly [name: string, codec: HandleCodec])[];
  readonly response: readonly (readonly [name: string, codec: Codec<unknown>])[];
  readonly roles: readonly (AuthRole | undefined)[];
  readonly nv: boolean;
  readonly extensive: boolean;
  readonly flushed: boolean;
  readonly noSessions: boolean;
  readonly physicalPresence: "optional" | "required" | undefined;
  /** Whether the first parameter (response parameter) is a sized buffer, so that a session may encrypt it. */
  readonly canDecrypt: boolean;
  readonly canEncrypt: boolean;
  execute(tpm: Engine, input: object): Outcome<object | undefined | void>;
}

/** A command that its callers know the fields of. */
export interface DeclaredCommand<Input extends object, Output extends object> extends Command {
  /** For the compiler only: never there. */
  readonly types?: { readonly input: Input; readonly output: Output };
}

/** Declares a command. */
export function defineCommand<
  const H extends HandleFields = NoFields,
  const P extends Fields = NoFields,
  const RH extends HandleFields = NoFields,
  const R extends Fields = NoFields,
>(
  declaration: CommandDeclaration<H, P, RH, R>,
): DeclaredCommand<ValuesOf<H> & ValuesOf<P>, ValuesOf<RH> & ValuesOf<R>> {
  const handles = Object.entries(declaration.handles ?? {});
  const parameters = Object.entries(declaration.parameters ?? {});
  const responseHandles = Object.entries(declaration.responseHandles ?? {});
  const response = Object.entries(declaration.response ?? {});
  const position = new Map<string, readonly ["handle" | "parameter", number]>();
  for (const [i, [name]] of handles.entries()) position.set(name, ["handle", i + 1]);
  for (const [i, [name]] of parameters.entries()) position.set(name, ["parameter", i + 1]);
  const at: At<string> = (name, rc) => {
    const place = position.get(name);
    if (place === undefined) throw new RangeError(`the command has no field ${name}`);
    return TpmError.at(place[0], place[1], rc);
  };
  return {
    code: declaration.code,
    handles,
    parameters,
    responseHandles,
    response,
    roles: handles.map(([, codec]) => codec.role),
    nv: declaration.nv ?? false,
    extensive: declaration.extensive ?? false,
    flushed: declaration.flushed ?? false,
    noSessions: declaration.noSessions ?? false,
    physicalPresence: declaration.physicalPresence,
    canDecrypt: isSizedBuffer(parameters[0]?.[1]),
    canEncrypt: isSizedBuffer(response[0]?.[1]),
    // The dispatcher decodes exactly the declared fields, which the type of Command cannot say.
    execute: (tpm, input) => declaration.execute(tpm, input as ValuesOf<H> & ValuesOf<P>, at),
  };
}

/** @spec Part 1, "Session-Based Encryption": only a first parameter with a 16-bit size in front can be encrypted. */
function isSizedBuffer(codec: Codec<unknown> | undefined): boolean {
  if (codec === undefined) return false;
  const { shape } = codec;
  return shape.kind === "sized" || (shape.kind === "buffer" && shape.base.name === "UINT16");
}
