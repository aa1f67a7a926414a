/** What is to be waited for; nothing where it is done already. */
export type Pending = Promise<void> | undefined;

/** Does `action` when what is waited for is done: in the same call where that is nothing. */
export function after(pending: Pending, action: () => void): Pending {
  if (pending !== undefined) return pending.then(action);
  action();
  return undefined;
}
