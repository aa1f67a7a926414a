import { NULL_PROFILE } from "@vtpm/tpm2";
import { buffer, type Codec } from "@vtpm/wire";

/** A set of commands, and how many bytes it takes: libtpms' own size differs with its version. */
export interface CommandSet {
  readonly size: number;
  readonly commands: readonly number[];
}

const BITS = buffer("bits", { max: 256 });

/** Bits as they are read and set: the first one is the lowest of the first byte. */
function bitmap(
  name: string,
  commandOf: (bit: number) => number | undefined,
  bitOf: (command: number) => number,
): Codec<CommandSet> {
  return {
    name,
    shape: { kind: "foreign" },
    read(reader) {
      const start = reader.offset;
      const bytes = BITS.read(reader);
      const commands: number[] = [];
      for (let bit = 0; bit < 8 * bytes.length; bit++) {
        if (Math.floor((bytes[Math.floor(bit / 8)] ?? 0) / 2 ** (bit % 8)) % 2 === 0) continue;
        const command = commandOf(bit);
        if (command === undefined) throw reader.refuse("VALUE", `bit ${bit} of ${name} stands for no command`, start);
        commands.push(command);
      }
      return { size: bytes.length, commands };
    },
    write(writer, { size, commands }) {
      const bytes = new Uint8Array(size);
      for (const command of new Set(commands)) {
        const bit = bitOf(command);
        const at = Math.floor(bit / 8);
        const old = bytes[at];
        if (bit < 0 || old === undefined) {
          throw new RangeError(`${name} of ${size} bytes has no bit for command 0x${command.toString(16)}`);
        }
        bytes[at] = old + 2 ** (bit % 8);
      }
      BITS.write(writer, bytes);
    },
    text: ({ commands }) => commands.map((command) => `0x${command.toString(16)}`).join(" ") || "none",
  };
}

const FIRST_COMMAND = 0x11f;
/** The commands of libtpms 0.9, ascending. */
const NUMBERED: readonly number[] = [...NULL_PROFILE.commands.keys()].sort((a, b) => a - b);

/** A bit for each command that libtpms 0.9 has, without gaps. */
export const COMPRESSED_COMMANDS = bitmap(
  "compressed command bitmap",
  (bit) => NUMBERED[bit],
  (command) => NUMBERED.indexOf(command),
);

/** A bit for each command code. */
export const COMMANDS = bitmap(
  "command bitmap",
  (bit) => FIRST_COMMAND + bit,
  (command) => command - FIRST_COMMAND,
);

/** Bytes that a bitmap of command codes takes at least. */
export function bytesFor(commands: readonly number[]): number {
  return Math.ceil((Math.max(FIRST_COMMAND, ...commands) - FIRST_COMMAND + 1) / 8);
}
