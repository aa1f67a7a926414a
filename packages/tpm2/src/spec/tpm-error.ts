import { type FormatOneRc, nameOfRc } from "./response-codes.ts";

/** What a format-one code may blame. */
export type Blamed = "handle" | "parameter" | "session";

const SESSION = 0x800;
const PARAMETER = 0x040;
const POSITION = 0x100;

/** The code on the wire that blames number `n` (from 1). Sessions and handles share a field of three bits, parameters have four. */
export function rcAt(where: Blamed, n: number, rc: FormatOneRc): number {
  const last = where === "parameter" ? 15 : 7;
  if (!Number.isInteger(n) || n < 1 || n > last) throw new RangeError(`no response code can blame ${where} ${n}`);
  return rc + n * POSITION + { handle: 0, parameter: PARAMETER, session: SESSION }[where];
}

/** A response code taken apart. */
export interface RcParts {
  /** The code without position. */
  readonly base: number;
  /** What is to blame, where the code says so. */
  readonly where?: Blamed;
  readonly n?: number;
}

/** Separates a response code from the position in it. */
export function splitRc(rc: number): RcParts {
  const low = rc % POSITION;
  // Format one: bit 7. Above it the number, and whether it counts parameters (bit 6) or sessions (bit 11).
  if (rc >= 0x1000 || low < 0x080) return { base: rc };
  const high = (rc - low) / POSITION;
  if (low >= 0x0c0) return { base: low - PARAMETER, where: "parameter", n: high };
  if (high === 0) return { base: low };
  return high < 8 ? { base: low, where: "handle", n: high } : { base: low, where: "session", n: high - 8 };
}

/** A response code in words: `TPM_RC_VALUE (parameter 2)`, or hex where the specification has no name for it. */
export function describeRc(rc: number): string {
  const { base, where, n } = splitRc(rc);
  const name = nameOfRc(base);
  if (name === undefined) return `TPM_RC 0x${rc.toString(16).padStart(3, "0")}`;
  return where === undefined || n === 0 ? `TPM_RC_${name}` : `TPM_RC_${name} (${where} ${n})`;
}

/** A command failed the way the specification says it must; `rc` is what goes on the wire. */
export class TpmError extends Error {
  override readonly name = "TpmError";
  readonly rc: number;

  constructor(rc: number, options?: ErrorOptions) {
    super(describeRc(rc), options);
    this.rc = rc;
  }

  /** @spec Part 2, "TPM_RC (Response Codes)": format-one codes carry a position. */
  static at(where: Blamed, n: number, rc: FormatOneRc, options?: ErrorOptions): TpmError {
    return new TpmError(rcAt(where, n, rc), options);
  }
}
