import { type Bytes, EMPTY, equalBytes } from "@vtpm/wire";
import type { Command } from "../../dispatch/command.ts";
import type { Profile } from "../../profile.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { handleTypeOf, TPM_HT, TPM_RH } from "../../spec/handles.ts";
import { TPMA_NV, TPMA_OBJECT, TPMA_SESSION } from "../../spec/structures/index.ts";
import { type ANY_OBJECT, type KEY_SLOT, type OBJECT, SLOT } from "../../state/object.ts";
import type { TpmState } from "../../state/tpm-state.ts";
import { baseHierarchy } from "../../subsystems/limited-hierarchies.ts";
import type { Chooser } from "./chooser.ts";
import { type AuthPlan, type CommandStep, type Damage, Late, type SessionPlan, type Step } from "./plan.ts";

/** What became of a step. */
export interface Outcome {
  readonly id: number;
  /** `undefined` where the step was no command, or was left out. */
  readonly rc: number | undefined;
  readonly output: Readonly<Record<string, unknown>> | undefined;
}

/** Plans steps one after the other, each knowing what became of those before. */
export type Recipe<T = void> = Generator<Step, T, Outcome>;

/** A session as its caller knows it. */
export interface LiveSession {
  readonly step: number;
  readonly handle: number;
  readonly hashAlg: number;
  readonly kind: "hmac" | "policy" | "trial";
  readonly encrypts: boolean;
  readonly bind: { readonly handle: number; readonly name: Bytes; readonly auth: Bytes } | undefined;
}

/** What a recipe may say about a command beside its input. */
export interface RunOptions {
  readonly auths?: readonly (AuthPlan | undefined)[];
  readonly locality?: number;
  readonly starts?: SessionPlan;
  /** Nothing beside what the command needs: no audit, no encryption, no damage. */
  readonly plain?: boolean;
}

/** A live object and what is known of it. */
export interface LiveObject {
  readonly handle: number;
  readonly object: ANY_OBJECT;
}

export interface LiveKey {
  readonly handle: number;
  readonly key: OBJECT | KEY_SLOT;
}

const COMMAND_NAMES = new Map<number, string>(Object.entries(TPM_CC).map(([name, code]) => [code, name]));

export const nameOfCommand = (code: number): string => COMMAND_NAMES.get(code) ?? `command ${code.toString(16)}`;

/** What recipes see: the state of the engine that answered so far, the live sessions, and the dice. */
export class World {
  readonly dice: Chooser;
  readonly profile: Profile;
  readonly commands: ReadonlyMap<number, Command>;
  /** Whether time passes only when the plan says so. */
  readonly ownsClock: boolean;
  readonly sessions = new Map<number, LiveSession>();
  readonly #stateOf: () => TpmState;
  readonly #nameOf: (handle: number) => Bytes;
  readonly #damageRate: number;
  /** Where a live handle came from, so that a plan that shrinks still finds it. */
  readonly #origins = new Map<number, Late<number>>();
  /** Bytes that earlier responses contained and later commands can be given. */
  readonly treasures = new Map<string, unknown[]>();
  #nextId = 1;

  constructor(options: {
    readonly dice: Chooser;
    readonly commands: ReadonlyMap<number, Command>;
    readonly stateOf: () => TpmState;
    readonly nameOf: (handle: number) => Bytes;
    readonly damageRate?: number;
    readonly ownsClock?: boolean;
  }) {
    this.ownsClock = options.ownsClock ?? true;
    this.dice = options.dice;
    this.commands = options.commands;
    this.#stateOf = options.stateOf;
    this.#nameOf = options.nameOf;
    this.#damageRate = options.damageRate ?? 0.04;
    this.profile = options.stateOf().nv.profile;
  }

  get state(): TpmState {
    return this.#stateOf();
  }

  newId(): number {
    return this.#nextId++;
  }

  has(name: keyof typeof TPM_CC): boolean {
    return this.commands.has(TPM_CC[name]) && this.profile.allows("CC", TPM_CC[name]);
  }

