import type { Change } from "@vtpm/tpm2";
import { describe, expect, test } from "vitest";
import { type DiskOperation, SimulatedDisk, type Survival } from "../testing/simulated-disk.ts";
import { DirectoryStore } from "./directory-store.ts";
import { decodeStateFile } from "./state-file.ts";
import { StoreError } from "./store-error.ts";

const ALICE = "alice";
const BOB = "bob";
type Content = Record<string, Record<string, string>>;

const change = (key: string, text: string | undefined): Change => ({
  key,
  value: text === undefined ? undefined : new TextEncoder().encode(text),
});
const open = (disk: SimulatedDisk): Promise<DirectoryStore> => DirectoryStore.open(disk, { foldByHand: true });

async function contentOf(store: DirectoryStore): Promise<Content> {
  const content: Content = {};
  for (const tpm of [ALICE, BOB]) {
    const entries = [...(await store.load(tpm))].sort(([a], [b]) => (a < b ? -1 : 1));
    content[tpm] = Object.fromEntries(entries.map(([key, value]) => [key, new TextDecoder().decode(value)]));
  }
  return content;
}

type Step = (store: DirectoryStore) => Promise<void>;
const put =
  (tpm: string, key: string, text: string | undefined): Step =>
  (store) =>
    store.append([{ tpm, changes: [change(key, text)] }]);
const both =
  (key: string, text: string): Step =>
  (store) =>
    store.append([
      { tpm: ALICE, changes: [change(key, text)] },
      { tpm: BOB, changes: [change(key, text)] },
    ]);
const fold: Step = (store) => store.fold();
/** More than a journal may hold before the next fold begins another. */
const LARGE = "x".repeat(0x50000);

const foldWithAppend: Step = async (store) => {
  const folding = store.fold();
  await put(ALICE, "nv/01800001", "counter 3")(store);
  await folding;
};

/** Everything a store does: first appends, folds of one and of both, a new journal, appends while a fold is under way. */
const LIFE: readonly Step[] = [
  put(ALICE, "persistent", "1"),
  put(ALICE, "nv/01800001", "counter 1"),
  fold,
  put(ALICE, "nv/01800001", "counter 2"),
  both("persistent", "2"),
  fold,
  put(BOB, "large", LARGE),
  put(ALICE, "nv/01800001", undefined),
  fold,
  put(BOB, "large", undefined),
  foldWithAppend,
  put(ALICE, "nv/01800001", "counter 4"),
  put(BOB, "persistent", "3"),
  fold,
  put(ALICE, "persistent", "4"),
  (store) => store.close(),
];

/** The content after each step of a life on a disk that never fails. */
async function ideal(steps: readonly Step[]): Promise<Content[]> {
  const store = await open(new SimulatedDisk());
  const contents = [await contentOf(store)];
  for (const step of steps) {
    await step(store);
    contents.push(await contentOf(store));
  }
  return contents;
}

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const survivals = (seed: number): Survival[] => {
  const any = random(seed);
  const nothing: Survival = () => 0;
  const everything: Survival = () => 1;
  const mixed: Survival = () => {
    const share = 3 * any() - 1;
    return Math.min(1, Math.max(0, share));
  };
  return [nothing, everything, mixed, mixed, mixed, mixed];
};

class PowerCut extends Error {}

/** Where the last record of a journal ends: behind it there is room. */
function endOfRecords(journal: Uint8Array): number {
  const last = Buffer.from(journal).lastIndexOf("vTR1");
  return last + 24 + new DataView(journal.buffer).getUint32(last + 4);
}

async function countOperations(steps: readonly Step[]): Promise<number> {
  const disk = new SimulatedDisk();
  let count = 0;
  disk.onOperation = () => {
    count++;
  };
  const store = await open(disk);
  for (const step of steps) await step(store);
  return count;
}

