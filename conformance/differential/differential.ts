import { describeRc, type Profile } from "@vtpm/tpm2";
import {
  Caller,
  Chooser,
  COMMANDS,
  COMMON_RECIPES,
  EnginePeer,
  type Exchange,
  explore,
  type Failure,
  type Outcome,
  type Statistics,
  type Step,
  shrink,
  TPM_RH,
  titleOf,
  Unanswered,
  World,
} from "@vtpm/tpm2/testing/fuzz";
import { type Bytes, toHex } from "@vtpm/wire";
import { command, u16 } from "../raw-tpm.ts";
import { difference, isTaintedStep, Taints } from "./compare.ts";
import { KNOWN_DIFFERENCES, LEFT_OUT } from "./known-differences.ts";
import { knownSeedsState } from "./known-seeds.ts";
import { nameByReading } from "./name-by-reading.ts";
import { SwtpmPeer } from "./swtpm-peer.ts";

const STARTUP = 0x144;
const SHRINK_MS = 20_000;

/** The two TPMs answered differently. */
class Difference extends Error {}

/** A known difference after which the two TPMs are not the same any more. */
class Parting extends Error {}

/** What a run is about, and what it saw. */
export interface Observations {
  readonly profile: Profile;
  readonly statistics: Statistics;
  /** How often each known difference was met. */
  readonly known: Map<string, number>;
  /** Answers compared byte for byte. */
  compared: number;
}

/** Our engine and swtpm, from the same seeds, asked the same. */
class Pair {
  readonly ours: EnginePeer;
  readonly theirs: SwtpmPeer;
  readonly #ourCaller: Caller;
  readonly #theirCaller: Caller;
  readonly #taints = new Taints();
  readonly #observations: Observations;
  readonly #started = performance.now();

