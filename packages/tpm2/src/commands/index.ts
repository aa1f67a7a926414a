import type { Command } from "../dispatch/command.ts";

/** Every command this engine has, by its code. A profile may have fewer. */
export const COMMANDS: ReadonlyMap<number, Command> = new Map<number, Command>(
  [
    // One table per chapter of Part 3.
  ].map((command: Command) => [command.code, command]),
);
