import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { RawTpm } from "../raw-tpm.ts";
import type { ServerProcess } from "../servers/server.ts";
import { startVtpm } from "../servers/vtpm.ts";
import { Ledger } from "./ledger.ts";

const withStrace = test.runIf(!inject("missingPrograms").includes("strace"));

let directory: string;
let server: ServerProcess | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vtpm-crash-"));
});
afterEach(async () => {
  await server?.end("SIGKILL");
  server = undefined;
  rmSync(directory, { recursive: true });
});

async function start(wrapper: readonly string[] = [], state = directory): Promise<RawTpm> {
  server = await startVtpm(state, wrapper);
  return RawTpm.open(server.swtpm);
}

test.each([
  ["directory", (path: string) => path],
  ["linear file", (path: string) => `file://${join(path, "state")}`],
])("a program that is killed at any moment has everything in its %s that it has answered", async (_, stateIn) => {
  const ledger = new Ledger();
  for (let round = 0; round < 8; round++) {
    const tpm = await start([], stateIn(directory));
    await ledger.begin(tpm);
    const enough = Math.random() * 60;
    const used = ledger.use(tpm);
    while (ledger.increments < enough) await new Promise(setImmediate);
    await server?.end("SIGKILL");
    await used;
    ledger.increments = 0;
  }
  const tpm = await start([], stateIn(directory));
  await ledger.begin(tpm);
  await tpm.close();
});

/** Kills the process when a thread of it is about to make this system call for the n-th time. */
const killedAt = (call: string, n: number): readonly string[] => [
  ...["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`],
  ...["-e", `inject=${call}:signal=SIGKILL:when=${n}`],
];

withStrace.each([
  ["pwrite64", [4, 7, 10, 20]],
  ["fdatasync", [3, 6, 9, 20]],
  ["fsync", [1, 2, 3]],
  ["rename", [1, 2]],
  ["unlink", [1, 2]],
] as const)("a program that is killed before %s has everything that it has answered", async (call, moments) => {
  const ledger = new Ledger();
  await ledger.begin(await start());
  await server?.end("SIGKILL");
  let killed = 0;
  for (const n of moments) {
    const tpm = await start(killedAt(call, n)).catch(() => undefined); // it may be killed before it is ready
    if (tpm === undefined) killed++;
    else {
      const answered = await ledger.begin(tpm).then(
        () => ledger.use(tpm, 500),
        () => 0,
      );
      if (answered < 500) killed++;
    }
    await server?.end("SIGKILL");
    await ledger.begin(await start());
    await server?.end("SIGKILL");
  }
  expect(killed).toBeGreaterThan(0);
});
