import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { RawTpm } from "../raw-tpm.ts";
import { startVtpm } from "../servers/vtpm.ts";
import * as commands from "./commands.ts";

const withStrace = test.runIf(!inject("missingPrograms").includes("strace"));

withStrace(
  "the program makes no system call for its state unless a command changes it, and two when one does",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "vtpm-calls-"));
    const [state, trace] = [join(directory, "state"), join(directory, "trace")];
    const server = await startVtpm(state, [
      ...["strace", "-f", "-qq", "-y", "-o", trace],
      ...["-e", "trace=%file,write,writev,pwrite64,pwritev,ftruncate,fsync,fdatasync"],
    ]);
    try {
      const tpm = await RawTpm.open(server.swtpm);
      const send = async (command: Uint8Array): Promise<void> => {
        expect(commands.codeOf(await tpm.execute(command))).toBe(0);
      };
      /** The names of the calls that name something in the state directory. */
      const calls = (): readonly string[] =>
        readFileSync(trace, "latin1")
          .split("\n")
          .filter((line) => line.includes(state))
          .map((line) => /^\d+ +(\w+)/.exec(line)?.[1] ?? line);
      /** Whether all that was changed is in the state file: of journals one is left, without a record, for good. */
      const folded = (): boolean => {
        const [journal = "", ...others] = readdirSync(state).filter((name) => name.startsWith(".vtpm-journal-"));
        return (
          others.length === 0 && !readFileSync(join(state, journal)).includes("vTR1") && calls().at(-1) === "fsync"
        );
      };

      for (const command of [commands.startup(0), commands.defineCounter, commands.increment(commands.COUNTER)]) {
        await send(command);
      }
      for (const command of [commands.defineData, commands.writeData(1), ...commands.UNCHANGING]) await send(command);
      while (!folded()) await send(commands.getRandom);

      const before = calls().length;
      for (let round = 0; round < 100; round++) for (const command of commands.UNCHANGING) await send(command);
      expect(calls().slice(before)).toEqual([]);
      await send(commands.increment(commands.COUNTER));
      // Later the state file follows.
      expect(calls().slice(before, before + 2)).toEqual(["pwrite64", "fdatasync"]);
      await tpm.close();
    } finally {
      await server.end("SIGKILL");
      rmSync(directory, { recursive: true });
    }
  },
);
