import { objectHeaderOf } from "@vtpm/tpm2/state";
import { EMPTY, type Header } from "@vtpm/wire";

/** The structures of which the header is kept. */
export type Headed =
  | "PERSISTENT_ALL"
  | "PA_COMPILE_CONSTANTS"
  | "PERSISTENT_DATA"
  | "ORDERLY_DATA"
  | "STATE_RESET_DATA"
  | "STATE_CLEAR_DATA"
  | "INDEX_ORDERLY_RAM"
  | "USER_NVRAM"
  | "OBJECT"
  | "VOLATILE_STATE";

const header = (version: number, minVersion: number): Header => ({ version, minVersion, later: EMPTY });

/** What libtpms 0.11 writes for a state format level. */
function usualHeader(name: Headed, level: number): Header {
  switch (name) {
    case "PERSISTENT_ALL":
      return level < 2 ? header(3, 3) : header(4, 4);
    case "PA_COMPILE_CONSTANTS":
      return header(3, 1);
    case "PERSISTENT_DATA":
      return level < 3 ? header(4, 4) : header(5, 5);
    case "OBJECT":
      return { ...objectHeaderOf(level), later: EMPTY };
    case "STATE_RESET_DATA":
      return header(4, 4);
    case "VOLATILE_STATE":
      return header(4, 1);
    default:
      return header(2, 1);
  }
}

/** A structure's header under its name. */
export interface NamedHeader {
  readonly name: string;
  readonly header: Header;
}

/** The headers of an image: of those that are not the usual ones a list is kept. */
export class Headers {
  readonly #level: number;
  readonly #unusual: Map<string, Header>;

  constructor(level: number, unusual: readonly NamedHeader[] = []) {
    this.#level = level;
    this.#unusual = new Map(unusual.map(({ name, header }) => [name, header]));
  }

  /** The header to write. */
  of(name: Headed): Header {
    return this.#unusual.get(name) ?? usualHeader(name, this.#level);
  }

  /** Notes a header that was read. */
  note(name: Headed, { version, minVersion, later }: Header): void {
    const usual = usualHeader(name, this.#level);
    const isUsual = version === usual.version && minVersion === usual.minVersion && later?.length === 0;
    if (!isUsual) this.#unusual.set(name, { version, minVersion, later });
  }

  /** Those that were noted. */
  unusual(): NamedHeader[] {
    return [...this.#unusual].map(([name, header]) => ({ name, header }));
  }
}
