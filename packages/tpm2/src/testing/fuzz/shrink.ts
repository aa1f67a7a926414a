import type { Step } from "./plan.ts";

/** What went wrong, and the steps up to there. */
export interface Failure {
  readonly error: unknown;
  readonly steps: readonly Step[];
}

/** Whether two failures are the same mistake, as far as that can be told from their messages. */
function isSame(a: unknown, b: unknown): boolean {
  return summary(a) === summary(b);
}

/** An error without its particulars: digits differ when steps are left out. */
function summary(error: unknown): string {
  const text = error instanceof Error ? `${error.name} ${error.message}` : String(error);
  return text.replace(/[0-9a-f]{6,}|\d+/g, "#").slice(0, 60);
}

/** Leaves out steps as long as the same failure remains, and as time remains. */
export async function shrink(
  failure: Failure,
  replay: (steps: readonly Step[]) => Promise<Failure | undefined>,
  isOver: () => boolean,
): Promise<Failure> {
  let best = failure;
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; ) {
    let removed = false;
    for (let start = best.steps.length - size; start >= -size + 1 && !isOver(); start -= size) {
      const shorter: Step[] = best.steps.filter((_, i) => i < start || i >= start + size);
      const found = await replay(shorter);
      if (found === undefined || !isSame(found.error, failure.error)) continue;
      best = found;
      removed = true;
      start = Math.min(start, best.steps.length);
    }
    if (isOver()) break;
    if (size === 1 && !removed) break;
    size = size === 1 ? 1 : Math.ceil(size / 2);
  }
  return best;
}
