/**
 * The world failed: a file, a socket, an option. `code` is stable and made for programs, the message is one line for people
 * that names the thing and, where there is one, the remedy.
 */
export abstract class HostError extends Error {
  abstract readonly code: string;
}

/** The `code` of an error of the operating system, such as "ENOENT"; `undefined` for any other error. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** What an error says in a few words: for one of the operating system its reason and code, without call and path. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = systemErrorCode(error);
  if (code === undefined) return message;
  const reason = /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1];
  return reason === undefined ? message : `${reason} (${code})`;
}