  nameOf(handle: number): Bytes {
    return this.#nameOf(handle);
  }

  objects(): LiveObject[] {
    const { ram, nv } = this.state;
    return [
      ...[...ram.objects].map(([handle, object]) => ({ handle, object })),
      ...[...nv.objects].map(([handle, object]) => ({ handle, object: { kind: SLOT.KEY, ...object } })),
    ];
  }

  keys(filter: (key: OBJECT | KEY_SLOT) => boolean = () => true): LiveKey[] {
    return this.objects().flatMap(({ handle, object }) =>
      object.kind === SLOT.KEY && filter(object) ? [{ handle, key: object }] : [],
    );
  }

  sequences(): LiveObject[] {
    return this.objects().filter(({ object }) => object.kind === SLOT.SEQUENCE);
  }

  get transientCount(): number {
    return this.state.ram.objects.size;
  }

  /** The attributes of an NV Index as they are now. */
  nvAttributes(handle: number): number {
    const orderly = this.state.ram.orderlyIndices.get(handle)?.attributes;
    return orderly ?? this.state.nv.indices.get(handle)?.publicArea.attributes ?? 0;
  }

  indices(filter: (attributes: number) => boolean = () => true): number[] {
    return [...this.state.nv.indices.keys()].filter((handle) => filter(this.nvAttributes(handle)));
  }

  /** The authValue of an entity. */
  authOf(handle: number): Bytes {
    const { nv, ram } = this.state;
    switch (baseHierarchy(handle)) {
      case TPM_RH.OWNER:
        return nv.persistent.ownerAuth;
      case TPM_RH.ENDORSEMENT:
        return nv.persistent.endorsementAuth;
      case TPM_RH.LOCKOUT:
        return nv.persistent.lockoutAuth;
      case TPM_RH.PLATFORM:
        return ram.stateClear.platformAuth;
    }
    switch (handleTypeOf(handle)) {
      case TPM_HT.NV_INDEX:
      case TPM_HT.EXTERNAL_NV:
        return nv.indices.get(handle)?.authValue ?? EMPTY;
      case TPM_HT.PERSISTENT:
        return nv.objects.get(handle)?.sensitive?.authValue ?? EMPTY;
      case TPM_HT.TRANSIENT: {
        const object = ram.objects.get(handle);
        if (object === undefined) return EMPTY;
        return object.kind === SLOT.SEQUENCE ? object.auth : (object.sensitive?.authValue ?? EMPTY);
      }
      case TPM_HT.PCR:
        return handle >= 20 && handle <= 22 ? ram.stateClear.pcrAuthValue : EMPTY;
      default:
        return EMPTY;
    }
  }

  /** Sessions that are loaded now. */
  liveSessions(kind?: LiveSession["kind"]): LiveSession[] {
    const { contextArray } = this.state.ram.stateReset;
    return [...this.sessions.values()].filter((session) => {
      const entry = contextArray[session.handle % 2 ** 24] ?? 0;
      return entry > 0 && entry <= 3 && (kind === undefined || session.kind === kind);
    });
  }

  /** A handle as the plan should have it. */
  ref(handle: number): number | Late<number> {
    return this.#origins.get(handle) ?? handle;
  }

  /** A password for an entity: nearly always the right one. */
  password(handle: number): AuthPlan {
    const right = this.authOf(handle);
    return { kind: "password", password: this.dice.chance(0.02) ? this.dice.bytes(3) : right };
  }

  /** An authorization of an entity by a session. */
  bySession(session: LiveSession, handle: number | undefined, attributes: number, nextAuth?: Bytes): AuthPlan {
    const authValue = handle === undefined ? EMPTY : this.authOf(handle);
    const isBound =
      session.bind !== undefined &&
      session.bind.handle === handle &&
      equalBytes(session.bind.name, this.nameOf(handle)) &&
      equalBytes(session.bind.auth, authValue);
    return {
      kind: "session",
      session: session.step,
      attributes,
      authValue,
      leavesOutAuthValue: isBound || session.kind !== "hmac",
      nextAuthValue: nextAuth,
    };
  }

