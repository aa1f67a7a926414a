/**
 * Lets one at a time do something with a TPM, in the order of arrival: at once when nobody else is at it. Whoever has the
 * turn ends it with `pass`, within the same call or later.
 */
export class Turns {
  #waiting: (() => void)[] = [];
  #taken = false;
  #passing = false;

  /** Starts `action` when its turn comes. */
  take(action: () => void): void {
    this.#waiting.push(action);
    this.#next();
  }

  /** Starts `action` before all others that wait. */
  takeNext(action: () => void): void {
    this.#waiting.unshift(action);
    this.#next();
  }

  /** Ends the turn. */
  pass(): void {
    this.#taken = false;
    this.#next();
  }

  #next(): void {
    // A loop instead of recursion: any number of actions may begin and end here.
    if (this.#passing) return;
    this.#passing = true;
    while (!this.#taken) {
      const action = this.#waiting.shift();
      if (action === undefined) break;
      this.#taken = true;
      action();
    }
    this.#passing = false;
  }
}
