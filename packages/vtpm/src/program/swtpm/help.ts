import { type Front, OPTIONS } from "./option-table.ts";

const WIDTH = 100;
const INDENT = 25;

export const HELP = `swtpm - a software TPM

Usage:
  swtpm socket [options]     commands and control channel on sockets
  swtpm chardev [options]    commands from a character device, control channel on a socket
  swtpm cuse [options]       a character device of its own
  swtpm --help, swtpm --version

"swtpm socket --help" has the options of that word, and so on.
`;

/** `--help` of a first word. */
export function usage(front: Front, available: { readonly seccomp: boolean }): string {
  const known = OPTIONS.filter(({ name, fronts }) => {
    const known: readonly Front[] = fronts;
    return known.includes(front) && (name !== "seccomp" || available.seccomp);
  });
  const entries = known.map((option) => {
    const short = "short" in option ? `-${option.short}|` : "";
    const value = "value" in option ? ` ${option.value}` : "";
    return entry(`${short}--${option.name}${value}`, option.help);
  });
  return `Usage: swtpm ${front} [options]\n\nOptions:\n${entries.join("")}`;
}

function entry(head: string, text: string): string {
  const lines: string[] = [];
  let line = head.length < INDENT - 2 ? head.padEnd(INDENT - 2) : head;
  if (head.length >= INDENT - 2) {
    lines.push(line);
    line = " ".repeat(INDENT - 2);
  }
  for (const word of text.split(" ")) {
    if (line.length + word.length > WIDTH) {
      lines.push(line);
      line = " ".repeat(INDENT - 2);
    }
    line += ` ${word}`;
  }
  lines.push(line);
  return lines.map((each) => `  ${each.trimEnd()}\n`).join("");
}
