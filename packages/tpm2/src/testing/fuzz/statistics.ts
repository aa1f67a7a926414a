import { describeRc } from "../../spec/tpm-error.ts";
import type { Step } from "./plan.ts";

interface Count {
  sent: number;
  readonly codes: Map<number, number>;
}

/** How often each command was sent, and what it answered. Damaged ones do not count. */
export class Statistics {
  readonly #counts = new Map<string, Count>();
  steps = 0;

  count(step: Step, rc: number): void {
    this.steps++;
    if (step.kind !== "command" || step.damage !== undefined) return;
    const count = this.#counts.get(step.name) ?? { sent: 0, codes: new Map() };
    count.sent++;
    count.codes.set(rc, (count.codes.get(rc) ?? 0) + 1);
    this.#counts.set(step.name, count);
  }

  /** The commands that were sent and never succeeded. */
  neverSucceeded(): string[] {
    return [...this.#counts].filter(([, { codes }]) => !codes.has(0)).map(([name]) => name);
  }

  /** A line for each command: sent, succeeded, and the most frequent refusals. */
  report(): string {
    const lines = [...this.#counts]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, { sent, codes }]) => {
        const share = Math.round((100 * (codes.get(0) ?? 0)) / sent);
        const refusals = [...codes].filter(([rc]) => rc !== 0).sort(([, a], [, b]) => b - a);
        const text = refusals.slice(0, 4).map(([rc, times]) => `${describeRc(rc)} ${times}`);
        return `${name.padEnd(28)}${String(sent).padStart(7)} ${String(share).padStart(4)} %  ${text.join(", ")}`;
      });
    return lines.join("\n");
  }
}
