import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openDirectoryStore } from "./open-directory-store.ts";
import { claimDirectory } from "./socket-lock.ts";
import type { Store, StoreRecord } from "./store.ts";

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "vtpm-store-"));
});
afterEach(() => rmSync(path, { recursive: true }));

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const record = (tpm: string, text: string): StoreRecord => ({ tpm, delta: bytesOf(text), image: () => bytesOf(text) });

async function opened(directory: string, tpms: readonly string[], options = {}): Promise<Store> {
  const store = await openDirectoryStore(directory, options);
  for (const tpm of tpms) await store.load(tpm);
  return store;
}

test("state written to a directory is there when it is opened again", async () => {
  const directory = join(path, "made", "on demand");
  const store = await opened(directory, ["one", "tpm2-00"]);
  await store.append([record("one", "1"), record("tpm2-00", "2")]);
  await store.append([record("one", "3")]);
  await store.close();
  expect(readdirSync(directory).sort()).toEqual([".lock", "one.permall", "tpm2-00.permall"]);
  const again = await openDirectoryStore(directory);
  expect(await again.load("one")).toEqual({ image: bytesOf("3"), deltas: [] });
  expect(await again.load("tpm2-00")).toEqual({ image: bytesOf("2"), deltas: [] });
  expect(again.locate("tpm2-00")).toBe(`${directory}/tpm2-00.permall`);
  await again.close();
});

test("a directory that is to be there already is not made", async () => {
  await expect(openDirectoryStore(join(path, "none"), { create: false })).rejects.toMatchObject({
    code: "STATE_DIRECTORY",
    message: `cannot use ${path}/none as state directory: no such file or directory (ENOENT)`,
  });
  expect(readdirSync(path)).toEqual([]);
});

test("only the owner may read what is stored, and nobody enter the directory, unless told otherwise", async () => {
  const directory = join(path, "new");
  for (const [mode, options] of [
    [0o600, {}],
    [0o640, { mode: 0o640 }],
    [0o666, { mode: 0o640, exactMode: 0o666 }],
  ] as const) {
    const store = await opened(directory, ["one"], options);
    await store.append([record("one", "1")]);
    const journal = readdirSync(directory).find((name) => name.startsWith(".vtpm-journal-")) ?? "";
    expect(statSync(join(directory, journal)).mode & 0o777).toBe(mode);
    await store.close();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, "one.permall")).mode & 0o777).toBe(mode);
  }
});

test("a symbolic link in place of a state file is not followed", async () => {
  writeFileSync(join(path, "elsewhere"), "secret");
  symlinkSync(join(path, "elsewhere"), join(path, "one.permall"));
  const store = await openDirectoryStore(path);
  await expect(store.load("one")).rejects.toMatchObject({
    code: "STATE_READ",
    message: `cannot read ${path}/one.permall: it is a symbolic link`,
  });
  await store.close();
});

test("a symbolic link in place of a new state file is replaced, and what it points to stays as it is", async () => {
  writeFileSync(join(path, "elsewhere"), "precious");
  symlinkSync(join(path, "elsewhere"), join(path, "TMP2-00.permall"));
  const store = await opened(path, ["tpm2-00"]);
  await store.append([record("tpm2-00", "1")]);
  await store.close();
  expect(readFileSync(join(path, "elsewhere"), "utf8")).toBe("precious");
  expect(readdirSync(path).sort()).toEqual([".lock", "elsewhere", "tpm2-00.permall"]);
});

test("a directory in place of a state file is refused", async () => {
  mkdirSync(join(path, "one.permall"));
  const store = await openDirectoryStore(path);
  await expect(store.load("one")).rejects.toMatchObject({
    message: `cannot read ${path}/one.permall: it is not a regular file`,
  });
  await store.close();
});

test("a file in place of the directory is refused", async () => {
  writeFileSync(join(path, "file"), "");
  await expect(openDirectoryStore(join(path, "file"))).rejects.toMatchObject({ code: "STATE_DIRECTORY" });
});

test.runIf(existsSync("/proc/self"))("a directory that takes no names is refused", async () => {
  await expect(openDirectoryStore("/proc/none/here")).rejects.toMatchObject({ code: "STATE_DIRECTORY" });
});

