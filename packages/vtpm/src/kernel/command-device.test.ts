import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { TPM_RC } from "@vtpm/tpm2";
import { concatBytes, fromHex } from "@vtpm/wire";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from "vitest";
import { openMemoryHost } from "../host/memory-host.ts";
import { openHost } from "../host/open-host.ts";
import type { TpmHost } from "../host/tpm-host.ts";
import { createPipe } from "../native/descriptor.ts";
import { libcFunction } from "../native/libc.ts";
import { Poller } from "../native/poller.ts";
import { NodePlatform } from "../platform/node-platform.ts";
import { CommandPort } from "../server/command-port.ts";
import { MemoryStore } from "../store/memory-store.ts";
import type { StoreRecord } from "../store/store.ts";
import { StoreOwner } from "../store/store-owner.ts";
import {
  createPrimaryRsa,
  defineCounter,
  extendPcr16,
  extendPcr17,
  getRandom,
  responseCode,
  startup,
} from "../testing/commands.ts";
import { HeldJobs } from "../testing/held-jobs.ts";
import { MessageDescriptor } from "../testing/message-descriptor.ts";
import { socketPair } from "../testing/socket-pair.ts";
import { CommandDevice } from "./command-device.ts";

const dup = libcFunction("int dup(int fd)");

/** A store that may have no room. */
class FullStore extends MemoryStore {
  full = false;

  override async append(records: readonly StoreRecord[]): Promise<void> {
    if (this.full) throw new Error("no space left on device (ENOSPC)");
    await super.append(records);
  }
}

const built = inject("builtProgram");
let poller: Poller;
beforeAll(async () => {
  poller = new Poller({ worker: pathToFileURL(built.pollWorker) });
});
afterAll(async () => {
  await poller.close();
});

let kernel: MessageDescriptor;
let jobs: HeldJobs;
let host: TpmHost;
let device: CommandDevice;
let hungUp: Promise<void>;
beforeEach(async () => {
  kernel = new MessageDescriptor(poller);
  jobs = new HeldJobs();
  host = await openMemoryHost(jobs);
  await host.init();
  hungUp = new Promise((resolve) => {
    device = serve(kernel, resolve);
  });
});
afterEach(() => {
  device.close();
  kernel.close();
});

function serve({ fd }: MessageDescriptor, onHangUp: () => void, tpm = host): CommandDevice {
  return new CommandDevice({ fd, port: new CommandPort(tpm, { allowSetLocality: true }), poller, onHangUp });
}

const SUCCESS = fromHex("80010000000a00000000");

test("what the driver of the vTPM proxy says first is answered", async () => {
  expect(await kernel.exchange(fromHex("8002 0000000b 20001000 00"))).toEqual(SUCCESS);
  expect(await kernel.exchange(fromHex("8001 0000000b 00000143 00"))).toEqual(fromHex("80010000000a00000100"));
  expect(await kernel.exchange(startup(0))).toEqual(SUCCESS);
  expect(await kernel.exchange(fromHex("8001 0000000b 00000143 00"))).toEqual(SUCCESS);
  expect((await kernel.exchange(getRandom(32))).length).toBe(44);
});

test.each([
  ["less than a header", "80", 0x9a],
  ["another size than it has", "8001 0000000b 00000144 0000", 0x142],
  ["a size beyond all bounds", "8001 ffffffff 00000144 0000", 0x142],
  ["an unknown tag", "1234 0000000c 00000144 0000", 0x84],
  ["the largest message of zeros", "00".repeat(4096), 0x84],
])("a message with %s is answered, and so is the next", async (_, hex, code) => {
  expect(responseCode(await kernel.exchange(fromHex(hex)))).toBe(code);
  expect(await kernel.exchange(startup(0))).toEqual(SUCCESS);
});

