import { randomBytes } from "node:crypto";
import {
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
import { decodeLinearHeader } from "@vtpm/state";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLinearStore } from "./open-linear-store.ts";
import type { StoreRecord } from "./store.ts";

const TPM = "tpm2-00";
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vtpm-linear-"));
  path = join(folder, "tpm.linear");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const record = (image: Uint8Array): StoreRecord => ({ tpm: TPM, delta: image, image: () => image });

test("state written to a file is there when it is opened again", async () => {
  const [first, second] = [randomBytes(3000), randomBytes(100_000)].map((bytes) => new Uint8Array(bytes));
  if (first === undefined || second === undefined) throw new Error("unreachable");
  const store = await openLinearStore(path);
  expect(await store.load(TPM)).toEqual({ image: undefined, deltas: [] });
  await store.append([record(first)]);
  await store.append([record(second)]);
  await store.writeVolatile(TPM, first);
  await store.close();
  const again = await openLinearStore(path);
  const { image, deltas } = await again.load(TPM);
  expect(Buffer.from(image ?? []).equals(second)).toBe(true);
  expect(deltas).toEqual([]);
  expect(Buffer.from((await again.readVolatile(TPM)) ?? []).equals(first)).toBe(true);
  await again.writeVolatile(TPM, undefined);
  await again.append([record(first)]);
  await again.close();
  const file = readFileSync(path);
  expect([...decodeLinearHeader(file, file.length).keys()]).toEqual([0]);
  expect(readdirSync(folder)).toEqual(["tpm.linear"]);
});

test("only the owner may read what is stored, unless told otherwise", async () => {
  await (await openLinearStore(path)).close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await (await openLinearStore(path, { exactMode: 0o666 })).close();
  expect(statSync(path).mode & 0o777).toBe(0o666);
});

test("a file has one owner at a time, and a new one when the first lets go", async () => {
  const store = await openLinearStore(path);
  await expect(openLinearStore(path)).rejects.toMatchObject({
    code: "STATE_LOCKED",
    message: `${path} is in use by another process: stop it, or choose another file`,
  });
  await (await openLinearStore(path, { unlocked: true })).close();
  await store.close();
  await (await openLinearStore(path)).close();
});

test.each<[string, () => void, string, RegExp]>([
  [
    "a file that is no store",
    () => writeFileSync(path, "something else"),
    "STATE_DAMAGED",
    /14 bytes are less than the 192/,
  ],
  ["an empty file", () => writeFileSync(path, ""), "STATE_DAMAGED", /is not a linear store .* 0 bytes/],
  ["a directory", () => mkdirSync(path), "STATE_READ", /illegal operation on a directory \(EISDIR\)/],
  [
    "a symbolic link",
    () => symlinkSync("elsewhere", path),
    "STATE_READ",
    /it is a symbolic link: name what it points to/,
  ],
  ["a character device", () => {}, "STATE_READ", /cannot use \/dev\/null: it is neither a file nor a block device/],
])("%s is refused, and stays as it is", async (what, prepare, code, message) => {
  prepare();
  const opened = openLinearStore(what === "a character device" ? "/dev/null" : path);
  await expect(opened).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  if (code === "STATE_DAMAGED") expect(readFileSync(path, "utf8")).toMatch(/^(something else)?$/);
});

test("where there is no file none is made if that is not wanted", async () => {
  await expect(openLinearStore(path, { create: false })).rejects.toMatchObject({
    code: "STATE_READ",
    message: `cannot open ${path}: no such file or directory (ENOENT)`,
  });
  await expect(openLinearStore(join(folder, "none", "here"))).rejects.toMatchObject({ code: "STATE_WRITE" });
  expect(readdirSync(folder)).toEqual([]);
});
