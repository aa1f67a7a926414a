import { TPM_ALG } from "../spec/constants.ts";
import { ALGORITHMS, KNOWN_CURVES, type KnownAlgorithm } from "./algorithms.ts";
import { ProfileError } from "./profile-error.ts";

/** What a list of algorithms allows. */
export interface AlgorithmChoice {
  readonly algorithms: ReadonlySet<number>;
  readonly curves: ReadonlySet<number>;
  /** Bits that a key of an algorithm has at least. */
  readonly minimums: ReadonlyMap<number, number>;
  /** The state format that the choice needs. */
  readonly level: number;
}

/** The largest minimum that can be written: of a key in general, of an HMAC key. */
const MAX_MINIMUM = 4096;
const MAX_HMAC_MINIMUM = 1024;
/** The format that a state must have for a minimum of HMAC keys. */
const HMAC_MINIMUM_LEVEL = 7;

const BY_TOKEN = new Map([...ALGORITHMS].map(([alg, known]) => [known.token, [alg, known] as const]));

/**
 * Reads a list of algorithms, curves and minimum sizes. A minimum admits the sizes above it that the format knows, and
 * raises the format to the latest of them.
 */
export function readAlgorithms(tokens: readonly string[], maxLevel: number): AlgorithmChoice {
  const algorithms = new Set<number>();
  const curves = new Set<number>();
  const minimums = new Map<number, number>();
  let level = 1;
  for (const token of tokens) {
    const found = BY_TOKEN.get(token);
    if (found !== undefined) {
      algorithms.add(found[0]);
      continue;
    }
    const minimum = readMinimum(token);
    if (minimum !== undefined) {
      minimums.set(minimum.alg, minimum.bits);
      level = Math.max(level, levelOfMinimum(minimum, maxLevel));
      continue;
    }
    const meant = [...KNOWN_CURVES].filter(([, curve]) => curve.token === token || curve.family === token);
    if (meant.length === 0) {
      throw new ProfileError("UNKNOWN", token, `"${token}" in "Algorithms" is not known; ${namesLike(token)}`);
    }
    for (const [curve] of meant) curves.add(curve);
  }
  checkRequired(algorithms, curves);
  checkSizes(minimums);
  for (const [id, curve] of KNOWN_CURVES) {
    if (curve.bits < (minimums.get(TPM_ALG.ECC) ?? 0)) curves.delete(id);
  }
  return { algorithms, curves, minimums, level };
}

/** The smallest key sizes that a list sets, by algorithm. */
export function readMinimums(tokens: readonly string[]): ReadonlyMap<number, number> {
  const minimums = tokens.map(readMinimum).filter((minimum) => minimum !== undefined);
  return new Map(minimums.map(({ alg, bits }) => [alg, bits]));
}

interface Minimum {
  readonly alg: number;
  readonly known: KnownAlgorithm;
  readonly bits: number;
}

/** A token such as `rsa-min-size=2048` or `hmac-min-key-size=128`. */
function readMinimum(token: string): Minimum | undefined {
  const [, name = "", setting, value = ""] = /^(.*?)-(min-size|min-key-size)=(.*)$/.exec(token) ?? [];
  const found = BY_TOKEN.get(name);
  if (found === undefined) return undefined;
  const [alg, known] = found;
  const isHmac = alg === TPM_ALG.HMAC;
  if (setting !== (isHmac ? "min-key-size" : "min-size") || (!isHmac && known.keySizes === undefined)) return undefined;
  const max = isHmac ? MAX_HMAC_MINIMUM : MAX_MINIMUM;
  if (!/^[0-9]+$/.test(value) || Number(value) > max) {
    throw new ProfileError("VALUE", token, `"${token}" wants a number of bits behind the "=", at most ${max}`);
  }
  return { alg, known, bits: Number(value) };
}

function levelOfMinimum({ known, bits }: Minimum, maxLevel: number): number {
  if (known.keySizes === undefined) return HMAC_MINIMUM_LEVEL;
  const levels = known.keySizes.filter((size) => size.bits >= bits && size.level <= maxLevel).map((size) => size.level);
  return Math.max(1, ...levels);
}

function checkRequired(algorithms: ReadonlySet<number>, curves: ReadonlySet<number>): void {
  const missing = [
    ...[...ALGORITHMS].filter(([alg, known]) => known.required && !algorithms.has(alg)),
    ...[...KNOWN_CURVES].filter(([id, curve]) => curve.required && !curves.has(id)),
  ][0];
  if (missing === undefined) return;
  const [, { token }] = missing;
  throw new ProfileError("REQUIRED", token, `"${token}" cannot be disabled: add it to "Algorithms"`);
}

function checkSizes(minimums: ReadonlyMap<number, number>): void {
  if ((minimums.get(TPM_ALG.AES) ?? 128) <= 128 || minimums.get(TPM_ALG.RSA) !== 2048) return;
  throw new ProfileError(
    "CONFLICT",
    "aes-min-size",
    '"aes-min-size" must be 128 with "rsa-min-size=2048": endorsement keys of 2048 bits go with AES-128. ' +
      'Write "aes-min-size=128", or "rsa-min-size=3072"',
  );
}

/** Tokens that begin alike, for an error message. */
function namesLike(token: string): string {
  const all = [
    ...[...ALGORITHMS.values()].flatMap(({ token: name, keySizes }) =>
      keySizes === undefined ? [name] : [name, `${name}-min-size=…`],
    ),
    "hmac-min-key-size=…",
    ...new Set([...KNOWN_CURVES.values()].flatMap(({ token: name, family }) => [...(family ? [family] : []), name])),
  ];
  const alike = all.filter((name) => name.slice(0, 2) === token.slice(0, 2));
  return `there ${alike.length === 1 ? "is" : "are"} ${(alike.length > 0 ? alike : all).join(", ")}`;
}
