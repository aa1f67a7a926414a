import { expect, test } from "vitest";
import { GroupCommit } from "./group-commit.ts";
import { MemoryStore } from "./memory-store.ts";
import type { Pending } from "./pending.ts";
import type { StoreRecord } from "./store.ts";

/** A memory store that shows what it is given, and that a test may let fail. */
class WatchedStore extends MemoryStore {
  readonly batches: (readonly StoreRecord[])[] = [];
  failing = false;

  override append(records: readonly StoreRecord[]): Pending {
    this.batches.push(records);
    return this.failing ? Promise.reject(new Error("no")) : super.append(records);
  }
}

const record = (tpm: string, text: string): StoreRecord => {
  const bytes = new TextEncoder().encode(text);
  return { tpm, delta: bytes, image: () => bytes };
};

/** As hosts do that have loaded these TPMs. */
async function commitsOf(store: WatchedStore, tpms: readonly string[]): Promise<GroupCommit> {
  const commits = new GroupCommit(store);
  for (const tpm of tpms) await commits.commit(record(tpm, ""));
  store.batches.length = 0;
  return commits;
}

const namesIn = (store: WatchedStore): readonly (readonly string[])[] =>
  store.batches.map((batch) => batch.map(({ tpm }) => tpm));

test("what a TPM wants stored that is alone is stored in the same call", async () => {
  const store = new WatchedStore();
  const commits = await commitsOf(store, ["one"]);
  expect(commits.commit(record("one", "1"))).toBeUndefined();
  expect(namesIn(store)).toEqual([["one"]]);
});

test("what many TPMs want stored in one turn is stored with one append", async () => {
  const store = new WatchedStore();
  const tpms = ["one", "two", "three"];
  const commits = await commitsOf(store, tpms);
  await Promise.all(tpms.map((tpm) => commits.commit(record(tpm, tpm))));
  expect(namesIn(store)).toEqual([tpms]);
  expect((await store.load("two")).image).toEqual(new TextEncoder().encode("two"));
});

test("what comes while the store is busy shares the next append", async () => {
  const store = new WatchedStore();
  const commits = await commitsOf(store, ["one", "two", "three"]);
  const later: Pending[] = [];
  await commits.commit(record("one", "1"))?.then(() => {
    later.push(commits.commit(record("two", "2")), commits.commit(record("three", "3")));
  });
  await Promise.all(later);
  expect(namesIn(store)).toEqual([["one"], ["two", "three"]]);
});

test("when an append fails all who share it are told, and the next one may succeed", async () => {
  const store = new WatchedStore();
  const commits = await commitsOf(store, ["one", "two"]);
  store.failing = true;
  const results = await Promise.allSettled([commits.commit(record("one", "1")), commits.commit(record("two", "2"))]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  store.failing = false;
  await commits.commit(record("one", "3"));
  expect((await store.load("one")).image).toEqual(new TextEncoder().encode("3"));
});