  private constructor(ours: EnginePeer, theirs: SwtpmPeer, observations: Observations) {
    this.ours = ours;
    this.theirs = theirs;
    this.#ourCaller = new Caller({
      profile: ours.profile,
      execute: (bytes, locality) => ours.execute(bytes, locality),
      nameOf: (handle) => this.#ourNameOf(handle),
    });
    this.#theirCaller = new Caller(theirs);
    this.#observations = observations;
  }

  static async start(seed: number, observations: Observations): Promise<Pair> {
    const state = knownSeedsState(observations.profile);
    const ours = new EnginePeer(state, `sequence ${seed}`);
    const theirs = await SwtpmPeer.start(state);
    for (const peer of [ours, theirs]) await peer.execute(command(STARTUP, u16(0)), 0);
    return new Pair(ours, theirs, observations);
  }

  /** Lets both do a step, and compares. */
  async perform(step: Step): Promise<Exchange | undefined> {
    this.ours.forAll((_tpm, platform) => {
      platform.clock = 1_000_000 + Math.floor(performance.now() - this.#started);
    });
    if (step.kind === "power") {
      this.ours.forAll((tpm) => tpm.powerOn());
      await this.theirs.powerOn();
    }
    if (step.kind !== "command") return undefined;
    const ours = await this.#ourCaller.perform(step);
    const theirs = await this.#theirCaller.perform(step);
    this.#observations.statistics.count(step, ours.rc);
    const found = difference(step, ours, theirs, this.#taints);
    if (found !== undefined) {
      // What a policy finds in an Index that differs is not to be compared.
      if (step.name.startsWith("PolicyNV") && isTaintedStep(step, ours, theirs, this.#taints)) throw new Parting();
      const known = KNOWN_DIFFERENCES.find((entry) => entry.matches(found, step, ours, theirs));
      if (known === undefined) {
        throw new Difference(
          `${step.name}: ${found}\nsent   ${toHex(ours.sent)} in locality ${step.locality}\nours   ${describeRc(ours.rc)} ${toHex(ours.received)}\n` +
            `theirs ${describeRc(theirs.rc)} ${toHex(theirs.received)}`,
        );
      }
      this.#observations.known.set(known.reason, (this.#observations.known.get(known.reason) ?? 0) + 1);
      if (ours.rc !== theirs.rc && (ours.rc === 0 || theirs.rc === 0)) throw new Parting();
    }
    if (ours.rc === 0) await this.#spread(step, ours, theirs);
    return ours;
  }

  /** What is not the same for both makes what it touches different, too. */
  async #spread(step: Extract<Step, { kind: "command" }>, ours: Exchange, theirs: Exchange): Promise<void> {
    const tainted = isTaintedStep(step, ours, theirs, this.#taints);
    if (!tainted) this.#observations.compared++;
    const isSessionStart = step.name === "StartAuthSession";
    if (tainted && !isSessionStart) {
      for (const handle of ours.handles) if (handle < 0x40000000) this.#taints.mark(handle, true);
      for (const handle of ours.handles) {
        if (ours.output !== undefined && this.ours.state.ram.objects.get(handle)?.kind === 2)
          this.#taints.mark(handle, true);
      }
    }
    if (step.damage !== undefined) {
      // It may have been any command: look at everything that may be new.
      for (const handle of this.ours.state.ram.objects.keys()) {
        this.#taints.mark(handle, this.#taints.has(handle) || (await this.#differs(handle)));
      }
    }
    if (step.name === "NV_DefineSpace" || step.name === "NV_UndefineSpace") this.#retaint(step, tainted);
    if (step.name === "Clear") for (const h of [TPM_RH.OWNER, TPM_RH.ENDORSEMENT]) this.#taints.mark(h, true);
    if (step.name === "ChangeEPS") this.#taints.mark(TPM_RH.ENDORSEMENT, true);
    if (step.name === "ChangePPS") this.#taints.mark(TPM_RH.PLATFORM, true);
    if (step.name === "EvictControl") {
      const object = ours.handles[1] ?? 0;
      this.#taints.mark(Number(step.input["persistentHandle"]), this.#taints.has(object));
    }
    for (const [field] of step.command.responseHandles) {
      const handle = ours.output?.[field];
      if (typeof handle !== "number") continue;
      if (isSessionStart) this.#taints.mark(handle, false);
      else this.#taints.mark(handle, tainted || (await this.#differs(handle)));
    }
  }

  #retaint(step: Extract<Step, { kind: "command" }>, tainted: boolean): void {
    const info = step.input["publicInfo"];
    if (typeof info === "object" && info !== null && "nvIndex" in info && typeof info.nvIndex === "number") {
      this.#taints.mark(info.nvIndex, tainted);
    }
  }

  /** Whether a new object is another one in the other TPM: its Name tells. */
  async #differs(handle: number): Promise<boolean> {
    const [ours, theirs] = [await this.#ourNameOf(handle), await this.theirs.nameOf(handle)];
    return toHex(ours) !== toHex(theirs);
  }

  async #ourNameOf(handle: number): Promise<Bytes> {
    return await nameByReading((bytes) => this.ours.execute(bytes, 0), handle);
  }

  async stop(): Promise<void> {
    await this.theirs.stop();
  }
}

/** swtpm takes from its socket as many bytes as the header says: a command that says another size than its own would hang. */
function wholeCommand(step: Step): Step {
  if (step.kind !== "command" || step.damage === undefined) return step;
  // Nor may it be shorter than a header.
  const kind = step.damage.kind === "cut" || step.damage.kind === "remove" ? "flip" : step.damage.kind;
  const place = 0.4 + 0.6 * step.damage.place;
  return { ...step, damage: { ...step.damage, kind, place, resize: true } };
}

/** Invents a sequence and lets both TPMs carry it out; the first difference, if there is one. */
async function explorePair(seed: number, length: number, observations: Observations): Promise<Failure | undefined> {
  const pair = await Pair.start(seed, observations);
  const world = new World({
    dice: new Chooser(seed),
    commands: new Map([...COMMANDS].filter(([code]) => !LEFT_OUT.includes(code))),
    stateOf: () => pair.ours.state,
    nameOf: (handle) => pair.ours.nameOf(handle),
    ownsClock: false,
  });
  const steps: Step[] = [];
  try {
    const sequence = explore(world, COMMON_RECIPES);
    let next = sequence.next();
    while (next.done !== true && steps.length < length) {
      const step = wholeCommand(next.value);
      steps.push(step);
      let outcome: Outcome = { id: step.id, rc: undefined, output: undefined };
      try {
        const exchange = await pair.perform(step);
        if (exchange !== undefined) outcome = { id: step.id, rc: exchange.rc, output: exchange.output };
      } catch (error) {
        if (error instanceof Parting) return undefined;
        if (!(error instanceof Unanswered)) return { error, steps };
      }
      world.learn(step, outcome);
      next = sequence.next(outcome);
    }
    return undefined;
  } finally {
    await pair.stop();
  }
}

/** Lets both TPMs carry out given steps. */
async function replayPair(
  seed: number,
  steps: readonly Step[],
  observations: Observations,
  lines: string[] = [],
): Promise<Failure | undefined> {
  const pair = await Pair.start(seed, observations);
  try {
    for (const [i, step] of steps.entries()) {
      try {
        const exchange = await pair.perform(step);
        lines.push(`# ${titleOf(step)}`);
        if (exchange !== undefined) lines.push(`> ${toHex(exchange.sent)}`, `< ${toHex(exchange.received)}`);
      } catch (error) {
        if (error instanceof Parting) return undefined;
        if (!(error instanceof Unanswered)) return { error, steps: steps.slice(0, i + 1) };
      }
    }
    return undefined;
  } finally {
    await pair.stop();
  }
}

/** One sequence; a report of the first difference, shrunk to the least that shows it. */
export async function compareOnce(
  seed: number,
  length: number,
  observations: Observations,
): Promise<string | undefined> {
  const failure = await explorePair(seed, length, observations);
  if (failure === undefined) return undefined;
  const start = performance.now();
  const ignored: Observations = { ...observations, known: new Map() };
  const least = await shrink(
    failure,
    (steps) => replayPair(seed, steps, ignored),
    () => performance.now() - start > SHRINK_MS,
  );
  const lines: string[] = [];
  await replayPair(seed, least.steps, ignored, lines);
  const last = least.steps.at(-1);
  const stack =
    least.error instanceof Difference ? least.error.message : String((least.error as Error).stack ?? least.error);
  return [
    `seed ${seed}, ${least.steps.length} of ${failure.steps.length} steps`,
    ...lines,
    `# ${last ? titleOf(last) : ""}`,
    stack,
  ].join("\n");
}
