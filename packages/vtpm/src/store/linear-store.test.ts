import { decodeLinearHeader, encodeLinearHeader, LINEAR_SECTION, sectionsByPlace } from "@vtpm/state";
import { EMPTY, equalBytes } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import type { DiskOperation } from "../testing/simulated-disk.ts";
import { SimulatedLinearFile, type Survivor } from "../testing/simulated-linear-file.ts";
import { LinearStore } from "./linear-store.ts";
import { StoreError } from "./store-error.ts";

const TPM = "tpm2-00";
/** What a TPM has: a state and, where somebody asked for that, a volatile state. */
type Content = { readonly state: Readonly<Record<string, string>>; readonly volatile: string | undefined };

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const parsed = <T>(bytes: Uint8Array): T => JSON.parse(new TextDecoder().decode(bytes)) as T;

/** A TPM that uses a store: what it has been told is durable is in `state`. */
class User {
  readonly store: LinearStore;
  state: Record<string, string>;

  private constructor(store: LinearStore, state: Record<string, string>) {
    this.store = store;
    this.state = state;
  }

  static async open(file: SimulatedLinearFile): Promise<User> {
    const store = await LinearStore.open(file, { foldByHand: true });
    const { image, deltas } = await store.load(TPM);
    const state: Record<string, string> = image === undefined ? {} : parsed(image);
    for (const delta of deltas) Object.assign(state, parsed(delta));
    return new User(store, state);
  }

  async put(...changes: readonly Record<string, string>[]): Promise<void> {
    let after = this.state;
    const records = changes.map((change) => {
      after = { ...after, ...change };
      const image = after;
      return { tpm: TPM, delta: bytesOf(change), image: () => bytesOf(image) };
    });
    await this.store.append(records);
    this.state = after;
  }

  async content(): Promise<Content> {
    const volatile = await this.store.readVolatile(TPM);
    return { state: this.state, volatile: volatile === undefined ? undefined : parsed(volatile) };
  }
}

type Step = (user: User) => Promise<void>;
const put =
  (...changes: readonly Record<string, string>[]): Step =>
  (user) =>
    user.put(...changes);
const fold: Step = (user) => user.store.fold();
const suspend =
  (volatile: string | undefined): Step =>
  (user) =>
    user.store.writeVolatile(TPM, volatile === undefined ? undefined : bytesOf(volatile));
const text = (size: number): string => "x".repeat(size);

/** Everything a store does: the first state, appends, folds, a full journal, growth past powers of two, volatile state in between. */
const LIFE: readonly Step[] = [
  put({ a: "1" }),
  put({ counter: "1" }),
  put({ counter: "2" }, { b: "1" }),
  fold,
  put({ counter: "3" }),
  put({ large: text(3000) }),
  fold,
  put({ larger: text(6000) }),
  fold,
  suspend(text(5000)),
  put({ counter: "4" }),
  fold,
  put({ largest: text(20_000) }),
  put({ largest: text(40_000) }),
  put({ largest: text(41_000) }),
  fold,
  suspend(text(9000)),
  put({ counter: "5" }),
  suspend(undefined),
  put({ large: "" }, { larger: "" }, { largest: "" }),
  fold,
  put({ counter: "6" }),
  fold,
  put({ counter: "7" }),
  (user) => user.store.close(),
];

const newFile = (): SimulatedLinearFile => new SimulatedLinearFile(encodeLinearHeader(new Map()));
const newDevice = (size = 0x8_0000): SimulatedLinearFile => new SimulatedLinearFile(new Uint8Array(size), true);
const sectionOf = (content: Uint8Array, number: number): Uint8Array | undefined => {
  const section = decodeLinearHeader(content, content.length).get(number);
  return section === undefined ? undefined : content.slice(section.offset, section.offset + section.dataSize);
};

/** The content after each step of a life in a file that never fails. */
async function ideal(steps: readonly Step[]): Promise<Content[]> {
  const user = await User.open(newFile());
  const contents = [await user.content()];
  for (const step of steps) {
    await step(user);
    contents.push(await user.content());
  }
  return contents;
}

