import type { CryptoProvider } from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";
import type { Command } from "../../dispatch/command.ts";
import type { TestSession } from "../test-session.ts";

// A sequence is planned once and can be carried out on any TPM: what a TPM chose (handles, nonces, keys, tickets) stands in
// the plan as a reference to the step that answered it.

/** What one TPM has answered so far. */
export interface Past {
  readonly crypto: CryptoProvider;
  /** The response of a step by field; `undefined` if it failed or was left out. */
  output(step: number): Readonly<Record<string, unknown>> | undefined;
  session(step: number): TestSession | undefined;
}

/** A value that is known only when the step before it has been answered. */
export class Late<T> {
  readonly of: (past: Past) => T | undefined;

  constructor(of: (past: Past) => T | undefined) {
    this.of = of;
  }
}

/** Thrown where a plan refers to an answer that does not exist: the step is left out. */
export class Unanswered extends Error {}

/** How a handle is authorized, or what else accompanies a command. */
export type AuthPlan =
  | { readonly kind: "password"; readonly password: Bytes }
  | {
      readonly kind: "session";
      /** The step that started it. */
      readonly session: number;
      readonly attributes: number;
      /** The authValue of the entity. */
      readonly authValue: Bytes;
      /** Whether it stays out of the HMAC key. */
      readonly leavesOutAuthValue: boolean;
      /** What it is when the response is made. */
      readonly nextAuthValue: Bytes | undefined;
      /** The password goes where the HMAC would be. */
      readonly isPassword?: boolean;
    };

/** Bytes of a command changed on purpose. */
export interface Damage {
  readonly kind: "cut" | "insert" | "replace" | "remove" | "flip";
  /** Where, as a fraction of the command. */
  readonly place: number;
  readonly byte: number;
  /** Whether the header's size is made right again, so that the damage gets deeper. */
  readonly resize: boolean;
}

/** What the caller of TPM2_StartAuthSession knows. */
export interface SessionPlan {
  readonly hashAlg: number;
  readonly nonceCaller: Bytes;
  readonly symmetric: { readonly algorithm: number; readonly keyBits?: number };
  readonly salt: Late<Bytes> | undefined;
  readonly bindAuth: Bytes | undefined;
}

export interface CommandStep {
  readonly kind: "command";
  readonly id: number;
  readonly command: Command;
  readonly name: string;
  readonly locality: number;
  /** Handles and parameters by name; any part may be `Late`. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly auths: readonly AuthPlan[];
  readonly damage: Damage | undefined;
  readonly starts: SessionPlan | undefined;
}

/** Something that happens to a TPM. */
export type Step =
  | CommandStep
  | { readonly kind: "power"; readonly id: number }
  | { readonly kind: "time"; readonly id: number; readonly ms: number }
  | { readonly kind: "presence"; readonly id: number; readonly on: boolean }
  | { readonly kind: "hashStart"; readonly id: number }
  | { readonly kind: "hashData"; readonly id: number; readonly data: Bytes }
  | { readonly kind: "hashEnd"; readonly id: number };

/** Replaces every reference in a value by what it refers to. */
export function resolve(value: unknown, past: Past): unknown {
  if (value instanceof Late) {
    const found: unknown = value.of(past);
    if (found === undefined) throw new Unanswered();
    return resolve(found, past);
  }
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((element) => resolve(element, past));
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, resolve(part, past)]));
}
