import { readdirSync } from "node:fs";
import { constants as os } from "node:os";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { concatBytes, fromHex, toHex } from "@vtpm/wire";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { type ControlCommandName, ioctlNumber } from "../../control/commands.ts";
import { openMemoryHost } from "../../host/memory-host.ts";
import type { TpmHost } from "../../host/tpm-host.ts";
import { Poller } from "../../native/poller.ts";
import { NodePlatform } from "../../platform/node-platform.ts";
import { controlOf } from "../../server/endpoints.ts";
import {
  createPrimaryRsa,
  defineIndex,
  extendPcr16,
  getRandom,
  responseCode,
  startup,
} from "../../testing/commands.ts";
import { FuseKernel } from "../../testing/fuse-kernel.ts";
import { HeldJobs } from "../../testing/held-jobs.ts";
import { MessageDescriptor } from "../../testing/message-descriptor.ts";
import { CuseDevice } from "./cuse-device.ts";
import { FUSE, IN_HEADER, IOCTL_IN, IOCTL_OUT, TRANSFER_IN } from "./fuse-message.ts";

/** How many programs use a device one after the other. */
const PROGRAMS = 400;

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const O_NONBLOCK = 0o4000;
const READABLE = 0x41;
const WRITABLE = 0x104;

const built = inject("builtProgram");
let poller: Poller;
beforeAll(async () => {
  poller = new Poller({ worker: pathToFileURL(built.pollWorker) });
});
afterAll(async () => {
  await poller.close();
});

let descriptor: MessageDescriptor;
let kernel: FuseKernel;
let jobs: HeldJobs;
let host: TpmHost;
let device: CuseDevice;
let events: string[];
let ended: Promise<void>;
beforeEach(async () => {
  descriptor = new MessageDescriptor(poller);
  kernel = new FuseKernel(descriptor);
  jobs = new HeldJobs();
  host = await openMemoryHost(jobs);
  events = [];
  ended = new Promise((resolve) => {
    device = new CuseDevice({
      name: "vtpm-test",
      major: 240,
      minor: 7,
      fd: descriptor.fd,
      control: controlOf({ host, platform: new NodePlatform(), endProcess: () => events.push("end of the process") }),
      poller,
      onReady: () => events.push("ready"),
      onEnd: resolve,
    });
  });
});
afterEach(() => {
  device.close();
  descriptor.close();
});

/** A program opens the device; the TPM is started. */
async function opened(): Promise<void> {
  await kernel.init();
  await host.init();
  await host.execute(startup(0));
  expect(await kernel.open()).toBe(0);
}

async function exchange(command: Uint8Array): Promise<Uint8Array> {
  expect((await kernel.write(command)).error).toBe(0);
  return (await kernel.read().reply).body;
}

/** An ioctl by name; its structure without what is zero at the end of it. */
async function ptm(name: ControlCommandName, structure = ""): Promise<string> {
  const { error, body } = await kernel.ioctl(ioctlNumber(name), fromHex(structure));
  return error === 0 ? toHex(body).replace(/(00)+$/, "") : `errno${-error}`;
}

describe("the beginning", () => {
  test("the kernel is told the name, the number and the size of transfers", async () => {
    const { error, body } = await kernel.init();
    expect(error).toBe(0);
    // version 7.31, no flags, 16 KiB each way, 240:7, ten words for later
    expect(toHex(body.slice(0, 72))).toBe(
      `07000000 1f000000 00000000 00000000 00400000 00400000 f0000000 07000000 ${"00".repeat(40)}`.replaceAll(" ", ""),
    );
    expect(new TextDecoder().decode(body.slice(72))).toBe("DEVNAME=vtpm-test\0");
    await kernel.open();
    expect(events).toEqual(["ready"]);
  });

  test("an older kernel is answered in its own version", async () => {
    expect(toHex((await kernel.init(7, 12)).body.slice(4, 8))).toBe("0c000000");
  });

  test.each([
    [8, 1],
    [6, 40],
    [7, 10],
  ])("a kernel of version %i.%i is refused", async (major, minor) => {
    expect((await kernel.init(major, minor)).error).toBe(-os.errno.EPROTO);
    expect(events).toEqual([]);
  });

  test("the end of the descriptor before there is a device is reported", async () => {
    descriptor.close();
    await ended;
    expect(events).toEqual([]);
  });
});

