import type { Pending } from "./pending.ts";

/** Runs asynchronous actions one after the other, in the order of the calls. */
export class Lane {
  /** What the next action waits for; nothing while there is none before it. */
  #last: Promise<void> | undefined;

  /** Resolves or rejects as `action` does; a failed action does not stop the ones behind it. */
  run<T>(action: () => Promise<T>): Promise<T> {
    return this.#track((this.#last ?? Promise.resolve()).then(action));
  }

  /** The same for an action that may be done when it returns: in the same call if there is none before it. Never throws. */
  runNow(action: () => Pending): Pending {
    if (this.#last !== undefined) return this.run(async () => action());
    try {
      const pending = action();
      return pending === undefined ? undefined : this.#track(pending);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #track<T>(result: Promise<T>): Promise<T> {
    const done = (): void => {
      if (this.#last === last) this.#last = undefined;
    };
    const last: Promise<void> = result.then(done, done);
    this.#last = last;
    return result;
  }
}