describe("the lock of a directory", () => {
  const IN_USE = { code: "STATE_LOCKED" };

  test("has one owner at a time, and a new one when the first lets go", async () => {
    const store = await openDirectoryStore(path);
    await expect(openDirectoryStore(path)).rejects.toMatchObject({
      ...IN_USE,
      message: `${path} is in use by another process: stop it, or choose another directory`,
    });
    await store.close();
    const next = await openDirectoryStore(path);
    await next.close();
  });

  test.runIf(existsSync("/proc/self/fd"))("is an open file of that name exactly while it is held", async () => {
    const held = (): boolean =>
      readdirSync("/proc/self/fd").some((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === join(path, ".lock");
        } catch {
          return false; // the descriptor with which the folder was read
        }
      });
    const store = await openDirectoryStore(path);
    expect(held()).toBe(true);
    expect(statSync(join(path, ".lock")).mode & 0o777 & 0o707).toBe(0o600);
    await expect(openDirectoryStore(path)).rejects.toMatchObject(IN_USE);
    await store.close();
    expect(held()).toBe(false);
    await (await openDirectoryStore(path, { unlocked: true })).close();
    expect(held()).toBe(false);
  });

  test("is waited for as often as told", async () => {
    const store = await openDirectoryStore(path);
    const waiting = openDirectoryStore(path, { retries: 100_000 });
    await new Promise(setImmediate);
    await store.close();
    await (await waiting).close();
  });

  test("stays with its owner although others in the process open and close the file", async () => {
    const store = await openDirectoryStore(path);
    readFileSync(join(path, ".lock"));
    await expect(openDirectoryStore(path)).rejects.toMatchObject(IN_USE);
    await store.close();
  });

  // A process of another program that locks as swtpm does: fcntl with F_SETLK.
  test.runIf(existsSync("/usr/bin/python3"))("and the one that swtpm takes keep each other out", async () => {
    const script = [
      "import fcntl, sys",
      "file = open(sys.argv[1], 'w')",
      "try: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
      "except OSError: print('refused', flush=True)",
      "else: print('locked', flush=True); sys.stdin.read()",
    ].join("\n");
    const other = () => spawn("/usr/bin/python3", ["-c", script, join(path, ".lock")]);
    const firstLine = async ({ stdout }: ReturnType<typeof other>) =>
      String((await once(createInterface(stdout), "line"))[0]);
    const store = await openDirectoryStore(path);
    const refused = other();
    expect(await firstLine(refused)).toBe("refused");
    await store.close();
    const owner = other();
    expect(await firstLine(owner)).toBe("locked");
    await expect(openDirectoryStore(path)).rejects.toMatchObject(IN_USE);
    owner.stdin.end();
    await once(owner, "close");
    await (await openDirectoryStore(path)).close();
  });

  test("is refused where its file is a symbolic link", async () => {
    symlinkSync(join(path, "elsewhere"), join(path, ".lock"));
    await expect(openDirectoryStore(path)).rejects.toMatchObject({
      code: "STATE_DIRECTORY",
      message: `cannot lock ${path}: .lock is a symbolic link`,
    });
  });
});

test("a damaged journal is refused, nothing is overwritten, and the directory is free again", async () => {
  const name = ".vtpm-journal-00000001";
  writeFileSync(join(path, name), "x".repeat(100));
  for (let attempt = 0; attempt < 2; attempt++) {
    await expect(openDirectoryStore(path)).rejects.toMatchObject({
      code: "STATE_DAMAGED",
      message: `${path}/${name} does not begin with the header of a journal of vtpm`,
    });
  }
  expect(readdirSync(path).sort()).toEqual([".lock", name]);
});

describe("without record locks", () => {
  test("of many that want a directory at once no two ever own it", async () => {
    let owners = 0;
    let owned = 0;
    const contend = async (): Promise<void> => {
      const lock = await claimDirectory(path);
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

  test("a directory with a long path is taken, too", async () => {
    const long = join(path, "x".repeat(100));
    mkdirSync(long);
    const lock = await claimDirectory(long);
    expect(await claimDirectory(long)).toBeUndefined();
    await lock?.release();
    expect(readdirSync(long)).toEqual([]);
  });
});
