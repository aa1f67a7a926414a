import { COMMANDS, describeRc, TPM_CC } from "@vtpm/tpm2";
import { type Bytes, type Description, describe, struct } from "@vtpm/wire";
import type { Trace } from "../../host/trace.ts";
import { uint32At } from "../../server/words.ts";
import type { Log } from "./log.ts";

/** How far lines are indented: the command, its answer, its parts and theirs. */
const COMMAND_BLANKS = 3;
const RESPONSE_BLANKS = 4;
const PART_BLANKS = 5;

const HEADER_SIZE = 10;
const HANDLE_SIZE = 4;
/** TPM_ST_SESSIONS */
const WITH_SESSIONS = 0x8002;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(TPM_CC).map(([name, code]) => [code, name]));

/** Tells of commands and what they are made of: names, types and sizes, but no values, since some are secret. */
export class CommandLog implements Trace {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  request(command: Bytes): void {
    if (!this.#log.shows(COMMAND_BLANKS) || command.length < HEADER_SIZE) return;
    const code = uint32At(command, 6);
    this.#write(COMMAND_BLANKS, `TPM2_${NAMES.get(code) ?? `command 0x${code.toString(16)}`}`);
    if (this.#log.shows(PART_BLANKS)) this.#parts(command, code);
  }

  response(response: Bytes): void {
    if (!this.#log.shows(RESPONSE_BLANKS) || response.length < HEADER_SIZE) return;
    this.#write(RESPONSE_BLANKS, `${describeRc(uint32At(response, 6))}, ${response.length} bytes`);
  }

  #parts(bytes: Bytes, code: number): void {
    const command = COMMANDS.get(code);
    if (command === undefined) return;
    let at = HEADER_SIZE;
    for (const [name, codec] of command.handles) {
      this.#write(PART_BLANKS, `${name}: ${codec.name}`);
      at += HANDLE_SIZE;
    }
    if (uint32At(bytes, 0) >>> 16 === WITH_SESSIONS && bytes.length >= at + 4) {
      const size = uint32At(bytes, at);
      this.#write(PART_BLANKS, `authorizationArea: ${size} bytes`);
      at += 4 + size;
    }
    const parameters = struct("parameters", Object.fromEntries(command.parameters));
    const { children } = describe(parameters, bytes.slice(Math.min(at, bytes.length)));
    for (const child of children) this.#description(child, PART_BLANKS);
  }

  #description({ name, type, size, children }: Description, blanks: number): void {
    if (!this.#log.shows(blanks)) return;
    this.#write(blanks, `${name}: ${type}, ${size} bytes`);
    for (const child of children) this.#description(child, blanks + 1);
  }

  #write(blanks: number, text: string): void {
    this.#log.write(" ".repeat(blanks) + text);
  }
}
