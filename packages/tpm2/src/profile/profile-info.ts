import type { Profile } from "../profile.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { readMinimums } from "./algorithm-list.ts";
import { ALGORITHMS, KNOWN_CURVES } from "./algorithms.ts";
import { ATTRIBUTES } from "./attributes.ts";
import { formatRanges } from "./command-list.ts";
import { COMMANDS, REQUIRED_COMMANDS } from "./commands.ts";

/** Comma lists of what there is, what can be left out, and what a profile has and has not. */
export interface FeatureLists {
  readonly implemented: string;
  readonly canBeDisabled: string;
  readonly enabled: string;
  readonly disabled: string;
}

/** The algorithms as libtpms tells of them (`RuntimeAlgorithms`). */
export function algorithmLists(profile: Profile): FeatureLists {
  const tokens = new Set((profile.lists.algorithms ?? "").split(","));
  const minimums = readMinimums([...tokens]);
  const has = (alg: number): boolean => profile.allows("ALG", alg);
  const smallest = (alg: number): number =>
    alg === TPM_ALG.HMAC ? 1 : (ALGORITHMS.get(alg)?.keySizes?.[0]?.bits ?? 0);
  // Without a setting the smallest size is the minimum, but for the two that have none then.
  const minimum = (alg: number): number =>
    minimums.get(alg) ?? (alg === TPM_ALG.HMAC || alg === TPM_ALG.ECC ? 0 : smallest(alg));
  const none = (): number => 0;
  const families = [
    ...new Set([...KNOWN_CURVES.values()].flatMap(({ family }) => (family === undefined ? [] : [family]))),
  ];
  const list = (
    wantsAlgorithm: (alg: number) => boolean,
    minimumOf: (alg: number) => number,
    wantsFamily: (family: string) => boolean,
    wantsCurve: (curve: number) => boolean,
  ): string =>
    [...ALGORITHMS]
      .flatMap(([alg, { token }]) => {
        const bits = minimumOf(alg);
        const setting = `${token}-min-${alg === TPM_ALG.HMAC ? "key-" : ""}size=${bits}`;
        const itself = wantsAlgorithm(alg) ? (bits > 0 ? [token, setting] : [token]) : [];
        if (alg !== TPM_ALG.ECC) return itself;
        const curves = [...KNOWN_CURVES].filter(([curve]) => wantsCurve(curve)).map(([, known]) => known.token);
        return [...itself, ...families.filter(wantsFamily), ...curves];
      })
      .join(",");
  const yes = (): boolean => true;
  const hasCurve = (curve: number): boolean => profile.curves.includes(curve);
  return {
    implemented: list(yes, smallest, yes, yes),
    canBeDisabled: list(
      (alg) => ALGORITHMS.get(alg)?.required === false,
      none,
      yes,
      (curve) => KNOWN_CURVES.get(curve)?.required === false,
    ),
    enabled: list(has, minimum, (family) => tokens.has(family), hasCurve),
    disabled: list(
      (alg) => !has(alg),
      none,
      (family) => !tokens.has(family),
      (curve) => !hasCurve(curve),
    ),
  };
}

/** The commands as libtpms tells of them (`RuntimeCommands`): ranges of codes. */
export function commandLists(profile: Profile): FeatureLists {
  const codes = [...COMMANDS.keys()];
  const required: readonly number[] = REQUIRED_COMMANDS;
  return {
    implemented: formatRanges(codes),
    canBeDisabled: formatRanges(codes.filter((code) => !required.includes(code))),
    enabled: formatRanges(codes.filter((code) => profile.commands.has(code))),
    disabled: formatRanges(codes.filter((code) => !profile.commands.has(code))),
  };
}

/** The attributes as libtpms tells of them (`RuntimeAttributes`): tokens as they were written, not what they stand for. */
export function attributeLists(profile: Profile): FeatureLists {
  const written = (profile.lists.attributes ?? "").split(",");
  const all = [...ATTRIBUTES.keys()];
  return {
    implemented: all.join(","),
    canBeDisabled: all.join(","),
    enabled: all.filter((token) => written.includes(token)).join(","),
    disabled: all.filter((token) => !written.includes(token)).join(","),
  };
}
