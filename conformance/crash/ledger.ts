import { expect } from "vitest";
import type { RawTpm } from "../raw-tpm.ts";
import * as commands from "./commands.ts";

/** A TPM, wherever it is. */
export type Answering = Pick<RawTpm, "execute">;

/**
 * What a client was told of a TPM that may be killed at any moment, and what it has asked for without an answer: what must be
 * found afterwards.
 */
export class Ledger {
  /** Increments that were answered. */
  increments = 0;
  #counter = 0;
  #orderlyCounter = 0;
  #fill = 0;
  #failures = 0;
  #underWay: "counter" | "data" | "failure" | "reset" | undefined;
  #defined = false;
  /** Since the last look at everything. */
  #starts = 0;
  /** Whether a look was cut short that may have set the failures back. */
  #mayBeReset = false;

  /** Startup, the Indices the first time, and a look at what is there. */
  async begin(tpm: Answering): Promise<void> {
    this.#starts++;
    expect(commands.codeOf(await tpm.execute(commands.startup(0)))).toBe(0);
    if (!this.#defined) {
      for (const command of [commands.defineCounter, commands.defineOrderlyCounter, commands.defineData]) {
        expect(commands.codeOf(await tpm.execute(command))).toBe(0);
      }
      await this.#increment(tpm);
      await this.#write(tpm);
      await tpm.execute(commands.increment(commands.ORDERLY_COUNTER));
      this.#defined = true;
      this.#counter = await readCounter(tpm, commands.COUNTER);
    }
    await this.#verify(tpm);
  }

  /** The next command, which `done` of them come before in this life. */
  async #step(tpm: Answering, done: number): Promise<void> {
    if (done % 7 === 3) await this.#fail(tpm);
    else if (done % 7 === 5) await this.#reset(tpm);
    else if (done % 2 === 1) await this.#write(tpm);
    else await this.#increment(tpm);
  }

  /** Command after command until the TPM is gone, or so many of them; tells how many were answered. */
  async use(tpm: Answering, limit = Number.POSITIVE_INFINITY): Promise<number> {
    for (let done = 0; done < limit; done++) {
      try {
        await this.#step(tpm, done);
      } catch (error) {
        if (isGone(error)) return done;
        throw error;
      }
    }
    return limit;
  }

  async #verify(tpm: Answering): Promise<void> {
    const failures = commands.propertyIn(await tpm.execute(commands.readLockoutCounter));
    // A stop without TPM2_Shutdown counts as one more failure, and what was under way may have been one.
    expect(failures).toBeGreaterThanOrEqual(this.#underWay === "reset" || this.#mayBeReset ? 0 : this.#failures);
    expect(failures).toBeLessThanOrEqual(this.#failures + this.#starts + 1);
    const counter = await readCounter(tpm, commands.COUNTER);
    expect(counter).toBeGreaterThanOrEqual(this.#counter);
    expect(counter).toBeLessThanOrEqual(this.#counter + (this.#underWay === "counter" ? 1 : 0));
    const orderly = await readCounter(tpm, commands.ORDERLY_COUNTER);
    expect(orderly).toBeGreaterThanOrEqual(this.#orderlyCounter);

    // Failures that add up would lock the data away.
    this.#mayBeReset = true;
    expect(commands.codeOf(await tpm.execute(commands.resetLockout))).toBe(0);
    const data = commands.dataIn(await tpm.execute(commands.readData));
    expect(data).toHaveLength(commands.DATA_SIZE);
    const [fill = 0] = data;
    expect(data.every((byte) => byte === fill)).toBe(true);
    expect(this.#underWay === "data" ? [this.#fill, nextFill(this.#fill)] : [this.#fill]).toContain(fill);

    this.#counter = counter;
    this.#orderlyCounter = orderly;
    this.#fill = fill;
    this.#failures = 0;
    this.#underWay = undefined;
    this.#starts = 0;
    this.#mayBeReset = false;
  }

  async #increment(tpm: Answering): Promise<void> {
    this.#underWay = "counter";
    expect(commands.codeOf(await tpm.execute(commands.increment(commands.COUNTER)))).toBe(0);
    this.#counter++;
    this.increments++;
    this.#underWay = undefined;
  }

  async #write(tpm: Answering): Promise<void> {
    this.#underWay = "data";
    expect(commands.codeOf(await tpm.execute(commands.writeData(nextFill(this.#fill))))).toBe(0);
    this.#fill = nextFill(this.#fill);
    this.#underWay = undefined;
  }

  async #fail(tpm: Answering): Promise<void> {
    this.#underWay = "failure";
    expect(commands.codeOf(await tpm.execute(commands.readDataWithWrongPassword))).toBe(commands.AUTH_FAIL);
    this.#failures++;
    this.#underWay = undefined;
  }

  async #reset(tpm: Answering): Promise<void> {
    this.#underWay = "reset";
    expect(commands.codeOf(await tpm.execute(commands.resetLockout))).toBe(0);
    this.#failures = 0;
    this.#underWay = undefined;
  }
}

/** Whether it says that the other side of a connection is no more. */
export const isGone = (error: unknown): boolean =>
  error instanceof Error && /closed the connection|ECONNRESET|EPIPE/.test(error.message);

const nextFill = (fill: number): number => (fill % 250) + 1;

async function readCounter(tpm: Answering, index: number): Promise<number> {
  const response = await tpm.execute(commands.readCounter(index));
  expect(commands.codeOf(response)).toBe(0);
  return commands.counterIn(response);
}
