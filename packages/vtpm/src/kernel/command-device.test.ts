import { pathToFileURL } from "node:url";
import { TPM_RC } from "@vtpm/tpm2";
import { concatBytes, fromHex } from "@vtpm/wire";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { openMemoryHost } from "../host/memory-host.ts";
import type { TpmHost } from "../host/tpm-host.ts";
import { Poller } from "../native/poller.ts";
import { CommandPort } from "../server/command-port.ts";
import { createPrimaryRsa, extendPcr17, getRandom, responseCode, startup } from "../testing/commands.ts";
import { HeldJobs } from "../testing/held-jobs.ts";
import { MessageDescriptor } from "../testing/message-descriptor.ts";
import { CommandDevice } from "./command-device.ts";

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

test("several devices are served by one poller, each with a TPM of its own", async () => {
  const kernels = [1, 2, 3].map(() => new MessageDescriptor(poller));
  const hosts = await Promise.all(kernels.map(() => openMemoryHost(jobs)));
  await Promise.all(hosts.map((each) => each.init()));
  const devices = kernels.map((each, i) => serve(each, () => {}, hosts[i]));
  const first = kernels[0];
  expect(await first?.exchange(startup(0))).toEqual(SUCCESS);
  const codes = await Promise.all(kernels.map(async (each) => responseCode(await each.exchange(getRandom(8)))));
  expect(codes).toEqual([0, 0x100, 0x100]);
  for (const each of devices) each.close();
  for (const each of kernels) each.close();
});
