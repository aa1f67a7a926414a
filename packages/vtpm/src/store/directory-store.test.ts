import { concatBytes } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { type DiskOperation, SimulatedDisk, survivals } from "../testing/simulated-disk.ts";
import { DirectoryStore, type DirectoryStoreOptions } from "./directory-store.ts";
import type { Stored, StoreRecord } from "./store.ts";
import { StoreError } from "./store-error.ts";

const ALICE = "alice";
const BOB = "bob";
/** What somebody keeps in place of a TPM's state: notes under keys. */
type Notes = Readonly<Record<string, string>>;
type Content = Readonly<Record<string, Notes>>;

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const parsed = <T>(bytes: Uint8Array): T => JSON.parse(new TextDecoder().decode(bytes)) as T;

/** Notes after a change, in which `null` takes a note away. */
function changed(notes: Notes, change: Readonly<Record<string, string | null>>): Notes {
  const kept = Object.entries({ ...notes, ...change }).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function notesIn({ image, deltas }: Stored): Notes {
  let notes = image === undefined ? {} : parsed<Notes>(image);
  for (const delta of deltas) notes = changed(notes, parsed(delta));
  return notes;
}

/** A store with those who keep their notes in it. */
class Book {
  readonly store: DirectoryStore;
  #content: Content;

  private constructor(store: DirectoryStore, content: Content) {
    this.store = store;
    this.#content = content;
  }

  /** Opens what is stored of these; the others' is left to itself. */
  static async open(
    disk: SimulatedDisk,
    tpms: readonly string[] = [ALICE, BOB],
    options: DirectoryStoreOptions = {},
  ): Promise<Book> {
    const store = await DirectoryStore.open(disk, { foldByHand: true, ...options });
    const content: Record<string, Notes> = {};
    for (const tpm of tpms) {
      const notes = notesIn(await store.load(tpm));
      content[tpm] = notes;
      if (Object.keys(notes).length > 0) {
        await store.append([{ tpm, delta: new Uint8Array(0), image: () => bytesOf(notes) }]);
      }
    }
    return new Book(store, content);
  }

  /** What is stored as far as its keepers were told. */
  get content(): Content {
    return this.#content;
  }

  async put(tpms: readonly string[], key: string, text: string | null): Promise<void> {
    const next = { ...this.#content };
    const records: StoreRecord[] = [];
    for (const tpm of tpms) {
      const notes = changed(next[tpm] ?? {}, { [key]: text });
      next[tpm] = notes;
      records.push({ tpm, delta: bytesOf({ [key]: text }), image: () => bytesOf(notes) });
    }
    await this.store.append(records);
    this.#content = next;
  }
}

const contentOn = async (disk: SimulatedDisk): Promise<Content> => (await Book.open(disk)).content;

type Step = (book: Book) => Promise<void>;
const put =
  (tpm: string, key: string, text: string | null): Step =>
  (book) =>
    book.put([tpm], key, text);
const both =
  (key: string, text: string): Step =>
  (book) =>
    book.put([ALICE, BOB], key, text);
const fold: Step = (book) => book.store.fold();
/** More than the room that a journal keeps ahead. */
const LARGE = "x".repeat(0x11000);
/** More than a journal may hold before a fold begins another in any case. */
const LARGER = "x".repeat(0x50000);

const foldWithAppend: Step = async (book) => {
  const folding = book.store.fold();
  await put(ALICE, "nv/01800001", "counter 3")(book);
  await folding;
};

/** Everything a store does: first appends, folds of one and of both, appends while a fold is under way. */
const LIFE: readonly Step[] = [
  put(ALICE, "persistent", "1"),
  put(ALICE, "nv/01800001", "counter 1"),
  fold,
  put(ALICE, "nv/01800001", "counter 2"),
  both("persistent", "2"),
  fold,
  put(BOB, "large", LARGE),
  put(ALICE, "nv/01800001", null),
  fold,
  put(BOB, "large", null),
  foldWithAppend,
  put(ALICE, "nv/01800001", "counter 4"),
  put(BOB, "persistent", "3"),
  fold,
  put(ALICE, "persistent", "4"),
  (book) => book.store.close(),
];

/** The content after each step of a life on a disk that never fails. */
async function ideal(steps: readonly Step[]): Promise<Content[]> {
  const book = await Book.open(new SimulatedDisk());
  const contents = [book.content];
  for (const step of steps) {
    await step(book);
    contents.push(book.content);
  }
  return contents;
}

const ALL = (): ((sector: number) => boolean) => () => true;
const NOTHING = (): ((sector: number) => boolean) => () => false;

/** Where the last record of a journal ends: behind it there is room. */
function endOfRecords(journal: Uint8Array): number {
  const last = Buffer.from(journal).lastIndexOf("vTR1");
  return last + 24 + new DataView(journal.buffer).getUint32(last + 4);
}

/** The only journal file on the disk, and its name. */
async function journalOn(disk: SimulatedDisk): Promise<readonly [name: string, content: Uint8Array]> {
  const names = (await disk.list()).filter((name) => name.startsWith(".vtpm-journal-"));
  expect(names).toHaveLength(1);
  const name = names[0] ?? "";
  return [name, (await disk.read(name)) ?? new Uint8Array(0)];
}

async function countOperations(steps: readonly Step[]): Promise<number> {
  const disk = new SimulatedDisk();
  let count = 0;
  disk.onOperation = () => {
    count++;
  };
  const book = await Book.open(disk);
  for (const step of steps) await step(book);
  return count;
}

/** How the disk is waited for. */
const WAYS = [
  ["by a thread", false],
  ["in place", true],
] as const;

describe("a directory store", () => {
  test("has after an orderly end nothing but state files, which say everything", async () => {
    const disk = new SimulatedDisk();
    const book = await Book.open(disk);
    for (const step of LIFE) await step(book);
    expect([...(await disk.list())].sort()).toEqual(["alice.permall", "bob.permall"]);
    const alice = parsed<Notes>((await disk.read("alice.permall")) ?? new Uint8Array(0));
    expect(alice).toEqual({ "nv/01800001": "counter 4", persistent: "4" });
    expect(await contentOn(disk)).toEqual((await ideal(LIFE)).at(-1));
  });

  test("has a complete state file at any moment from the first fold on", async () => {
    const disk = new SimulatedDisk();
    const book = await Book.open(disk);
    let checked = 0;
    disk.onOperation = () => {
      const file = disk.peek("alice.permall");
      if (file === undefined) return;
      expect(parsed<Notes>(file)).toBeTypeOf("object");
      checked++;
    };
    for (const step of LIFE) await step(book);
    expect(checked).toBeGreaterThan(50);
  });

  test.each(WAYS)(
    "keeps every acknowledged change through a power cut at any operation, synced %s",
    async (_, mayBlock) => {
      const disk = new SimulatedDisk(mayBlock);
      const book = await Book.open(disk);
      const contents = [book.content];
      const cuts: { readonly found: SimulatedDisk; readonly done: number; readonly what: string }[] = [];
      let operation = 0;
      disk.onOperation = (kind) => {
        for (const [what, survival] of Object.entries(survivals(operation))) {
          const where = `before operation ${operation}, ${kind}, with what was not synced ${what}`;
          cuts.push({ found: disk.afterPowerCut(survival), done: contents.length - 1, what: where });
        }
        operation++;
      };
      for (const step of LIFE) {
        await step(book);
        contents.push(book.content);
      }
      expect(cuts.length).toBeGreaterThan(7 * 100);
      for (const { found, done, what } of cuts) {
        const reopened = await Book.open(found);
        const { content } = reopened;
        // What was acknowledged, or with the step that was under way.
        expect([contents[done], contents[done + 1]], what).toContainEqual(content);

        // The store goes on from there, through another cut that takes all that is not synced.
        await put(ALICE, "after", "the cut")(reopened);
        const again = await Book.open(found.afterPowerCut(NOTHING));
        expect(again.content).toEqual({ ...content, alice: { after: "the cut", ...content[ALICE] } });
        await again.store.close();
        expect(await contentOn(found)).toBeDefined();
      }
    },
  );

  test.each(WAYS)("takes nothing in of what fails, and goes on, synced %s", async (_, mayBlock) => {
    const operations = await countOperations(LIFE);
    for (let failAt = 0; failAt < operations; failAt++) {
      const disk = new SimulatedDisk(mayBlock);
      const book = await Book.open(disk);
      let count = 0;
      disk.onOperation = () => {
        if (count++ === failAt) throw new StoreError("STATE_WRITE", "no space left on device (ENOSPC)");
      };
      for (const step of LIFE.slice(0, -1)) {
        try {
          await step(book);
        } catch {
          expect(await contentOn(disk.afterPowerCut(ALL)), `failure of operation ${failAt}`).toEqual(book.content);
          await step(book); // a second time it works
        }
      }
      const { content } = book;
      expect(await contentOn(disk.afterPowerCut(NOTHING))).toEqual(content);
      await book.store.close().catch(() => {}); // it may be this that fails
      expect(await contentOn(disk.afterPowerCut(NOTHING))).toEqual(content);
    }
  });

  test.each(WAYS)(
    "uses what little the disk has left, and goes on when there is more, synced %s",
    async (_, mayBlock) => {
      const disk = new SimulatedDisk(mayBlock);
      disk.largestFile = 1000;
      const book = await Book.open(disk);
      let stored = 0;
      for (; stored < 1000; stored++) {
        try {
          await put(ALICE, "persistent", String(stored))(book);
        } catch {
          break;
        }
      }
      expect(stored).toBeGreaterThan(2);
      expect(await contentOn(disk.afterPowerCut(NOTHING))).toEqual(book.content);
      disk.largestFile = 2000;
      await put(ALICE, "persistent", "more")(book);
      disk.largestFile = 0x100000;
      for (let n = 0; n < 3; n++) await put(ALICE, "persistent", `enough ${n}`)(book);
      expect(await contentOn(disk.afterPowerCut(NOTHING))).toEqual(book.content);
      expect(await contentOn(disk.afterPowerCut(ALL))).toEqual(book.content);
    },
  );

  test.each(WAYS)(
    "stays failed, and safe, as long as it cannot take back what a failed append has written, synced %s",
    async (_, mayBlock) => {
      const disk = new SimulatedDisk(mayBlock);
      const book = await Book.open(disk);
      await put(ALICE, "persistent", "1")(book);
      let broken = true;
      disk.onOperation = (operation: DiskOperation) => {
        const affected: DiskOperation[] = ["syncFile", "truncate"];
        if (broken && affected.includes(operation)) throw new StoreError("STATE_WRITE", "input/output error (EIO)");
      };
      await expect(put(ALICE, "persistent", "2")(book)).rejects.toThrow("EIO");
      await expect(put(ALICE, "persistent", "3")(book)).rejects.toThrow("EIO");
      await expect(book.store.fold()).rejects.toThrow("EIO");
      broken = false;
      await put(ALICE, "persistent", "4")(book);
      expect((await contentOn(disk.afterPowerCut(NOTHING)))[ALICE]).toEqual({ persistent: "4" });
    },
  );

  test("recovers from a journal cut off at any length", async () => {
    const disk = new SimulatedDisk();
    const book = await Book.open(disk);
    const sizes = [0];
    const contents = [book.content];
    for (const step of [put(ALICE, "a", "1"), put(ALICE, "b", "2"), both("c", "3"), put(ALICE, "a", null)]) {
      await step(book);
      sizes.push(endOfRecords((await journalOn(disk))[1]));
      contents.push(book.content);
    }
    const [name, journal] = await journalOn(disk);
    for (let size = 0; size <= (sizes.at(-1) ?? 0) + 100; size++) {
      const found = new SimulatedDisk();
      found.plant(name, journal.slice(0, size));
      const complete = sizes.map((end) => end <= size).lastIndexOf(true);
      expect(await contentOn(found)).toEqual(contents[complete]);
    }
  });

  test("leaves nothing in the journal when everything is folded, so that other programs may use the state files", async () => {
    const disk = new SimulatedDisk();
    const book = await Book.open(disk);
    for (const step of [put(ALICE, "a", "1"), fold, put(ALICE, "a", "2"), fold]) await step(book);
    const killed = disk.afterPowerCut(ALL);
    killed.plant("alice.permall", bytesOf({ a: "changed by another program" }));
    expect((await contentOn(killed))[ALICE]).toEqual({ a: "changed by another program" });
  });

  test("keeps what the journal says of TPMs that nobody has opened", async () => {
    const disk = new SimulatedDisk();
    const both_ = await Book.open(disk);
    for (const step of [both("a", "1"), fold, both("a", "2")]) await step(both_);
    // The process was killed. The next ones open Alice's alone, and Bob's file stays behind.
    for (const text of ["3", "4"]) {
      const one = await Book.open(disk, [ALICE]);
      for (const step of [put(ALICE, "b", text), fold, put(ALICE, "c", text)]) await step(one);
      await one.store.close();
      expect(parsed(disk.peek("bob.permall") ?? new Uint8Array(0))).toEqual({ a: "1" });
      expect((await disk.list()).filter((name) => name.startsWith(".vtpm-journal-"))).toHaveLength(1);
    }
    const again = await Book.open(disk);
    expect(again.content).toEqual({ alice: { a: "2", b: "4", c: "4" }, bob: { a: "2" } });
    await again.store.close();
    expect([...(await disk.list())].sort()).toEqual(["alice.permall", "bob.permall"]);
  });

  test("lets nobody open a TPM twice", async () => {
    const book = await Book.open(new SimulatedDisk());
    await put(ALICE, "a", "1")(book);
    await expect(book.store.load(ALICE)).rejects.toMatchObject({ code: "STATE_LOCKED" });
  });

  test("keeps the state file before the present one where that is wanted", async () => {
    const disk = new SimulatedDisk();
    const book = await Book.open(disk, [ALICE], { backup: true });
    for (const step of [put(ALICE, "a", "1"), fold, put(ALICE, "a", "2"), fold]) await step(book);
    expect(parsed(disk.peek("alice.permall") ?? new Uint8Array(0))).toEqual({ a: "2" });
    expect(parsed(disk.peek("alice.permall.bak") ?? new Uint8Array(0))).toEqual({ a: "1" });
  });

  test("goes on from the state file before where the present one is missing, but only if asked to", async () => {
    const disk = new SimulatedDisk();
    disk.plant("alice.permall.bak", bytesOf({ a: "1" }));
    await expect(Book.open(disk)).rejects.toMatchObject({
      code: "STATE_DAMAGED",
      message:
        "/simulated/alice.permall is missing, but alice.permall.bak is there: ask for backup to go on from it, or move it away",
    });
    expect(await disk.list()).toEqual(["alice.permall.bak"]);
    const book = await Book.open(disk, [ALICE], { backup: true });
    expect(book.content).toEqual({ alice: { a: "1" } });
    expect(await contentOn(disk.afterPowerCut(NOTHING))).toEqual({ alice: { a: "1" }, bob: {} });
  });

  test("keeps volatile state beside it until told otherwise", async () => {
    const disk = new SimulatedDisk();
    const { store } = await Book.open(disk);
    expect(await store.readVolatile(ALICE)).toBeUndefined();
    await store.writeVolatile(ALICE, bytesOf("volatile"));
    expect(parsed(disk.afterPowerCut(NOTHING).peek("alice.volatilestate") ?? new Uint8Array(0))).toBe("volatile");
    expect(await store.readVolatile(ALICE)).toEqual(bytesOf("volatile"));
    await store.writeVolatile(ALICE, undefined);
    expect(disk.afterPowerCut(NOTHING).peek("alice.volatilestate")).toBeUndefined();
  });
});

describe("a directory store refuses", () => {
  /** A disk with a state file and changes to it. */
  async function usedDisk(): Promise<SimulatedDisk> {
    const disk = new SimulatedDisk();
    const book = await Book.open(disk);
    for (const step of [put(ALICE, "a", "1"), fold, put(ALICE, "b", "2"), put(ALICE, "c", "3")]) await step(book);
    return disk;
  }
  async function refusal(disk: SimulatedDisk): Promise<string> {
    const before = await disk.list();
    const error = await Book.open(disk).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(await disk.list()).toEqual(before);
    if (!(error instanceof StoreError)) throw new Error(`not a StoreError: ${String(error)}`);
    expect(error.code).toBe("STATE_DAMAGED");
    return error.message;
  }
  const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
    bytes.map((byte, i) => (i === at ? byte ^ 0x10 : byte));
  const REPLACED = /^\/simulated\/alice\.permall was changed or replaced by another program, and the journal beside it/;

  test("a state file in which any bit is wrong, or of which any part is missing, while the journal builds on it", async () => {
    const disk = await usedDisk();
    const file = disk.peek("alice.permall") ?? new Uint8Array(0);
    for (let at = 0; at < file.length; at++) {
      for (const damaged of [flipped(file, at), file.slice(0, at)]) {
        disk.plant("alice.permall", damaged);
        expect(await refusal(disk)).toMatch(REPLACED);
      }
    }
  });

  test("a journal damaged anywhere before its last record", async () => {
    const disk = await usedDisk();
    const [name, journal] = await journalOn(disk);
    const last = Buffer.from(journal).lastIndexOf("vTR1");
    for (let at = 0; at < last; at++) {
      disk.plant(name, flipped(journal, at));
      expect(await refusal(disk)).toMatch(/^\/simulated\/\.vtpm-journal-\d+ (is damaged|does not begin)/);
    }
  });

  test("a journal that something follows after zeros, which no cut leaves behind", async () => {
    const disk = await usedDisk();
    const [name, journal] = await journalOn(disk);
    const record = journal.slice(Buffer.from(journal).lastIndexOf("vTR1"), endOfRecords(journal));
    disk.plant(name, concatBytes(journal, record));
    expect(await refusal(disk)).toMatch(/is damaged between offsets/);
  });

  test("a state file that was replaced or removed while the journal has changes to it, with the remedy", async () => {
    const disk = await usedDisk();
    disk.plant("alice.permall", bytesOf({ a: "other" }));
    const [name] = await journalOn(disk);
    expect(await refusal(disk)).toBe(
      `/simulated/alice.permall was changed or replaced by another program, and the journal beside it (${name}) has changes ` +
        "to the one before: put that one back, or move the journal away to go on without those changes",
    );
    await disk.remove("alice.permall");
    expect(await refusal(disk)).toMatch(/alice\.permall is missing, and the journal/);
    await disk.remove(name);
    expect((await contentOn(disk))[ALICE]).toEqual({});
  });

  test("journals between which one is missing", async () => {
    const disk = new SimulatedDisk();
    const book = await Book.open(disk);
    await put(ALICE, "a", LARGER)(book);
    disk.onOperation = (operation) => {
      if (operation === "rename") throw new StoreError("STATE_WRITE", "input/output error (EIO)");
    };
    await expect(book.store.fold()).rejects.toThrow("EIO");
    await put(ALICE, "b", LARGER)(book);
    await expect(book.store.fold()).rejects.toThrow("EIO");
    await put(ALICE, "c", "3")(book);
    disk.onOperation = () => {};
    expect(await contentOn(disk)).toEqual({ alice: { a: LARGER, b: LARGER, c: "3" }, bob: {} });
    await disk.remove(".vtpm-journal-00000002");
    expect(await refusal(disk)).toMatch(/journal-00000003 does not continue/);
  });
});
