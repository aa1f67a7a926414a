import type { Client } from "../tpm/client.ts";

/** One timed exchange. */
export interface Exchange {
  /** Sent one after the other; the time of all is taken. */
  readonly send: readonly Buffer[];
  /** Looks at the last answer after the clock has stopped, and throws if it is wrong. */
  check?(response: Buffer): void;
  /** Sent after the clock has stopped: what makes the next exchange possible. */
  cleanUp?(response: Buffer): readonly Buffer[];
}

export interface Target {
  readonly must: number;
  readonly aim: number;
}

/** What an operation has to do, as far as its time depends on that: the report names the slowest of each kind. */
export type Kind =
  | "touches no key, state or disk"
  | "hash sequence, all its commands"
  | "symmetric cipher"
  | "session with HMAC or encryption"
  | "write to NV"
  | "ECC, P-256"
  | "ECC, P-521 and BN P-638"
  | "RSA key"
  | "key protected by a parent"
  | "saved context"
  | "RSA key seen before"
  | "RSA key generation"
  | "test of all algorithms";

export interface Operation {
  readonly name: string;
  readonly kind: Kind;
  /** Which of ours divided by the peer's is to reach the target. */
  readonly metric: "p50" | "cpu";
  readonly target: Target | undefined;
  /** So slow that exchanges are counted, not the time. */
  readonly slow?: boolean;
  /** Makes the keys and indices it needs and returns the maker of exchanges. */
  prepare(client: Client): Promise<() => Exchange>;
  /** Undoes what `prepare` left that flushing objects and sessions does not. */
  finish?(client: Client): Promise<void>;
}

export function expectEqual(got: Uint8Array, expected: Uint8Array, what: string): void {
  if (!Buffer.from(got).equals(expected)) throw new Error(`${what} is wrong: ${Buffer.from(got).toString("hex")}`);
}

export function expectTrue(condition: boolean, what: string): void {
  if (!condition) throw new Error(`${what} is wrong`);
}