async function countOperations(file: SimulatedLinearFile, steps: readonly Step[]): Promise<number> {
  let count = 0;
  file.onOperation = () => {
    count++;
  };
  const user = await User.open(file);
  for (const step of steps) await step(user);
  return count;
}

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Nothing that was not synced; everything; any version of each sector; almost everything; almost nothing. */
function survivors(seed: number): Survivor[] {
  const any = random(seed);
  const mixed: Survivor = (count) => Math.floor(any() * count);
  return [
    () => 0,
    (count) => count - 1,
    ...Array.from({ length: 8 }, () => mixed),
    (count) => (any() < 0.02 ? 0 : count - 1),
    (count) => (any() < 0.02 ? count - 1 : 0),
  ];
}

class PowerCut extends Error {}

describe.each([
  ["file", newFile],
  ["device", newDevice],
])("a linear store in a %s", (kind, create) => {
  test("has after an orderly end the layout that swtpm leaves, and says everything", async () => {
    const file = create();
    const user = await User.open(file);
    for (const step of LIFE) await step(user);
    const sections = decodeLinearHeader(file.content, file.content.length);
    expect([...sections.keys()]).toEqual([LINEAR_SECTION.permall]);
    const { offset = 0, size = 0 } = sections.get(LINEAR_SECTION.permall) ?? {};
    expect(Math.log2(size)).toBe(Math.floor(Math.log2(size)));
    if (kind === "file") expect(file.content.length).toBe(offset + size);
    else expect(file.content.length).toBe(0x8_0000);
    expect(parsed(sectionOf(file.content, LINEAR_SECTION.permall) ?? EMPTY)).toEqual(user.state);
    expect(await (await User.open(file)).content()).toEqual((await ideal(LIFE)).at(-1));
  });

  test("keeps at every moment sections without a gap between them, with a complete state in the first", async () => {
    const file = create();
    const states: unknown[] = [];
    file.onOperation = () => {
      if (file.content[0] === 0) return; // a device before anything was written to it
      const sections = sectionsByPlace(decodeLinearHeader(file.content, file.content.length));
      sections.forEach(([, { offset, size }], i) => {
        const next = sections[i + 1]?.[1].offset;
        if (next !== undefined) expect(offset + size).toBe(next);
      });
      const permall = sectionOf(file.content, LINEAR_SECTION.permall);
      if (permall !== undefined) states.push(parsed(permall));
    };
    const user = await User.open(file);
    for (const step of LIFE) await step(user);
    expect(states.length).toBeGreaterThan(70);
  });

  test("keeps every acknowledged change through a power cut at any operation", async () => {
    const contents = await ideal(LIFE);
    const operations = await countOperations(create(), LIFE);
    expect(operations).toBeGreaterThan(80);
    for (let cutAt = 0; cutAt < operations; cutAt++) {
      const file = create();
      const user = await User.open(file);
      let count = 0;
      file.onOperation = () => {
        if (count++ >= cutAt) throw new PowerCut();
      };
      let done = 0;
      for (const step of LIFE) {
        try {
          await step(user);
        } catch {
          break;
        }
        done++;
      }
      for (const survivor of survivors(cutAt)) {
        const found = file.afterPowerCut(survivor);
        const reopened = await User.open(found);
        const content = await reopened.content();
        // What was acknowledged, or with the step that was under way.
        expect([contents[done], contents[done + 1]], `cut at operation ${cutAt}`).toContainEqual(content);

        // The store goes on from there, through another cut that takes all that is not synced.
        await reopened.put({ after: "the cut" });
        const again = await User.open(found.afterPowerCut(() => 0));
        expect(await again.content()).toEqual({ ...content, state: { ...content.state, after: "the cut" } });
        await again.store.close();
      }
    }
  });

  test("takes nothing in of what fails, and goes on", async () => {
    const operations = await countOperations(create(), LIFE);
    for (let failAt = 0; failAt < operations; failAt++) {
      const file = create();
      const user = await User.open(file);
      let count = 0;
      file.onOperation = () => {
        if (count++ === failAt) throw new StoreError("STATE_WRITE", "no space left on device (ENOSPC)");
      };
      for (const step of LIFE.slice(0, -1)) {
        const before = await user.content();
        try {
          await step(user);
        } catch {
          expect(await user.content()).toEqual(before);
          await step(user); // a second time it works
        }
      }
      const content = await user.content();
      expect(await (await User.open(file.afterPowerCut(() => 0))).content()).toEqual(content);
      await user.store.close().catch(() => {}); // it may be this that fails
      expect(await (await User.open(file.afterPowerCut(() => 0))).content()).toEqual(content);
    }
  });

  test("stays failed, and safe, as long as it cannot take back what a failed append has written", async () => {
    const file = create();
    const user = await User.open(file);
    await user.put({ a: "1" });
    await user.put({ a: "2" });
    let broken = true;
    file.onOperation = (operation: DiskOperation) => {
      if (broken && operation === "syncFile") throw new StoreError("STATE_WRITE", "input/output error (EIO)");
    };
    await expect(user.put({ a: "3" })).rejects.toThrow("EIO");
    await expect(user.put({ a: "4" })).rejects.toThrow("EIO");
    await expect(user.store.fold()).rejects.toThrow("EIO");
    broken = false;
    await user.put({ b: "1" });
    const found = await User.open(file.afterPowerCut(() => 0));
    expect(found.state).toEqual({ a: "2", b: "1" });
  });
});

