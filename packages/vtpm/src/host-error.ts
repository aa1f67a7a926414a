import { getSystemErrorMap } from "node:util";

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

/** Whether a failed read or write says only that there is nothing to be had now. */
export function isPassing(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === "EAGAIN" || code === "EINTR";
}

/** What an error says in a few words: for one of the operating system its reason and code, without call, path and address. */
export function reasonOf(error: unknown): string {
  // A connection is tried at several addresses.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const message = error instanceof Error ? error.message : String(error);
  const code = systemErrorCode(error);
  if (!(error instanceof Error) || code === undefined || !("errno" in error)) return message;
  const [, reason = message] = getSystemErrorMap().get(Number(error.errno)) ?? [];
  return `${reason} (${code})`;
}

/** The reason of the operating system as C programs write it: with a capital letter. */
export function systemReason(error: unknown): string {
  const reason = reasonOf(error);
  return reason.charAt(0).toUpperCase() + reason.slice(1);
}
