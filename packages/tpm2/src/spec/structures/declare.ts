import {
  type BufferOptions,
  type Bytes,
  buffer,
  type Choice,
  type Codec,
  choice,
  list,
  type Names,
  type Range,
  UINT16,
  UINT32,
} from "@vtpm/wire";
import { TPM_ALG } from "../constants.ts";
import { TPM_RH } from "../handles.ts";
import type { LimitName, RuleSet } from "../limits.ts";

/** A size or count: fixed by the specification, or a limit of the profile by its name. */
export type Limit = number | LimitName;

/** A byte string behind its 16-bit size. */
export function tpm2b(name: string, max: Limit, options: Omit<BufferOptions, "max"> = {}): Codec<Bytes> {
  return buffer(name, { ...options, max });
}

/** A list behind its 32-bit count. */
export function tpml<T>(name: string, element: Codec<T>, max: Limit, min = 0): Codec<readonly T[]> {
  return list(name, element, { min, max });
}

/** Any number, shown by its name where it has one. */
export function named(name: string, base: Codec<number>, names: Names): Choice<number> {
  return choice<number>(name, base, { ranges: [[0, 0xffffffff]], names, reason: "VALUE" });
}

/** An algorithm out of `values`, if the profile has it. */
export function algorithm<const V extends number>(name: string, reason: string, values: readonly V[]): Choice<V> {
  const set: RuleSet = "ALG";
  return choice(name, UINT16, { values, set, names: TPM_ALG, reason });
}

/** A size of key in bits, if the profile has it. */
export function keyBits<const V extends number>(name: string, set: RuleSet, values: readonly V[]): Choice<V> {
  return choice(name, UINT16, { values, set, reason: "VALUE" });
}

/** One of some handles that always exist. */
export function permanentHandle<const V extends number>(name: string, values: readonly V[]): Choice<V> {
  return choice(name, UINT32, { values, names: TPM_RH, reason: "VALUE" });
}

/** A handle within some ranges, or one of `values`. */
export function handle(
  name: string,
  ranges: readonly (readonly [first: number, last: Limit])[],
  values: readonly number[] = [],
): Choice<number> {
  const all: readonly Range[] = ranges;
  return choice<number>(name, UINT32, { values, ranges: all, names: TPM_RH, reason: "VALUE" });
}