describe("a linear store", () => {
  test("writes a change with one sync, and nothing for what changes nothing", async () => {
    const file = newFile();
    const user = await User.open(file);
    await user.put({ a: "1" });
    const operations: DiskOperation[] = [];
    file.onOperation = (operation) => operations.push(operation);
    await user.put({ a: "2" });
    expect(operations).toEqual(["write", "syncFile"]);
    await user.store.append([{ tpm: TPM, delta: EMPTY, image: () => bytesOf(user.state) }]);
    await user.store.append([]);
    expect(operations.length).toBe(2);
  });

  test("leaves a store that was only read as it was", async () => {
    const file = newFile();
    const user = await User.open(file);
    await user.put({ a: "1" });
    await user.store.close();
    const before = file.content.slice();
    const again = await User.open(file);
    file.onOperation = () => {
      throw new Error("written");
    };
    await again.store.close();
    expect(equalBytes(file.content, before)).toBe(true);
  });

  test("folds by itself a while after a change", async () => {
    const file = newFile();
    const store = await LinearStore.open(file);
    await store.load(TPM);
    for (const a of ["1", "2"]) await store.append([{ tpm: TPM, delta: bytesOf({ a }), image: () => bytesOf({ a }) }]);
    const folded = (): unknown => parsed(sectionOf(file.content, LINEAR_SECTION.permall) ?? EMPTY);
    expect(folded()).toEqual({ a: "1" });
    await expect.poll(folded, { timeout: 60_000 }).toEqual({ a: "2" });
    await store.close();
  });

  test("keeps one TPM only", async () => {
    const user = await User.open(newFile());
    await expect(user.store.load("tpm2-01")).rejects.toThrow("keeps one TPM: tpm2-00, not tpm2-01 too");
  });

  test("says what is lacking on a device that has no room for a second copy, and keeps the first", async () => {
    const device = newDevice(0x5000);
    const user = await User.open(device);
    await user.put({ a: text(3000) });
    await user.put({ b: text(2000) }); // into the journal
    const refusal = {
      code: "STATE_WRITE",
      message: expect.stringMatching(/^cannot write \/simulated\/linear: there is no room for another 8192 bytes/),
    };
    await expect(user.store.fold()).rejects.toMatchObject(refusal);
    await expect(user.put({ c: text(3000) })).rejects.toMatchObject(refusal);
    await user.put({ d: "1" });
    expect((await User.open(device.afterPowerCut(() => 0))).state).toEqual({ a: text(3000), b: text(2000), d: "1" });
    await expect((await User.open(newDevice(0x1000))).put({ a: "1" })).rejects.toMatchObject({ code: "STATE_WRITE" });
  });
});