describe("files", () => {
  test("one program at a time", async () => {
    await opened();
    expect(await kernel.open()).toBe(-os.errno.EBUSY);
    expect(await kernel.release()).toBe(0);
    expect(await kernel.open()).toBe(0);
  });

  test("a response is read in pieces, and once", async () => {
    await opened();
    expect((await kernel.write(getRandom(8))).body).toEqual(fromHex("0c000000 00000000"));
    const first = (await kernel.read(10).reply).body;
    expect(toHex(first)).toBe("80010000001400000000");
    expect((await kernel.read(4096).reply).body.length).toBe(10);
    expect((await kernel.read(4096).reply).body.length).toBe(0);
  });

  test("a response that nobody has read gives way to the next", async () => {
    await opened();
    await kernel.write(getRandom(8));
    expect((await exchange(getRandom(4))).length).toBe(16);
  });

  test("reading waits for the response, but not for ever if that is asked for", async () => {
    await opened();
    await kernel.write(createPrimaryRsa(2048));
    await jobs.arrival();
    expect((await kernel.read(4096, O_NONBLOCK).reply).error).toBe(-os.errno.EAGAIN);
    const { reply } = kernel.read();
    jobs.finish();
    expect(responseCode((await reply).body)).toBe(0);
  });

  test("a read that is interrupted leaves the response to the next", async () => {
    await opened();
    await kernel.write(createPrimaryRsa(2048));
    const waiting = kernel.read();
    kernel.interrupt(waiting.unique);
    expect((await waiting.reply).error).toBe(-os.errno.EINTR);
    jobs.finish();
    expect(responseCode((await kernel.read().reply).body)).toBe(0);
    kernel.interrupt(waiting.unique); // answered long ago
    expect(await kernel.poll()).toBe(WRITABLE);
  });

  test("a second command has to wait for the first", async () => {
    await opened();
    await kernel.write(createPrimaryRsa(2048));
    expect((await kernel.write(getRandom(8))).error).toBe(-os.errno.EBUSY);
    jobs.finish();
    expect(responseCode((await kernel.read().reply).body)).toBe(0);
    expect((await exchange(getRandom(8))).length).toBe(20);
  });

  test("who polls is told when there is a response", async () => {
    await opened();
    expect(await kernel.poll()).toBe(WRITABLE);
    await kernel.write(createPrimaryRsa(2048));
    const wakeup = kernel.wakeup();
    expect(await kernel.poll(42n)).toBe(WRITABLE);
    jobs.finish();
    expect(await wakeup).toBe(42n);
    expect(await kernel.poll()).toBe(WRITABLE | READABLE);
    await kernel.read().reply;
    expect(await kernel.poll()).toBe(WRITABLE);
  });

  test("programs that come and go leave nothing behind", async () => {
    await kernel.init();
    await host.init();
    await host.execute(startup(0));
    const comeAndGo = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n++) {
        await kernel.open();
        await kernel.poll(BigInt(n));
        await kernel.write(getRandom(8));
        await kernel.release();
      }
    };
    const used = (): { readonly heap: number; readonly descriptors: number } => {
      collectGarbage();
      return { heap: process.memoryUsage().heapUsed, descriptors: readdirSync("/proc/self/fd").length };
    };
    await comeAndGo(100);
    const before = used();
    await comeAndGo(PROGRAMS);
    const after = used();
    expect(after.descriptors).toBe(before.descriptors);
    // One of the things that are made for each of them takes more.
    expect(after.heap - before.heap).toBeLessThan(1000 * PROGRAMS);
  });

  test("a program that is gone leaves its command, and the next one does not see the response", async () => {
    await opened();
    await kernel.write(createPrimaryRsa(2048));
    await kernel.release();
    await kernel.open();
    expect((await kernel.read().reply).body.length).toBe(0);
    await kernel.write(getRandom(8)); // waits behind the other in the TPM
    const { reply } = kernel.read();
    jobs.finish();
    expect((await reply).body.length).toBe(20);
  });

  test("a command without power is answered", async () => {
    await kernel.init();
    await kernel.open();
    expect(responseCode(await exchange(getRandom(8)))).toBe(0x101);
  });

  test("closing drops the response to come", async () => {
    await opened();
    await kernel.write(createPrimaryRsa(2048));
    device.close();
    device.close();
    jobs.finish();
    expect(responseCode(await host.execute(getRandom(8)))).toBe(0);
  });
});