test("any message gets a response of the size that it says, and the next one is served", async () => {
  await kernel.exchange(startup(0));
  const command = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 200 }),
    // What the driver would say, with anything behind it.
    fc.uint8Array({ maxLength: 20 }).map((rest) => concatBytes(fromHex("8002 0000000b 20001000"), rest)),
    fc.uint8Array({ maxLength: 20 }).map((rest) => concatBytes(fromHex("00c1 ffffffff 20001000"), rest)),
  );
  await fc.assert(
    fc.asyncProperty(command, async (bytes) => {
      const response = await kernel.exchange(bytes);
      expect(new DataView(response.buffer).getUint32(2)).toBe(response.length);
      expect((await kernel.exchange(getRandom(8))).length).toBe(20);
    }),
    { numRuns: 300 },
  );
});

test("the driver's locality holds for what comes next", async () => {
  await kernel.exchange(startup(0));
  expect(responseCode(await kernel.exchange(extendPcr17))).toBe(TPM_RC.LOCALITY);
  expect(await kernel.exchange(fromHex("8002 0000000b 20001000 02"))).toEqual(SUCCESS);
  expect(responseCode(await kernel.exchange(fromHex("8002 0000000b 20001000 05")))).toBe(0x107);
  expect(responseCode(await kernel.exchange(extendPcr17))).toBe(0);
});

test("commands that come meanwhile wait for their turn", async () => {
  await kernel.exchange(startup(0));
  kernel.send(createPrimaryRsa(2048));
  kernel.send(getRandom(8));
  await jobs.arrival();
  jobs.finish();
  expect((await kernel.receive()).length).toBeGreaterThan(300);
  expect((await kernel.receive()).length).toBe(20);
});

test("closing removes the device at once, whatever is in hand", async () => {
  await kernel.exchange(startup(0));
  kernel.send(createPrimaryRsa(2048));
  await jobs.arrival();
  device.close();
  device.close();
  expect(await kernel.receive()).toEqual(fromHex(""));
  jobs.finish();
  expect(responseCode(await host.execute(getRandom(8)))).toBe(0); // the response found nobody, and that was all
});

test("it is told when the other side ends", async () => {
  await kernel.exchange(startup(0));
  kernel.close();
  await hungUp;
});

test("it is told when the other side ends while a command is in hand", async () => {
  await kernel.exchange(startup(0));
  kernel.send(createPrimaryRsa(2048));
  await jobs.arrival();
  kernel.close();
  jobs.finish();
  await hungUp;
});

test("a descriptor in error ends its device", async () => {
  const { read, write } = createPipe();
  const told = new Promise<void>((resolve) => {
    const broken = new CommandDevice({
      fd: write,
      port: new CommandPort(host),
      poller,
      onHangUp: () => {
        broken.close();
        resolve();
      },
    });
  });
  closeSync(read);
  await told;
  expect(() => fstatSync(write)).toThrow(expect.objectContaining({ code: "EBADF" }));
});

test("a command that somebody else has read is no end", async () => {
  // Both are told of the command, one gets it.
  const { ours, theirs } = socketPair("seqpacket");
  const another = dup(theirs);
  const hangUps: number[] = [];
  const devices = [theirs, another].map(
    (fd, i) => new CommandDevice({ fd, port: new CommandPort(host), poller, onHangUp: () => hangUps.push(i) }),
  );
  const answers = new Promise<void>((resolve) => {
    let count = 0;
    const watch = poller.watch(ours, () => {
      readSync(ours, new Uint8Array(4096));
      if (++count < 20) {
        writeSync(ours, getRandom(8));
        watch.rearm();
      } else {
        watch.stop();
        resolve();
      }
    });
  });
  writeSync(ours, startup(0));
  await answers;
  expect(hangUps).toEqual([]);
  for (const each of devices) each.close();
  closeSync(ours);
});

test("where nothing can be waited for, the descriptor is not left open", async () => {
  const ended = new Poller({ worker: pathToFileURL(built.pollWorker) });
  await ended.close();
  const other = new MessageDescriptor(poller);
  expect(() => new CommandDevice({ fd: other.fd, port: new CommandPort(host), poller: ended })).toThrow();
  expect(() => fstatSync(other.fd)).toThrow(expect.objectContaining({ code: "EBADF" }));
  other.close();
});