describe("a directory store", () => {
  test("has after an orderly end nothing but state files, which say everything", async () => {
    const disk = new SimulatedDisk();
    const store = await open(disk);
    for (const step of LIFE) await step(store);
    expect([...(await disk.list())].sort()).toEqual(["alice.state", "bob.state"]);
    const alice = decodeStateFile((await disk.read("alice.state")) ?? new Uint8Array(0));
    expect(new TextDecoder().decode(alice.get("persistent"))).toBe("4");
    expect(await contentOf(await open(disk))).toEqual((await ideal(LIFE)).at(-1));
  });

  test("keeps every acknowledged change through a power cut at any operation", async () => {
    const contents = await ideal(LIFE);
    const operations = await countOperations(LIFE);
    expect(operations).toBeGreaterThan(80);
    for (let cutAt = 0; cutAt < operations; cutAt++) {
      const disk = new SimulatedDisk();
      const store = await open(disk);
      let count = 0;
      disk.onOperation = () => {
        if (count++ >= cutAt) throw new PowerCut();
      };
      let done = 0;
      for (const step of LIFE) {
        try {
          await step(store);
        } catch {
          break;
        }
        done++;
      }
      for (const survival of survivals(cutAt)) {
        const found = disk.afterPowerCut(survival);
        const reopened = await open(found);
        const content = await contentOf(reopened);
        // What was acknowledged, or with the step that was under way.
        expect([contents[done], contents[done + 1]], `cut at operation ${cutAt}`).toContainEqual(content);

        // The store goes on from there, through another cut that takes all that is not synced.
        await put(ALICE, "after", "the cut")(reopened);
        const again = await open(found.afterPowerCut(() => 0));
        expect(await contentOf(again)).toEqual({ ...content, alice: { ...content[ALICE], after: "the cut" } });
        await again.close();
        expect(await contentOf(await open(found))).toBeDefined();
      }
    }
  });

  test("takes nothing in of what fails, and goes on", async () => {
    const operations = await countOperations(LIFE);
    for (let failAt = 0; failAt < operations; failAt++) {
      const disk = new SimulatedDisk();
      const store = await open(disk);
      let count = 0;
      disk.onOperation = () => {
        if (count++ === failAt) throw new StoreError("STATE_WRITE", "no space left on device (ENOSPC)");
      };
      for (const step of LIFE.slice(0, -1)) {
        const before = await contentOf(store);
        try {
          await step(store);
        } catch {
          const content = await contentOf(store);
          // The append succeeds where it was the fold beside it that failed.
          if (step !== foldWithAppend) expect(content).toEqual(before);
          const found = await open(disk.afterPowerCut(() => 1));
          expect(await contentOf(found), `failure of operation ${failAt}`).toEqual(content);
          await step(store); // a second time it works
        }
      }
      const content = await contentOf(store);
      expect(await contentOf(await open(disk.afterPowerCut(() => 0)))).toEqual(content);
      await store.close().catch(() => {}); // it may be this that fails
      expect(await contentOf(await open(disk.afterPowerCut(() => 0)))).toEqual(content);
    }
  });

  test("stays failed, and safe, as long as it cannot take back what a failed append has written", async () => {
    const disk = new SimulatedDisk();
    const store = await open(disk);
    await put(ALICE, "persistent", "1")(store);
    let broken = true;
    disk.onOperation = (operation: DiskOperation) => {
      const affected: DiskOperation[] = ["syncFile", "truncate"];
      if (broken && affected.includes(operation)) throw new StoreError("STATE_WRITE", "input/output error (EIO)");
    };
    await expect(put(ALICE, "persistent", "2")(store)).rejects.toThrow("EIO");
    await expect(put(ALICE, "persistent", "3")(store)).rejects.toThrow("EIO");
    await expect(store.fold()).rejects.toThrow("EIO");
    broken = false;
    await put(ALICE, "persistent", "4")(store);
    const found = await open(disk.afterPowerCut(() => 0));
    expect((await contentOf(found))[ALICE]).toEqual({ persistent: "4" });
  });

  test("recovers from a journal cut off at any length", async () => {
    const disk = new SimulatedDisk();
    const store = await open(disk);
    const sizes = [0];
    const contents = [await contentOf(store)];
    const steps = [put(ALICE, "a", "1"), put(ALICE, "b", "2"), both("c", "3"), put(ALICE, "a", undefined)];
    for (const step of steps) {
      await step(store);
      sizes.push(endOfRecords((await disk.read("journal-00000001")) ?? new Uint8Array(0)));
      contents.push(await contentOf(store));
    }
    const journal = (await disk.read("journal-00000001")) ?? new Uint8Array(0);
    for (let size = 0; size <= (sizes.at(-1) ?? 0) + 100; size++) {
      const found = new SimulatedDisk();
      found.plant("journal-00000001", journal.slice(0, size));
      const complete = sizes.map((end) => end <= size).lastIndexOf(true);
      expect(await contentOf(await open(found))).toEqual(contents[complete]);
    }
  });
});