describe("ioctls", () => {
  test.each<readonly [ControlCommandName, string, string]>([
    ["GET_TPMESTABLISHED", "", ""],
    ["SET_LOCALITY", "04", ""],
    ["SET_LOCALITY", "05", "3d"],
    ["CANCEL_TPM_CMD", "", ""],
    ["HASH_START", "", ""],
    ["HASH_DATA", "02000000 abcd", ""],
    ["HASH_DATA", "01100000 abcd", "03"],
    ["HASH_DATA", "ffffffff abcd", "03"],
    ["HASH_END", "", ""],
    ["RESET_TPMESTABLISHED", "03", ""],
    ["RESET_TPMESTABLISHED", "00", "3d"],
    ["RESET_TPMESTABLISHED", "05", "3d"],
    ["GET_CONFIG", "", ""],
    ["SET_BUFFERSIZE", "", "00000000 00100000 500b0000 0010"],
    ["SET_BUFFERSIZE", "000c0000", "0a"],
    ["INIT", "00000000", ""],
    ["STOP", "", ""],
    ["SET_DATAFD", "", `errno${os.errno.EINVAL}`],
  ])("%s %s gives %s", async (name, structure, result) => {
    await opened();
    const given = await ptm(name, structure);
    expect(given.slice(0, Math.max(2, result.replaceAll(" ", "").length))).toBe(result.replaceAll(" ", ""));
  });

  test.each<readonly [ControlCommandName, string]>([
    ["GET_TPMESTABLISHED", ""],
    ["HASH_START", ""],
    ["HASH_DATA", "01000000 00"],
    ["HASH_END", ""],
    ["CANCEL_TPM_CMD", ""],
    ["RESET_TPMESTABLISHED", "00"],
  ])("%s needs power", async (name, structure) => {
    await kernel.init();
    await kernel.open();
    expect(await ptm(name, structure)).toBe("0a");
  });

  test("INIT powers the TPM on, STOP off; a buffer can be chosen in between", async () => {
    await kernel.init();
    await kernel.open();
    expect(await ptm("SET_BUFFERSIZE", "000c0000")).toBe("00000000000c0000500b00000010");
    expect(await ptm("INIT", "00000000")).toBe("");
    expect(host.running).toBe(true);
    expect(await ptm("STOP")).toBe("");
    expect(host.running).toBe(false);
  });

  test("the established bit is set by a measurement from locality 4", async () => {
    await opened();
    for (const name of ["HASH_START", "HASH_END"] as const) await ptm(name);
    expect(await ptm("GET_TPMESTABLISHED")).toBe("0000000001");
  });

  test("the end of the process comes after the answer", async () => {
    await opened();
    expect(await ptm("SHUTDOWN")).toBe("");
    await new Promise(setImmediate);
    expect(events).toEqual(["ready", "end of the process"]);
  });

  test("a long command is cancelled", async () => {
    await opened();
    await kernel.write(createPrimaryRsa(2048));
    const { reply } = kernel.read();
    await jobs.arrival();
    expect(await ptm("CANCEL_TPM_CMD")).toBe("");
    expect(responseCode((await reply).body)).toBe(0x909);
  });

  test("information comes in pieces", async () => {
    await opened();
    const text: Uint8Array[] = [];
    for (let offset = 0, total = 1; offset < total; ) {
      const request = new Uint8Array(16);
      new DataView(request.buffer).setBigUint64(0, 0xffn, true);
      new DataView(request.buffer).setUint32(8, offset, true);
      const { body } = await kernel.ioctl(ioctlNumber("GET_INFO"), request);
      const answer = new DataView(body.buffer, body.byteOffset);
      expect(answer.getUint32(0, true)).toBe(0);
      total = answer.getUint32(4, true);
      const length = answer.getUint32(8, true);
      text.push(body.slice(12, 12 + length));
      offset += length;
    }
    const json: unknown = JSON.parse(new TextDecoder().decode(concatBytes(...text)).replace(/\0$/, ""));
    expect(json).toMatchObject({ TPMSpecification: { family: "2.0" } });
    expect(text.length).toBeGreaterThan(1);
  });

  test.each([
    ["there is none with this number", 0x8004_50ff],
    ["the size is another", 0x8008_5002],
    ["the direction is another", 0x4004_5002],
    ["the type is another", 0x8004_5102],
  ])("refused where %s", async (_, number) => {
    await opened();
    expect((await kernel.ioctl(number)).error).toBe(-os.errno.EINVAL);
  });
});