  /** Plans one command and waits for its answer. */
  *run(
    name: keyof typeof TPM_CC,
    input: Readonly<Record<string, unknown>> = {},
    options: RunOptions = {},
  ): Recipe<Outcome> {
    const command = this.commands.get(TPM_CC[name]);
    const id = this.newId();
    if (command === undefined) return { id, rc: undefined, output: undefined };
    yield* this.#makeRoom(command, input);
    return yield this.plan(command, id, input, options);
  }

  /** Every persistent object that a command uses takes a transient slot meanwhile. */
  *#makeRoom(command: Command, input: Readonly<Record<string, unknown>>): Recipe {
    const used = command.handles.map(([field]) => input[field]).filter((handle) => typeof handle === "number");
    const borrowed = new Set(used.filter((handle) => handleTypeOf(handle) === TPM_HT.PERSISTENT)).size;
    if (borrowed === 0 || this.dice.chance(0.05)) return;
    for (const handle of this.state.ram.objects.keys()) {
      if (this.transientCount + borrowed <= 3) return;
      if (!used.includes(handle)) yield* this.run("FlushContext", { flushHandle: this.ref(handle) }, { plain: true });
    }
  }

  plan(
    command: Command,
    id: number,
    input: Readonly<Record<string, unknown>>,
    { auths = [], locality, starts, plain = false }: RunOptions,
  ): CommandStep {
    const { dice } = this;
    const concrete: Record<string, unknown> = { ...input };
    for (const [field] of command.handles) {
      const handle = concrete[field];
      if (typeof handle === "number") concrete[field] = this.ref(handle);
    }
    const nextAuth = nextAuthOf(command, input);
    const planned: AuthPlan[] = command.roles.flatMap((role, i) => {
      if (role === undefined) return [];
      const [field = ""] = command.handles[i] ?? [];
      const handle = input[field];
      return [auths[i] ?? this.#authorization(typeof handle === "number" ? handle : TPM_RH.NULL, nextAuth, plain)];
    });
    if (!plain && !command.noSessions && command.code !== TPM_CC.FlushContext) this.#accompany(command, planned);
    return {
      kind: "command",
      id,
      command,
      name: nameOfCommand(command.code),
      locality: locality ?? (dice.chance(0.04) ? dice.below(5) : 0),
      input: concrete,
      auths: planned,
      damage: !plain && dice.chance(this.#damageRate) ? this.damage() : undefined,
      starts,
    };
  }

  damage(): Damage {
    const { dice } = this;
    return {
      kind: dice.pick(["cut", "insert", "replace", "remove", "flip"]),
      place: dice.below(10000) / 10000,
      byte: dice.pick([0, 1, 0x7f, 0x80, 0xff, dice.below(256)]),
      resize: dice.chance(0.8),
    };
  }

  #authorization(handle: number, nextAuth: Bytes | undefined, plain: boolean): AuthPlan {
    const { dice } = this;
    if (plain) return { kind: "password", password: this.authOf(handle) };
    const session = dice.chance(0.3) ? dice.maybe(this.liveSessions("hmac")) : undefined;
    // With a new authValue a bound session is not bound any more, in the middle of the command.
    if (session === undefined || (nextAuth !== undefined && session.bind !== undefined)) return this.password(handle);
    return this.bySession(session, handle, TPMA_SESSION.of({ continueSession: dice.chance(0.85) }), nextAuth);
  }

  /** Now and then: sessions that audit or encrypt, or an attribute more on one that authorizes. */
  #accompany(command: Command, planned: AuthPlan[]): void {
    const { dice } = this;
    if (!dice.chance(0.25)) return;
    const isUsed = (session: LiveSession): boolean =>
      planned.some((auth) => auth.kind === "session" && auth.session === session.step);
    const extra = dice.maybe(this.liveSessions("hmac").filter((session) => !isUsed(session)));
    const flags = {
      continueSession: dice.chance(0.9),
      audit: dice.chance(0.4),
      auditExclusive: dice.chance(0.1),
      auditReset: dice.chance(0.1),
      decrypt: extra?.encrypts === true && command.canDecrypt && dice.chance(0.6),
      encrypt: extra?.encrypts === true && command.canEncrypt && dice.chance(0.6),
    };
    if (!flags.audit) Object.assign(flags, { auditExclusive: false, auditReset: false });
    if (!flags.audit && !flags.decrypt && !flags.encrypt && dice.chance(0.95)) return;
    if (extra !== undefined && planned.length < 3)
      planned.push(this.bySession(extra, undefined, TPMA_SESSION.of(flags)));
  }

  /** Remembers what the answer to a step means for later ones. */
  learn(step: Step, outcome: Outcome): void {
    this.#forgetReplaced(step, outcome);
    if (step.kind !== "command" || outcome.output === undefined) return;
    for (const [field] of step.command.responseHandles) {
      const handle = outcome.output[field];
      if (typeof handle === "number") this.#origins.set(handle, outputOf<number>(step.id, field));
    }
    if (step.name === "EvictControl") this.#origins.delete(Number(step.input["persistentHandle"]));
  }

  /** A session that no recipe has started may have taken the place of one that is known. */
  #forgetReplaced(step: Step, outcome: Outcome): void {
    if (step.kind !== "command" || outcome.rc !== 0) return;
    if (step.damage !== undefined) {
      for (const auth of step.auths) if (auth.kind === "session") this.sessions.delete(auth.session);
    }
    if (step.name !== "StartAuthSession") return;
    const handle = outcome.output?.["sessionHandle"];
    for (const [id, session] of this.sessions) {
      if (typeof handle !== "number" || session.handle % 2 ** 24 === handle % 2 ** 24) this.sessions.delete(id);
    }
  }

  /** Keeps something for a later command. */
  keep(kind: string, value: unknown): void {
    const kept = this.treasures.get(kind) ?? [];
    kept.push(value);
    if (kept.length > 8) kept.shift();
    this.treasures.set(kind, kept);
  }

  /** Something kept earlier, or `undefined`. */
  kept<T>(kind: string): T | undefined {
    // What was kept under a kind has that kind's type.
    return this.dice.maybe(this.treasures.get(kind) ?? []) as T | undefined;
  }
}

