import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockDirectory } from "./directory-lock.ts";
import { openDirectoryStore } from "./open-directory-store.ts";
import type { Store } from "./store.ts";

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "vtpm-store-"));
});
afterEach(() => rmSync(path, { recursive: true }));

const record = (tpm: string, key: string, text: string) => ({
  tpm,
  changes: [{ key, value: new TextEncoder().encode(text) }],
});
const textOf = async (store: Store, tpm: string, key: string): Promise<string | undefined> => {
  const value = (await store.load(tpm)).get(key);
  return value === undefined ? undefined : new TextDecoder().decode(value);
};

test("state written to a directory is there when it is opened again", async () => {
  const directory = join(path, "made", "on demand");
  const store = await openDirectoryStore(directory);
  await store.append([record("one", "a", "1"), record("two", "b", "2")]);
  await store.append([record("one", "a", "3")]);
  await store.close();
  expect(readdirSync(directory).sort()).toEqual(["one.state", "two.state"]);
  const again = await openDirectoryStore(directory);
  expect(await textOf(again, "one", "a")).toBe("3");
  expect(await textOf(again, "two", "b")).toBe("2");
  await again.close();
});

test("only the owner may read what is stored, and nobody enter the directory", async () => {
  const directory = join(path, "new");
  const store = await openDirectoryStore(directory);
  await store.append([record("one", "a", "1")]);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(statSync(join(directory, "journal-00000001")).mode & 0o777).toBe(0o600);
  await store.close();
  expect(statSync(join(directory, "one.state")).mode & 0o777).toBe(0o600);
});

test("a symbolic link in place of a state file is not followed", async () => {
  writeFileSync(join(path, "elsewhere"), "secret");
  symlinkSync(join(path, "elsewhere"), join(path, "one.state"));
  await expect(openDirectoryStore(path)).rejects.toMatchObject({
    code: "STATE_READ",
    message: `cannot read ${path}/one.state: it is a symbolic link`,
  });
});

test("a symbolic link in place of a new state file is replaced, and what it points to stays as it is", async () => {
  writeFileSync(join(path, "elsewhere"), "precious");
  symlinkSync(join(path, "elsewhere"), join(path, "one.state.new"));
  const store = await openDirectoryStore(path);
  await store.append([record("one", "a", "1")]);
  await store.close();
  expect(readFileSync(join(path, "elsewhere"), "utf8")).toBe("precious");
  expect(readdirSync(path).sort()).toEqual(["elsewhere", "one.state"]);
});

test("a directory in place of a state file is refused", async () => {
  mkdirSync(join(path, "one.state"));
  await expect(openDirectoryStore(path)).rejects.toMatchObject({
    message: `cannot read ${path}/one.state: it is not a regular file`,
  });
});

test("a file in place of the directory is refused", async () => {
  writeFileSync(join(path, "file"), "");
  await expect(openDirectoryStore(join(path, "file"))).rejects.toMatchObject({ code: "STATE_DIRECTORY" });
});

test.runIf(existsSync("/proc/self"))("a directory that takes no names is refused", async () => {
  await expect(openDirectoryStore("/proc/none/here")).rejects.toMatchObject({ code: "STATE_DIRECTORY" });
});

test("a directory has one owner at a time, and a new one when the first lets go", async () => {
  const store = await openDirectoryStore(path);
  await expect(openDirectoryStore(path)).rejects.toMatchObject({
    code: "STATE_LOCKED",
    message: `${path} is in use by another process: stop it, or choose another directory`,
  });
  await store.close();
  const next = await openDirectoryStore(path);
  await next.close();
});

test("a damaged state file is refused, nothing is overwritten, and the directory is free again", async () => {
  writeFileSync(join(path, "one.state"), "not a state file");
  for (let attempt = 0; attempt < 2; attempt++) {
    await expect(openDirectoryStore(path)).rejects.toMatchObject({
      code: "STATE_DAMAGED",
      message: `${path}/one.state is not a state file of vtpm`,
    });
  }
  expect(readdirSync(path)).toEqual(["one.state"]);
  expect(readFileSync(join(path, "one.state"), "utf8")).toBe("not a state file");
});

test("a path too long for a socket's address can be locked all the same", async () => {
  const long = join(path, "x".repeat(200));
  const store = await openDirectoryStore(long);
  await expect(lockDirectory(long)).rejects.toMatchObject({ code: "STATE_LOCKED" });
  await store.close();
  expect(readdirSync(long)).toEqual([]);
});

test("of many that want a directory at once no two ever own it", async () => {
  let owners = 0;
  let owned = 0;
  const contend = async (): Promise<void> => {
    const lock = await lockDirectory(path).catch(() => undefined);
    if (lock === undefined) return;
    owners++;
    expect(owners).toBe(1);
    owned++;
    await new Promise(setImmediate);
    owners--;
    await lock.release();
  };
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 5 }, contend));
  expect(owned).toBeGreaterThan(0);
  expect(readdirSync(path)).toEqual([]);
});