describe("state blobs", () => {
  const PERMANENT = 1;
  const VOLATILE = 2;
  const words = (...values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

  async function getPiece(type: number, offset: number) {
    const { error, body } = await kernel.ioctl(ioctlNumber("GET_STATEBLOB"), words(1, type, offset));
    expect(error).toBe(0);
    const [result = 0, flags, total = 0, length = 0] = new Uint32Array(body.slice(0, 16).buffer);
    return { result, flags, total, data: body.slice(16, 16 + length) };
  }

  async function getBlob(type: number): Promise<Uint8Array> {
    const first = await getPiece(type, 0);
    expect(first.result).toBe(0);
    const parts = [first.data];
    for (let offset = first.data.length; offset < first.total; ) {
      const { total, data } = await getPiece(type, offset);
      expect(total).toBe(first.total);
      parts.push(data);
      offset += data.length;
    }
    return concatBytes(...parts);
  }

  async function putPiece(type: number, data: Uint8Array): Promise<number> {
    const request = concatBytes(words(0, type, data.length), data);
    const { body } = await kernel.ioctl(ioctlNumber("SET_STATEBLOB"), request);
    return new DataView(body.buffer, body.byteOffset).getUint32(0, true);
  }

  async function putBlob(type: number, blob: Uint8Array): Promise<number[]> {
    const results: number[] = [];
    for (let at = 0; ; at += 3072) {
      const part = blob.subarray(at, at + 3072);
      results.push(await putPiece(type, part));
      if (part.length < 3072) return results;
    }
  }

  /** So that one ioctl is not enough. */
  async function enlarge(): Promise<void> {
    for (const index of [0x1800001, 0x1800002, 0x1800003, 0x1800004]) {
      expect(responseCode(await exchange(defineIndex(index, 2048)))).toBe(0);
    }
  }

  const pcr16 = (): Promise<Uint8Array> => exchange(fromHex("8001000000140000017e00000001000b03000001"));

  test("permanent and volatile state go out and come back by ioctls", async () => {
    await opened();
    await enlarge();
    await exchange(extendPcr16);
    const before = await pcr16();
    const blobs = [await getBlob(PERMANENT), await getBlob(VOLATILE)] as const;
    expect(blobs[0].length).toBeGreaterThan(2 * 3072);
    await exchange(extendPcr16);
    expect(await pcr16()).not.toEqual(before);
    expect(await ptm("STOP")).toBe("");
    expect(await putBlob(PERMANENT, blobs[0])).toEqual(expect.arrayContaining([0]));
    expect(new Set(await putBlob(VOLATILE, blobs[1]))).toEqual(new Set([0]));
    expect(await ptm("INIT", "01")).toBe("");
    expect((await pcr16()).slice(-32)).toEqual(before.slice(-32));
  });

  test("the rest of a blob can be read, and a blob be written", async () => {
    await opened();
    await enlarge();
    const whole = await getBlob(PERMANENT);
    const { total, data } = await getPiece(PERMANENT, 0);
    expect(await kernel.poll()).toBe(WRITABLE | READABLE);
    const parts: Uint8Array[] = [data];
    for (let size = data.length; size < total; size += parts.at(-1)?.length ?? 0) {
      parts.push((await kernel.read(1000).reply).body);
    }
    expect(concatBytes(...parts).length).toBe(whole.length);
    expect((await kernel.read().reply).body.length).toBe(0);
    await ptm("STOP");
    expect(await putPiece(PERMANENT, new Uint8Array(0))).toBe(0);
    expect((await kernel.read().reply).error).toBe(-os.errno.EIO);
    for (let at = 0; at < whole.length; at += 1000) {
      expect((await kernel.write(whole.slice(at, at + 1000))).error).toBe(0);
    }
    expect(await putPiece(PERMANENT, new Uint8Array(0))).toBe(0);
    expect(await ptm("INIT")).toBe("");
    expect(responseCode(await exchange(startup(0)))).toBe(0);
  });

  test("what cannot be", async () => {
    await opened();
    expect(await putPiece(PERMANENT, new Uint8Array(8))).toBe(0x0a); // running
    expect((await getPiece(7, 0)).result).toBe(9);
    expect((await getPiece(PERMANENT, 0xffff_fff0)).data.length).toBe(0);
    await ptm("STOP");
    expect((await getPiece(PERMANENT, 0)).result).toBe(0x0a);
    expect(await putPiece(PERMANENT, new Uint8Array(8))).not.toBe(0); // no blob
    const { body } = await kernel.ioctl(ioctlNumber("SET_STATEBLOB"), words(0, PERMANENT, 3073));
    expect(body[0]).toBe(3);
    await putPiece(PERMANENT, new Uint8Array(0));
    for (let size = 0; size < 0x80000; size += 16384) {
      expect((await kernel.write(new Uint8Array(16384))).error).toBe(0);
    }
    expect((await kernel.write(new Uint8Array(1))).error).toBe(-os.errno.EFBIG);
    expect(await ptm("INIT")).toBe("");
    expect(responseCode(await exchange(startup(0)))).toBe(0);
  });
});

describe("what no kernel sends", () => {
  test.each(Object.entries(FUSE).filter(([name]) => name !== "INTERRUPT"))(
    "%s without its structure",
    async (_, opcode) => {
      await opened();
      const { error } = await kernel.send(opcode).reply;
      expect([0, -os.errno.EINVAL, -os.errno.EBUSY]).toContain(error);
      if (opcode === FUSE.RELEASE) await kernel.open();
      expect((await exchange(getRandom(8))).length).toBe(20);
    },
  );

  test("an operation on a file that is not open", async () => {
    await kernel.init();
    expect((await kernel.write(getRandom(8))).error).toBe(-os.errno.EBADF);
    expect((await kernel.read().reply).error).toBe(-os.errno.EBADF);
  });

  test("less written than announced, an ioctl with less than its structure", async () => {
    await opened();
    const short = new Uint8Array(44);
    new DataView(short.buffer).setUint32(16, 100, true);
    expect((await kernel.send(FUSE.WRITE, short).reply).error).toBe(-os.errno.EINVAL);
    const init = new Uint8Array(32);
    new DataView(init.buffer).setUint32(12, ioctlNumber("INIT"), true);
    expect((await kernel.send(FUSE.IOCTL, init).reply).error).toBe(-os.errno.EINVAL);
  });

  test.each([
    ["less than it has", (len: number) => len - 1],
    ["more than it has", (len: number) => len + 1],
    ["nothing", () => 0],
    ["less than its header", () => 39],
    ["more than there is in the world", () => 0xffff_ffff],
  ])("a header that announces %s: what is behind it is not looked at", async (_, forge) => {
    await opened();
    const command = getRandom(8);
    const body = concatBytes(TRANSFER_IN.encode({ fh: 1n, size: command.length }), command);
    const fields = { opcode: FUSE.WRITE, unique: 1000n, nodeid: 1n, pid: 1000 };
    descriptor.send(concatBytes(IN_HEADER.encode({ ...fields, len: forge(IN_HEADER.size + body.length) }), body));
    expect((await kernel.read().reply).body.length).toBe(0);
    expect((await exchange(getRandom(4))).length).toBe(16);
  });

  test.each([1n, 0xffff_ffff_ffff_fffen, 0xffff_ffff_ffff_ffffn])(
    "a request with the number %i is answered by it",
    async (unique) => {
      await opened();
      expect((await kernel.send(FUSE.FSYNC, new Uint8Array(16), unique).reply).error).toBe(0);
    },
  );

  test("a number that is in use, and an interruption of what is not there", async () => {
    await opened();
    kernel.interrupt(0x1234n);
    kernel.interrupt(0n);
    await kernel.write(createPrimaryRsa(2048));
    const waiting = kernel.read();
    const twin = kernel.send(FUSE.READ, TRANSFER_IN.encode({ fh: 1n, size: 4096, flags: O_NONBLOCK }), waiting.unique);
    expect((await twin.reply).error).toBe(-os.errno.EAGAIN);
    kernel.interrupt(waiting.unique);
    expect(await kernel.poll()).toBe(WRITABLE); // and the interruption was taken
    jobs.finish();
    expect(responseCode((await kernel.read().reply).body)).toBe(0);
  });

  test("every operation that a device does not have", async () => {
    await opened();
    const known: readonly number[] = Object.values(FUSE);
    for (const opcode of [...Array(64).keys(), 4095, 4097, 0xffff_ffff].filter((code) => !known.includes(code))) {
      expect((await kernel.send(opcode, new Uint8Array(64)).reply).error, String(opcode)).toBe(-os.errno.ENOSYS);
    }
    expect((await exchange(getRandom(8))).length).toBe(20);
  });

  test.each([
    ["more than it brings", 4096, 4],
    ["room for nothing", 4, 0],
    ["room for everything", 4, 0xffff_ffff],
  ])("an ioctl that announces %s is answered with its structure or less", async (_, inSize, outSize) => {
    await opened();
    const head = IOCTL_IN.encode({ fh: 1n, cmd: ioctlNumber("INIT"), inSize, outSize });
    const { error, body } = await kernel.send(FUSE.IOCTL, concatBytes(head, new Uint8Array(4))).reply;
    expect(error).toBe(0);
    expect(body.length).toBe(IOCTL_OUT.size + Math.min(outSize, 4));
  });

  test("any bytes behind a header, and any header", async () => {
    await opened();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.values(FUSE).filter((code) => code !== FUSE.INTERRUPT), 0, 77),
        fc.uint8Array({ maxLength: 200 }),
        fc.uint8Array({ minLength: 1, maxLength: 100 }),
        async (opcode, body, noise) => {
          descriptor.send(noise);
          const answered = await Promise.race([
            kernel.send(opcode, body).reply,
            new Promise((resolve) => setTimeout(() => resolve("no answer"), 20_000).unref()),
          ]);
          expect(answered).not.toBe("no answer");
        },
      ),
      { numRuns: 200 },
    );
    await kernel.release();
    await kernel.open();
    await host.init();
    expect(responseCode(await exchange(startup(0)))).toBe(0);
  });
});
