import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Guest } from "../guest/guest.ts";
import { withRigLock } from "../guest/rig-lock.ts";
import type { ProgramName } from "../programs.ts";

/**
 * Time passes in the guest as it executes instructions, two nanoseconds each, and as it waits. So the kernel's patience with a TPM
 * does not depend on what else this machine does.
 */
const ICOUNT = ["-icount", "shift=1,sleep=on"];

const LIB = fileURLToPath(new URL(".", import.meta.url));
const PROGRAMS = fileURLToPath(new URL("../../node_modules/.bin/", import.meta.url));

/** What the scripts use beside the server. */
const NEEDED: readonly ProgramName[] = ["QEMU", "tpm2-tools", "swtpm", "tpm2-pytss"];

export interface GuestChecksOptions {
  /** The script beside this file: it calls `check NAME …` for each test. */
  readonly script: string;
  readonly modules: readonly string[];
  /** Does what is to be done on the host before the guest starts; returns variables for the script. */
  readonly before?: () => Promise<Readonly<Record<string, string>>>;
  /** Looks at what the guest has left in `$RIG_DIR`. */
  readonly after?: { readonly name: string; look(directory: string): Promise<void> };
  readonly timeoutMs: number;
}

/** Runs a script in a guest, and makes each check of it a test. */
export function guestChecks(theme: string, { script, modules, before, after, timeoutMs }: GuestChecksOptions): void {
  const missing = inject("missingPrograms");
  const text = readFileSync(`${LIB}${script}`, "utf8");
  describe.skipIf(NEEDED.some((name) => missing.includes(name)))(theme, () => {
    let console = "";
    let guest: Guest | undefined;

    beforeAll(async () => {
      await withRigLock(async () => {
        const variables = Object.entries((await before?.()) ?? {}).map(([name, value]) => `${name}=${value} `);
        const run = (name: string): string => `'${process.execPath} ${PROGRAMS}${name}'`;
        const programs = `VTPM=${run("vtpm")} SWTPM=${run("swtpm")} SWTPM_IOCTL=${run("swtpm_ioctl")}`;
        const preamble = `${variables.join("")}${programs} LIB=${LIB}\n`;
        guest = new Guest({ script: preamble + text, modules, args: ICOUNT, timeoutMs });
        await guest.exitStatus().catch(() => {
          // It ended early: what it has not checked fails below.
        });
        console = guest.machine.console;
      });
    }, 2 * timeoutMs);
    afterAll(() => guest?.remove());

    test.each(checksOf(text))("%s", (name) => {
      const [, verdict, log] =
        new RegExp(`^CHECK (\\w+) ${literally(name)}\\n((?:\\| .*\\n)*)`, "m").exec(console) ?? [];
      expect({ verdict, log }, verdict === undefined ? console : "").toEqual({ verdict: "passed", log: "" });
    });
    if (after !== undefined) test(after.name, () => withRigLock(() => after.look(guest?.directory ?? "")));
  });
}

/** The names of a script's checks; one with the variable of a loop stands for each of the loop's values. */
function checksOf(script: string): readonly string[] {
  const loops = new Map(
    [...script.matchAll(/^for (\w+) in (.*); do$/gm)].map(([, variable = "", values = ""]) => [
      variable,
      values.split(" "),
    ]),
  );
  return [...script.matchAll(/^\s*check "([^"]*)"/gm)].flatMap(([, name = ""]) => {
    const variable = /\$(\w+)/.exec(name)?.[1];
    if (variable === undefined) return [name];
    return (loops.get(variable) ?? []).map((value) => name.replace(`$${variable}`, value));
  });
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
