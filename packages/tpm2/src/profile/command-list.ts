import { levelTooLow } from "./attributes.ts";
import { COMMAND_LEVELS, COMMANDS, REQUIRED_COMMANDS } from "./commands.ts";
import { ProfileError } from "./profile-error.ts";

/** Which commands a list names, and the state format that they need. */
export interface CommandChoice {
  readonly codes: ReadonlySet<number>;
  readonly level: number;
}

/** The codes of the library have 16 bits. */
const MAX_CODE = 0xffff;

const hex = (code: number): string => `0x${code.toString(16)}`;
const levelOf = (code: number): number => COMMAND_LEVELS.get(code) ?? 1;

/**
 * Reads a list of command codes and ranges of them. What the format is too old for is left out if `leaveOut` says so,
 * else refused.
 */
export function readCommands(tokens: readonly string[], maxLevel: number, leaveOut: boolean): CommandChoice {
  const codes = new Set<number>();
  for (const token of tokens) {
    const [first, last] = readRange(token);
    for (let code = first; code <= last; code++) {
      if (!COMMANDS.has(code)) {
        throw new ProfileError("UNKNOWN", token, `command ${hex(code)} of "${token}" in "Commands" does not exist`);
      }
      if (levelOf(code) <= maxLevel) codes.add(code);
      else if (!leaveOut) throw levelTooLow("command", hex(code), levelOf(code), maxLevel);
    }
  }
  const missing = REQUIRED_COMMANDS.find((code) => !codes.has(code));
  if (missing !== undefined) {
    throw new ProfileError(
      "REQUIRED",
      hex(missing),
      `command ${hex(missing)} cannot be disabled: add it to "Commands"`,
    );
  }
  return { codes, level: Math.max(1, ...[...codes].map(levelOf)) };
}

/** The codes that a list names, whether there are such commands or not. */
export function codesOf(text: string): ReadonlySet<number> {
  const codes = new Set<number>();
  for (const token of text.split(",")) {
    const [first, last] = readRange(token);
    for (let code = first; code <= last; code++) codes.add(code);
  }
  return codes;
}

/** `0x11f`, `287` or a range `0x11f-0x122`. */
function readRange(token: string): readonly [first: number, last: number] {
  const [, first, last = first] = /^(0x[0-9a-f]+|\d+)(?:-(0x[0-9a-f]+|\d+))?$/i.exec(token) ?? [];
  if (first === undefined || Number(last) < Number(first) || Number(last) > MAX_CODE) {
    throw new ProfileError(
      "VALUE",
      token,
      `"${token}" in "Commands" is no code nor range, such as 0x11f or 0x120-0x122`,
    );
  }
  return [Number(first), Number(last)];
}

/** Codes as libtpms' configuration lists them: `0x11f-0x122,0x124`. */
export function formatRanges(codes: Iterable<number>): string {
  const ranges: [first: number, last: number][] = [];
  for (const code of [...codes].sort((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === code - 1) range[1] = code;
    else ranges.push([code, code]);
  }
  return ranges.map(([first, last]) => (first === last ? hex(first) : `${hex(first)}-${hex(last)}`)).join(",");
}