/** The authValue that a command gives the entity of its first handle: the response is made with it. */
function nextAuthOf(command: Command, input: Readonly<Record<string, unknown>>): Bytes | undefined {
  switch (command.code) {
    case TPM_CC.HierarchyChangeAuth:
    case TPM_CC.NV_ChangeAuth:
    case TPM_CC.PCR_SetAuthValue: {
      const given = input["newAuth"] ?? input["auth"];
      // Zeros at the end of an authValue do not count.
      return given instanceof Uint8Array ? given.slice(0, given.findLastIndex((byte) => byte !== 0) + 1) : undefined;
    }
    case TPM_CC.Clear:
      // The platform's is the only authValue that is not cleared with the rest.
      return input["authHandle"] === TPM_RH.LOCKOUT ? EMPTY : undefined;
    default:
      return undefined;
  }
}

/** What a step will have answered in a field. */
export function outputOf<T = unknown>(step: number, field: string): Late<T> {
  // The field's codec makes it what the caller says.
  return new Late((past) => past.output(step)?.[field] as T | undefined);
}

export const isAttribute = (key: OBJECT | KEY_SLOT, attribute: Parameters<typeof TPMA_OBJECT.has>[1]): boolean =>
  TPMA_OBJECT.has(key.publicArea.objectAttributes, attribute);

export const isNv = (attributes: number, flag: Parameters<typeof TPMA_NV.has>[1]): boolean =>
  TPMA_NV.has(attributes, flag);