describe("several devices of one process", () => {
  let kernels: MessageDescriptor[];
  let held: HeldJobs[];
  let stores: FullStore[];
  let hosts: TpmHost[];
  let devices: CommandDevice[];
  /** Numbers of the devices that the kernel has ended. */
  let gone: number[];
  beforeEach(async () => {
    kernels = [0, 1, 2].map(() => new MessageDescriptor(poller));
    held = kernels.map(() => new HeldJobs());
    stores = kernels.map(() => new FullStore());
    hosts = await Promise.all(
      kernels.map((_, i) => {
        const owner = new StoreOwner(async () => stores[i] ?? new MemoryStore());
        return openHost({ name: "tpm", owner, platform: new NodePlatform(), jobs: held[i] ?? jobs });
      }),
    );
    for (const each of hosts) await each.init();
    gone = [];
    devices = kernels.map((each, i) =>
      serve(
        each,
        () => {
          gone.push(i);
          devices[i]?.close();
        },
        hosts[i],
      ),
    );
    for (const each of kernels) expect(await each.exchange(startup(0))).toEqual(SUCCESS);
  });
  afterEach(() => {
    for (const each of devices) each.close();
    for (const each of kernels) each.close();
  });

  const codes = (command: Uint8Array, of = [0, 1, 2]): Promise<(number | undefined)[]> =>
    Promise.all(
      of.map(async (i) => {
        const response = await kernels[i]?.exchange(command);
        return response === undefined ? undefined : responseCode(response);
      }),
    );

  test("have a TPM each", async () => {
    expect(await codes(extendPcr16)).toEqual([0, 0, 0]);
    expect(await kernels[0]?.exchange(startup(0))).toEqual(fromHex("80010000000a00000100"));
  });

  test("go on when the kernel gives one of them up, with a command in hand and without", async () => {
    kernels[0]?.close();
    await vi.waitFor(() => expect(gone).toEqual([0]));
    expect(await codes(getRandom(8), [1, 2])).toEqual([0, 0]);
    kernels[1]?.send(createPrimaryRsa(2048));
    await held[1]?.arrival();
    kernels[1]?.close();
    expect(await codes(getRandom(8), [2])).toEqual([0]);
    held[1]?.finish();
    await vi.waitFor(() => expect(gone).toEqual([0, 1]));
    expect(await codes(getRandom(8), [2])).toEqual([0]);
  });

  test("go on while one has a long command, and what is not read from it does not matter", async () => {
    kernels[0]?.send(createPrimaryRsa(2048));
    await held[0]?.arrival();
    for (let n = 0; n < 50; n++) kernels[0]?.send(getRandom(8)); // a client that waits for nothing
    for (let n = 0; n < 50; n++) expect(await codes(getRandom(8), [1, 2])).toEqual([0, 0]);
    held[0]?.finish();
    expect((await kernels[0]?.receive())?.length).toBeGreaterThan(300);
  });

  test("go on when one TPM fails", async () => {
    await hosts[1]?.fail();
    expect(await codes(getRandom(8))).toEqual([0, TPM_RC.FAILURE, 0]);
    expect(await codes(getRandom(8))).toEqual([0, TPM_RC.FAILURE, 0]);
    expect(gone).toEqual([]);
  });

  test("go on when there is no room for what one has to store, and so does that one when there is", async () => {
    for (const store of stores.slice(2)) store.full = true;
    expect(await codes(defineCounter(0x01800001))).toEqual([0, 0, TPM_RC.NV_UNAVAILABLE]);
    expect(await codes(getRandom(8))).toEqual([0, 0, 0]);
    for (const store of stores) store.full = false;
    expect(await codes(defineCounter(0x01800002))).toEqual([0, 0, 0]);
  });
});