describe("a linear store refuses", () => {
  async function usedFile(): Promise<SimulatedLinearFile> {
    const file = newFile();
    const user = await User.open(file);
    for (const step of [put({ a: "1" }), put({ b: "2" }), put({ c: "3" }), put({ d: "4" })]) await step(user);
    return file;
  }
  async function refusal(content: Uint8Array, fixed = false): Promise<string> {
    const file = new SimulatedLinearFile(content.slice(), fixed);
    file.onOperation = () => {
      throw new Error("written");
    };
    const error = await LinearStore.open(file).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(StoreError);
    expect((error as StoreError).code).toBe("STATE_DAMAGED");
    expect(equalBytes(file.content, content)).toBe(true);
    return (error as StoreError).message;
  }
  const changed = (content: Uint8Array, at: number, ...values: number[]): Uint8Array => {
    const result = content.slice();
    result.set(values, at);
    return result;
  };

  test("a file that is empty, or full of zeros, or of anything else", async () => {
    expect(await refusal(EMPTY)).toMatch(/^\/simulated\/linear is not a linear store .* 0 bytes/);
    expect(await refusal(new Uint8Array(0x1000))).toMatch(/does not begin with the header of a linear store/);
    expect(await refusal(new Uint8Array(0x1000).fill(7), true)).toMatch(/does not begin with the header/);
  });

  test("a store cut off before the end of its sections", async () => {
    const { content } = await usedFile();
    expect(await refusal(content.slice(0, -1))).toMatch(
      /section 14 ends at \d+, the store at \d+: it has been cut off/,
    );
  });

  test("a header from which the permanent state has gone", async () => {
    const { content } = await usedFile();
    const none = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    expect(await refusal(changed(content, 12, ...none))).toMatch(/has no permanent state, but a section 14/);
  });

  test("what swtpm leaves when it is killed while it moves a state that has grown", async () => {
    const envelope = [2, 1, 0, 10, 0, 0, 0, 0, 1, 0];
    const content = new Uint8Array(0x1000);
    content.set(encodeLinearHeader(new Map()));
    content.set(envelope, 192);
    const message = /has no permanent state, but what may be one at offset 192: it was not written to its end/;
    expect(await refusal(content)).toMatch(message);
    expect(await refusal(content, true)).toMatch(message);
  });

  test("a journal damaged anywhere before its last record", async () => {
    const { content } = await usedFile();
    const journal = decodeLinearHeader(content, content.length).get(14)?.offset ?? 0;
    const last = Buffer.from(content).lastIndexOf("vTR1");
    for (let at = journal; at < last; at++) {
      expect(await refusal(changed(content, at, 0xff - (content[at] ?? 0)))).toMatch(
        /has a journal \(at offset \d+\) that/,
      );
    }
  });

  test("a permanent state that another program has changed, while the journal has changes to the one before", async () => {
    const { content } = await usedFile();
    const permall = decodeLinearHeader(content, content.length).get(0)?.offset ?? 0;
    expect(await refusal(changed(content, permall, 0x20))).toMatch(
      /was changed by another program, and its journal \(at offset \d+\) has 3 changes to the state before/,
    );
  });
});

test("a journal without changes does not stand in the way of a state that another program has written", async () => {
  const file = newFile();
  const user = await User.open(file);
  await user.put({ a: "1" });
  const permall = decodeLinearHeader(file.content, file.content.length).get(0)?.offset ?? 0;
  file.content.set(bytesOf({ a: "2" }), permall);
  const again = await User.open(file);
  expect(again.state).toEqual({ a: "2" });
  await again.put({ b: "1" });
  expect((await User.open(file.afterPowerCut(() => 0))).state).toEqual({ a: "2", b: "1" });
});
