import type { CryptoProvider } from "@vtpm/crypto";
import { toHex } from "@vtpm/wire";
import { COMMANDS } from "../../commands/index.ts";
import { DEFAULT_V1, type Profile } from "../../profile.ts";
import { describeRc } from "../../spec/tpm-error.ts";
import type { NvState } from "../../state/tpm-state.ts";
import { Caller, type Exchange } from "./caller.ts";
import { Chooser } from "./chooser.ts";
import { EnginePeer, type Move, manufacturedState } from "./engine-peer.ts";
import { ALL_RECIPES, explore } from "./explorer.ts";
import { type Step, Unanswered } from "./plan.ts";
import type { Failure } from "./shrink.ts";
import type { Statistics } from "./statistics.ts";
import { type Outcome, World } from "./world.ts";

/** What a sequence is run on. */
export interface SequenceOptions {
  readonly seed: number;
  readonly profile?: Profile;
  /** Whether a twin accompanies the engine that is stored and restored before every command. */
  readonly migrated?: boolean;
  /** What that twin goes through beside. */
  readonly move?: Move;
  /** Whether a twin with this provider accompanies it. */
  readonly otherCrypto?: CryptoProvider;
}

const manufactured = new Map<Profile, NvState>();

/** An engine with its twins, powered on for the first time: the same for equal options. */
export function createPeer({ seed, profile = DEFAULT_V1, migrated, move, otherCrypto }: SequenceOptions): EnginePeer {
  const nv = manufactured.get(profile) ?? manufacturedState(profile);
  manufactured.set(profile, nv);
  return new EnginePeer(nv, `sequence ${seed}`, {
    ...(migrated === undefined ? {} : { migrated }),
    ...(move === undefined ? {} : { move }),
    ...(otherCrypto === undefined ? {} : { otherCrypto }),
  });
}

/** Carries out one step; `undefined` for what is no command. Throws for what must not happen. */
export async function carryOut(peer: EnginePeer, caller: Caller, step: Step): Promise<Exchange | undefined> {
  switch (step.kind) {
    case "command":
      return await caller.perform(step);
    case "power":
      peer.forAll((tpm) => tpm.powerOn());
      return undefined;
    case "time":
      peer.forAll((_tpm, platform) => {
        platform.clock += step.ms;
      });
      return undefined;
    case "presence":
      peer.forAll((_tpm, platform) => {
        platform.presence = step.on;
      });
      return undefined;
    case "hashStart":
      peer.forAll((tpm) => tpm.hashStart());
      return undefined;
    case "hashData":
      peer.forAll((tpm) => tpm.hashData(step.data));
      return undefined;
    case "hashEnd":
      peer.forAll((tpm) => tpm.hashEnd());
      return undefined;
  }
}

/** Invents a sequence of so many steps and carries it out; what fails first, if anything does. */
export async function runSequence(
  options: SequenceOptions,
  length: number,
  statistics: Statistics,
): Promise<Failure | undefined> {
  const peer = createPeer(options);
  const caller = new Caller(peer);
  const world = new World({
    dice: new Chooser(options.seed),
    commands: COMMANDS,
    stateOf: () => peer.state,
    nameOf: (handle) => peer.nameOf(handle),
  });
  const steps: Step[] = [];
  const sequence = explore(world, ALL_RECIPES);
  let next = sequence.next();
  while (next.done !== true && steps.length < length) {
    const step = next.value;
    steps.push(step);
    let outcome: Outcome = { id: step.id, rc: undefined, output: undefined };
    try {
      const exchange = await carryOut(peer, caller, step);
      if (exchange !== undefined) {
        outcome = { id: step.id, rc: exchange.rc, output: exchange.output };
        statistics.count(step, exchange.rc);
      }
    } catch (error) {
      if (!(error instanceof Unanswered)) return { error, steps };
    }
    world.learn(step, outcome);
    next = sequence.next(outcome);
  }
  return undefined;
}

/** Carries out given steps; steps whose references lead nowhere are left out. */
export async function replay(
  options: SequenceOptions,
  steps: readonly Step[],
  observe: (step: Step, exchange: Exchange | undefined) => void = () => {},
): Promise<Failure | undefined> {
  const peer = createPeer(options);
  const caller = new Caller(peer);
  for (const [i, step] of steps.entries()) {
    try {
      observe(step, await carryOut(peer, caller, step));
    } catch (error) {
      if (!(error instanceof Unanswered)) return { error, steps: steps.slice(0, i + 1) };
    }
  }
  return undefined;
}

/** The bytes that pass when the steps are carried out: a line for each exchange, and what happened between them. */
export async function transcript(options: SequenceOptions, steps: readonly Step[]): Promise<string> {
  const peer = createPeer(options);
  const lines: string[] = [];
  const caller = new Caller({
    profile: peer.profile,
    nameOf: (handle) => peer.nameOf(handle),
    execute(command, locality) {
      lines.push(`> ${toHex(command)}${locality === 0 ? "" : `  # locality ${locality}`}`);
      const response = peer.execute(command, locality);
      lines.push(`< ${toHex(response)}`);
      return response;
    },
  });
  for (const step of steps) {
    const at = lines.length;
    try {
      const exchange = await carryOut(peer, caller, step);
      lines.splice(at, 0, `# ${titleOf(step)}${exchange === undefined ? "" : `: ${describeRc(exchange.rc)}`}`);
    } catch (error) {
      if (error instanceof Unanswered) continue;
      lines.splice(at, 0, `# ${titleOf(step)}`);
      lines.push(`# ${String(error)}`);
      break;
    }
  }
  return lines.join("\n");
}

/** A step in a few words. */
export function titleOf(step: Step): string {
  switch (step.kind) {
    case "command":
      return step.damage === undefined ? step.name : `${step.name}, damaged`;
    case "time":
      return `${step.ms} ms pass`;
    case "presence":
      return `physical presence ${step.on ? "on" : "off"}`;
    case "hashData":
      return `_TPM_Hash_Data ${toHex(step.data)}`;
    case "power":
      return "power off and on";
    case "hashStart":
      return "_TPM_Hash_Start";
    case "hashEnd":
      return "_TPM_Hash_End";
  }
}