describe("a directory store refuses", () => {
  async function usedDisk(): Promise<SimulatedDisk> {
    const disk = new SimulatedDisk();
    const store = await open(disk);
    for (const step of [put(ALICE, "a", "1"), fold, put(ALICE, "b", "2"), put(ALICE, "c", "3")]) await step(store);
    return disk;
  }
  async function refusal(disk: SimulatedDisk): Promise<string> {
    const before = await disk.list();
    const error = await open(disk).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(await disk.list()).toEqual(before);
    expect(error).toBeInstanceOf(StoreError);
    expect((error as StoreError).code).toBe("STATE_DAMAGED");
    return (error as StoreError).message;
  }
  const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
    bytes.map((byte, i) => (i === at ? byte ^ 0x10 : byte));

  test("a state file in which any bit is wrong", async () => {
    const disk = await usedDisk();
    const file = (await disk.read("alice.state")) ?? new Uint8Array(0);
    for (let at = 0; at < file.length; at++) {
      disk.plant("alice.state", flipped(file, at));
      expect(await refusal(disk)).toMatch(/^\/simulated\/alice\.state is (not|incomplete)/);
    }
  });

  test("a state file cut off at any length", async () => {
    const disk = await usedDisk();
    const file = (await disk.read("alice.state")) ?? new Uint8Array(0);
    for (let size = 0; size < file.length; size++) {
      disk.plant("alice.state", file.slice(0, size));
      expect(await refusal(disk)).toMatch(/^\/simulated\/alice\.state is/);
    }
  });

  test("a journal damaged anywhere before its last record", async () => {
    const disk = await usedDisk();
    const journal = (await disk.read("journal-00000001")) ?? new Uint8Array(0);
    const last = Buffer.from(journal).lastIndexOf("vTR1");
    for (let at = 0; at < last; at++) {
      disk.plant("journal-00000001", flipped(journal, at));
      expect(await refusal(disk)).toMatch(/^\/simulated\/journal-00000001 (is damaged|does not begin)/);
    }
  });

  test("a state file that was replaced or removed while the journal has changes to it", async () => {
    const disk = new SimulatedDisk();
    const store = await open(disk);
    const steps = [put(ALICE, "large", LARGE), fold, put(ALICE, "large", undefined), fold, put(ALICE, "a", "1")];
    for (const step of steps) await step(store);
    const other = new SimulatedDisk();
    const otherStore = await open(other);
    await put(ALICE, "a", "other")(otherStore);
    await otherStore.close();
    disk.plant("alice.state", (await other.read("alice.state")) ?? new Uint8Array(0));
    expect(await refusal(disk)).toMatch(/alice\.state was replaced/);
    await disk.remove("alice.state");
    expect(await refusal(disk)).toMatch(/alice\.state is missing/);
  });

  test("journals between which one is missing", async () => {
    const disk = new SimulatedDisk();
    const store = await open(disk);
    await put(ALICE, "a", LARGE)(store);
    disk.onOperation = (operation) => {
      if (operation === "rename") throw new StoreError("STATE_WRITE", "input/output error (EIO)");
    };
    await expect(store.fold()).rejects.toThrow("EIO");
    await put(ALICE, "b", LARGE)(store);
    await expect(store.fold()).rejects.toThrow("EIO");
    await put(ALICE, "c", "3")(store);
    disk.onOperation = () => {};
    expect(await contentOf(await open(disk))).toEqual({ alice: { a: LARGE, b: LARGE, c: "3" }, bob: {} });
    await disk.remove("journal-00000002");
    expect(await refusal(disk)).toMatch(/journal-00000003 does not continue/);
  });
});
