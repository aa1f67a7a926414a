import { spawnSync } from "node:child_process";
import { closeSync, readSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "rolldown";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type BuiltProgram, buildProgram } from "../testing/build-program.ts";
import { socketPair } from "../testing/socket-pair.ts";
import { createPipe } from "./descriptor.ts";
import { Poller, type Readiness, type Watch } from "./poller.ts";

let built: BuiltProgram;
let poller: Poller;
beforeAll(async () => {
  built = await buildProgram();
});
afterAll(() => built.remove());
beforeEach(() => {
  poller = new Poller({ worker: pathToFileURL(built.pollWorker) });
});
afterEach(() => poller.close());

/** Watches a descriptor and lets a test wait for each report. */
class Reports {
  readonly watch: Watch;
  readonly #reports: Readiness[] = [];
  #arrived: () => void = () => {};

  constructor(fd: number) {
    this.watch = poller.watch(fd, (readiness) => {
      this.#reports.push(readiness);
      this.#arrived();
    });
  }

  get count(): number {
    return this.#reports.length;
  }

  async next(): Promise<Readiness> {
    for (;;) {
      const report = this.#reports.shift();
      if (report !== undefined) return report;
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }
}

test("reports a descriptor once until it is armed again", async () => {
  const { read, write } = createPipe();
  const other = createPipe();
  const reports = new Reports(read);
  writeSync(write, "ab");
  expect(await reports.next()).toEqual({ readable: true, hungUp: false });
  readSync(read, new Uint8Array(1));
  writeSync(write, "c");
  // Another descriptor's report, which comes later: by then the first one would have been reported again.
  const later = new Reports(other.read);
  writeSync(other.write, "x");
  await later.next();
  expect(reports.count).toBe(0);
  reports.watch.rearm();
  expect(await reports.next()).toEqual({ readable: true, hungUp: false });
  reports.watch.stop();
  later.watch.stop();
  for (const fd of [read, write, other.read, other.write]) closeSync(fd);
});

test("reports that the other side is gone, and what it has left to be read", async () => {
  const { ours, theirs } = socketPair("seqpacket");
  const reports = new Reports(ours);
  writeSync(theirs, "farewell");
  closeSync(theirs);
  expect(await reports.next()).toEqual({ readable: true, hungUp: true });
  reports.watch.stop();
  closeSync(ours);
});

test("serves many descriptors", async () => {
  const pipes = Array.from({ length: 100 }, createPipe);
  const all = pipes.map(({ read }) => new Reports(read));
  for (const { write } of pipes) writeSync(write, "x");
  expect(await Promise.all(all.map((reports) => reports.next()))).toEqual(
    pipes.map(() => ({ readable: true, hungUp: false })),
  );
  for (const { watch } of all) watch.stop();
  for (const { read, write } of pipes) [read, write].forEach(closeSync);
});

test("nothing is reported of a watch that was stopped, even if its descriptor's number is used again", async () => {
  const { read, write } = createPipe();
  const reports = new Reports(read);
  writeSync(write, "x");
  const other = createPipe();
  const sentinel = new Reports(other.read);
  writeSync(other.write, "x");
  await sentinel.next(); // the report of the first is at least on its way
  const before = reports.count;
  reports.watch.stop();
  reports.watch.stop();
  reports.watch.rearm();
  closeSync(read);
  const again = createPipe();
  expect(again.read).toBe(read);
  const fresh = new Reports(again.read);
  writeSync(again.write, "y");
  await fresh.next();
  expect(reports.count).toBe(before);
  fresh.watch.stop();
  sentinel.watch.stop();
  for (const fd of [write, again.read, again.write, other.read, other.write]) closeSync(fd);
});

test.each([
  ["ends when nothing is watched any more", "watch.stop();", 0],
  ["is not held up when it is told to exit while the thread waits", "setTimeout(() => process.exit(7), 100);", 7],
  ["is not held up by an error", "setTimeout(() => { throw new Error('x'); }, 100);", 1],
])("a process %s", async (_, ending, status) => {
  const directory = dirname(built.pollWorker);
  const entries = { poller: "./poller.ts", descriptor: "./descriptor.ts" };
  await build({
    input: Object.fromEntries(Object.entries(entries).map(([k, v]) => [k, new URL(v, import.meta.url).pathname])),
    platform: "node",
    logLevel: "warn",
    output: { dir: directory, format: "es" },
  });
  const main = join(directory, "main.js");
  writeFileSync(
    main,
    `import { Poller } from "./poller.js"; import { createPipe } from "./descriptor.js";
     const watch = new Poller().watch(createPipe().read, () => {}); ${ending}`,
  );
  const ended = spawnSync(process.execPath, [main], { encoding: "utf8", timeout: 60_000 });
  expect({ status: ended.status, signal: ended.signal }).toEqual({ status, signal: null });
});
