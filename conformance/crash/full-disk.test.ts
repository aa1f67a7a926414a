import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { RawTpm } from "../raw-tpm.ts";
import type { ServerProcess } from "../servers/server.ts";
import { startVtpm } from "../servers/vtpm.ts";
import * as commands from "./commands.ts";
import { Ledger } from "./ledger.ts";

const NV_UNAVAILABLE = 0x923;
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
const withStrace = test.runIf(!inject("missingPrograms").includes("strace"));

let directory: string;
let server: ServerProcess | undefined;
let mounted: boolean;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vtpm-full-"));
  mounted = false;
});
afterEach(async () => {
  await server?.end("SIGKILL");
  server = undefined;
  if (mounted) spawnSync("umount", [directory]);
  rmSync(directory, { recursive: true });
});

async function start(wrapper: readonly string[] = []): Promise<RawTpm> {
  server = await startVtpm(join(directory, "state"), wrapper);
  return RawTpm.open(server.swtpm);
}

const codeOf = async (tpm: RawTpm, command: Uint8Array): Promise<number> => commands.codeOf(await tpm.execute(command));
const increment = (tpm: RawTpm): Promise<number> => codeOf(tpm, commands.increment(commands.COUNTER));
const value = async (tpm: RawTpm): Promise<number> =>
  commands.counterIn(await tpm.execute(commands.readCounter(commands.COUNTER)));

/** Increments until it cannot be stored; tells what the counter says then. */
async function untilUnavailable(tpm: RawTpm): Promise<number> {
  let before = await value(tpm);
  for (;;) {
    const code = await increment(tpm);
    if (code === NV_UNAVAILABLE) break;
    expect(code).toBe(0);
    before++;
  }
  expect(await value(tpm)).toBe(before);
  return before;
}

/** Mounts a file system of so many bytes; tells whether that is possible here. */
function mountTiny(bytes: number): boolean {
  if (!isRoot) return false;
  mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", directory]).status === 0;
  return mounted;
}

test.runIf(isRoot)("a full disk makes writes fail, nothing else, and only as long as it is full", async (context) => {
  if (!mountTiny(0x200000)) context.skip("no file system can be mounted here");
  const ledger = new Ledger();
  const tpm = await start();
  await ledger.begin(tpm);
  const filler = join(directory, "filler");
  for (let round = 0; round < 3; round++) {
    const { bavail, bsize } = statfsSync(directory);
    writeFileSync(filler, new Uint8Array(bavail * bsize));
    const before = await untilUnavailable(tpm);
    expect(await codeOf(tpm, commands.getRandom)).toBe(0);
    expect(await codeOf(tpm, commands.extendPcr)).toBe(0);
    expect(await codeOf(tpm, commands.defineOrderlyCounter)).not.toBe(0);
    rmSync(filler);
    expect(await increment(tpm)).toBe(0);
    expect(await value(tpm)).toBe(before + 1);
  }
  const last = await value(tpm);
  await server?.end("SIGKILL");
  const again = await start();
  expect(await codeOf(again, commands.startup(0))).toBe(0);
  expect(await value(again)).toBe(last);
  await server?.end("SIGTERM");
  expect(readdirSync(join(directory, "state")).sort()).toEqual([".lock", "tpm2-00.permall"]);
});

withStrace.each([
  ["EIO", "fdatasync"],
  ["ENOSPC", "pwrite64"],
  ["EIO", "pwrite64"],
])("with %s from %s a command says that it was not stored, and later ones are", async (error, call) => {
  const ledger = new Ledger();
  await ledger.begin(await start());
  await server?.end("SIGTERM");
  const tpm = await start([
    ...["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`],
    ...["-e", `inject=${call}:error=${error}:when=12..17`],
  ]);
  await ledger.begin(tpm);
  const before = await untilUnavailable(tpm);
  expect(await codeOf(tpm, commands.getRandom)).toBe(0);
  let failures = 1;
  for (let code = NV_UNAVAILABLE; code !== 0; failures++) {
    code = await increment(tpm);
    expect([0, NV_UNAVAILABLE]).toContain(code);
    expect(failures).toBeLessThan(20);
  }
  expect(await value(tpm)).toBe(before + 1);
  await server?.end("SIGKILL");
  const again = await start();
  expect(await codeOf(again, commands.startup(0))).toBe(0);
  expect(await value(again)).toBe(before + 1);
});

test.runIf(isRoot)("in a directory that it may not write the TPM lives, and works when it may", async () => {
  const ledger = new Ledger();
  await ledger.begin(await start());
  const state = join(directory, "state");
  await server?.end("SIGTERM");
  chmodSync(directory, 0o755);
  for (const name of [state, ...readdirSync(state).map((file) => join(state, file))]) chownSync(name, NOBODY, NOBODY);
  chmodSync(state, 0o500);
  const asNobody = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  const tpm = await start(asNobody);
  expect(await codeOf(tpm, commands.startup(0))).toBe(NV_UNAVAILABLE);
  expect(await codeOf(tpm, commands.startup(0))).toBe(NV_UNAVAILABLE);
  chmodSync(state, 0o700);
  expect(await codeOf(tpm, commands.startup(0))).toBe(0);
  const before = await value(tpm);
  // A journal that is there takes what comes, whatever happens to the directory.
  chmodSync(state, 0o500);
  expect(await increment(tpm)).toBe(0);
  chmodSync(state, 0o700);
  await server?.end("SIGTERM");
  const again = await start(asNobody);
  expect(await codeOf(again, commands.startup(0))).toBe(0);
  expect(await value(again)).toBe(before + 1);
});
