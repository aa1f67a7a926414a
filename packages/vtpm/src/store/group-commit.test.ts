import { expect, test } from "vitest";
import { GroupCommit } from "./group-commit.ts";
import { MemoryStore } from "./memory-store.ts";
import type { StoreRecord } from "./store.ts";

/** A memory store that shows what it is given, and that a test may let fail. */
class WatchedStore extends MemoryStore {
  readonly batches: (readonly StoreRecord[])[] = [];
  failing = false;

  override async append(records: readonly StoreRecord[]): Promise<void> {
    this.batches.push(records);
    if (this.failing) throw new Error("no");
    await super.append(records);
  }
}

const record = (tpm: string, text: string): StoreRecord => {
  const bytes = new TextEncoder().encode(text);
  return { tpm, delta: bytes, image: () => bytes };
};

test("what many TPMs want stored in one turn is stored with one append", async () => {
  const store = new WatchedStore();
  const commits = new GroupCommit(store);
  await Promise.all(["one", "two", "three"].map((tpm) => commits.commit(record(tpm, tpm))));
  expect(store.batches.map((batch) => batch.map(({ tpm }) => tpm))).toEqual([["one", "two", "three"]]);
  expect((await store.load("two")).image).toEqual(new TextEncoder().encode("two"));
});

test("what comes while the store is busy shares the next append", async () => {
  const store = new WatchedStore();
  const commits = new GroupCommit(store);
  const later: Promise<void>[] = [];
  await commits.commit(record("one", "1")).then(() => {
    later.push(commits.commit(record("two", "2")), commits.commit(record("three", "3")));
  });
  await Promise.all(later);
  expect(store.batches.map((batch) => batch.length)).toEqual([1, 2]);
});

test("when an append fails all who share it are told, and the next one may succeed", async () => {
  const store = new WatchedStore();
  const commits = new GroupCommit(store);
  store.failing = true;
  const results = await Promise.allSettled([commits.commit(record("one", "1")), commits.commit(record("two", "2"))]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  store.failing = false;
  await commits.commit(record("one", "3"));
  expect((await store.load("one")).image).toEqual(new TextEncoder().encode("3"));
});
