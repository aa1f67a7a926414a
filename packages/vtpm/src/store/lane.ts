/** Runs asynchronous actions one after the other, in the order of the calls. */
export class Lane {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects as `action` does; a failed action does not stop the ones behind it. */
  run<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => {});
    return result;
  }
}
