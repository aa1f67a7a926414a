import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fromHex } from "@vtpm/wire";
import { build } from "rolldown";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { socketPair } from "../testing/socket-pair.ts";
import { closeOnExec, createPipe, ioctl } from "./descriptor.ts";
import { hostStruct } from "./host-struct.ts";
import { libcFunction } from "./libc.ts";
import { mapMemory } from "./mapped-memory.ts";
import { receiveMessage, sendMessage } from "./socket-message.ts";

/** How many bytes can be read at once. */
const FIONREAD = 0x541b;

let directory: string;
let opened: number[] = [];
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "vtpm-native-"));
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => {
  for (const fd of opened) closeSync(fd);
  opened = [];
});

function mine<T extends Record<string, number>>(descriptors: T): T {
  opened.push(...Object.values(descriptors));
  return descriptors;
}

function isInherited(fd: number): boolean {
  const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1] ?? "";
  return (Number.parseInt(flags, 8) & 0o2000000) === 0;
}

test("ioctl fills in a structure", () => {
  const { read, write } = mine(createPipe());
  writeSync(write, "seven b");
  const count = hostStruct({ count: "u32" });
  const bytes = count.encode({});
  expect(ioctl(read, FIONREAD, bytes)).toBe(0);
  expect(count.decode(bytes)).toEqual({ count: 7 });
});

test("a call that fails throws what node:fs throws", () => {
  const { read } = mine(createPipe());
  expect(() => ioctl(read, 0x1234_5678, new Uint8Array(4))).toThrow(
    expect.objectContaining({
      code: "ENOTTY",
      syscall: "ioctl",
      message: "ENOTTY: inappropriate ioctl for device, ioctl",
    }),
  );
  expect(() => closeOnExec(999_999)).toThrow(expect.objectContaining({ code: "EBADF", syscall: "fcntl" }));
});

test("a function that takes a string gets it", () => {
  const access = libcFunction("int access(const char *path, int mode)");
  expect(access(directory, 0)).toBe(0);
  expect(() => access(`${directory}/none`, 0)).toThrow(expect.objectContaining({ code: "ENOENT" }));
});

test("pipes are not inherited and do not block", () => {
  const { read, write } = mine(createPipe());
  expect([isInherited(read), isInherited(write)]).toEqual([false, false]);
  expect(() => readSync(read, new Uint8Array(1))).toThrow(expect.objectContaining({ code: "EAGAIN" }));
});

test("a descriptor is no longer inherited", () => {
  const dup = libcFunction("int dup(int fd)");
  const { read } = mine(createPipe());
  const { copy } = mine({ copy: dup(read) });
  expect(isInherited(copy)).toBe(true);
  closeOnExec(copy);
  expect(isInherited(copy)).toBe(false);
});

test("mapped memory is the file's", () => {
  const path = join(directory, "mapped");
  writeFileSync(path, new Uint8Array(8192).fill(1, 4096));
  const { file } = mine({ file: openSync(path, "r+") });
  const memory = mapMemory(file, 4096, 4096);
  expect(memory.bytes.length).toBe(4096);
  expect(memory.bytes.every((byte) => byte === 1)).toBe(true);
  memory.bytes.set([2, 3], 4094);
  memory.unmap();
  expect([...readFileSync(path).subarray(8188)]).toEqual([1, 1, 2, 3]);
  expect(() => mapMemory(file, 1, 4096)).toThrow(expect.objectContaining({ code: "EINVAL", syscall: "mmap" }));
});

test("descriptors travel with a message", () => {
  const { ours, theirs } = mine(socketPair("stream"));
  const { read, write } = mine(createPipe());
  expect(sendMessage(theirs, fromHex("00000010"), [read, write])).toBe(4);
  const message = receiveMessage(ours, 100);
  const received = mine(Object.fromEntries(message.descriptors.map((fd, i) => [i, fd])));
  expect(message).toEqual({ data: fromHex("00000010"), descriptors: Object.values(received), descriptorsLost: false });
  const [theirRead = -1, theirWrite = -1] = message.descriptors;
  expect([isInherited(theirRead), isInherited(theirWrite)]).toEqual([false, false]);
  writeSync(theirWrite, "through");
  const text = new Uint8Array(10);
  expect(readSync(read, text)).toBe(7);
});

test("a message without descriptors, one that is longer than asked for, and the end", () => {
  const { ours, theirs } = socketPair("stream");
  expect(() => receiveMessage(ours, 10)).toThrow(expect.objectContaining({ code: "EAGAIN" }));
  expect(sendMessage(theirs, fromHex("010203"), [])).toBe(3);
  const nothing = { descriptors: [], descriptorsLost: false };
  expect(receiveMessage(ours, 2)).toEqual({ data: fromHex("0102"), ...nothing });
  expect(receiveMessage(ours, 2)).toEqual({ data: fromHex("03"), ...nothing });
  closeSync(theirs);
  expect(receiveMessage(ours, 2)).toEqual({ data: fromHex(""), ...nothing });
  closeSync(ours);
});

test("descriptors that find no room are reported as lost, and closed", () => {
  const { ours, theirs } = mine(socketPair("stream"));
  const { read, write } = createPipe();
  sendMessage(
    theirs,
    fromHex("00"),
    Array.from({ length: 20 }, () => write),
  );
  const message = receiveMessage(ours, 10);
  expect(message.descriptorsLost).toBe(true);
  expect(message.descriptors.length).toBe(16);
  for (const fd of [...message.descriptors, write]) closeSync(fd);
  expect(readSync(read, new Uint8Array(1))).toBe(0); // the end: nobody holds the other side any more
  closeSync(read);
});

test("where koffi is not installed, the error says what to install", async () => {
  const file = join(directory, "libc.mjs");
  await build({
    input: new URL("./libc.ts", import.meta.url).pathname,
    platform: "node",
    logLevel: "warn",
    output: { file, format: "es" },
  });
  const alone: { libcFunction: typeof libcFunction } = await import(pathToFileURL(file).href);
  const getpid = alone.libcFunction("int getpid(void)");
  expect(() => getpid()).toThrow(
    expect.objectContaining({
      name: "NativeError",
      code: "NATIVE_MISSING",
      message: expect.stringContaining("npm install koffi"),
    }),
  );
});
