import { TPM_RC } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import { expect, test } from "vitest";
import { NodePlatform } from "../platform/node-platform.ts";
import { GroupCommit } from "../store/group-commit.ts";
import { MemoryStore } from "../store/memory-store.ts";
import type { StoreRecord } from "../store/store.ts";
import {
  counterValue,
  createPrimaryRsa,
  defineCounter,
  extendPcr17,
  getRandom,
  increment,
  readCounter,
  readPcr17,
  responseCode,
  shutdown,
  startup,
} from "../testing/commands.ts";
import { HeldJobs } from "../testing/held-jobs.ts";
import { openHost } from "./open-host.ts";
import type { TpmHost } from "./tpm-host.ts";
import { TPM_SU } from "./tpm2-messages.ts";

const INDEX = 0x01800001;
const NOT_STARTED = TPM_RC.INITIALIZE;

/** A memory store that counts, and that a test may hold up or let fail. */
class TestStore extends MemoryStore {
  appends = 0;
  failing = false;
  gate: Promise<void> | undefined;

  override async append(records: readonly StoreRecord[]): Promise<void> {
    this.appends++;
    await this.gate;
    if (this.failing) throw new Error("no space left on device (ENOSPC)");
    await super.append(records);
  }
}

interface Bench {
  readonly store: TestStore;
  readonly jobs: HeldJobs;
  readonly host: TpmHost;
  readonly faults: unknown[];
}

async function bench(store = new TestStore()): Promise<Bench> {
  const jobs = new HeldJobs();
  const faults: unknown[] = [];
  const host = await openHost({
    name: "tpm",
    commits: new GroupCommit(store),
    platform: new NodePlatform(),
    jobs,
    onFault: (error) => faults.push(error),
  });
  return { store, jobs, host, faults };
}

async function running(store = new TestStore()): Promise<Bench> {
  const all = await bench(store);
  await all.host.init();
  expect(await all.host.startup(TPM_SU.CLEAR)).toBe(0);
  return all;
}

const codeOf = async (host: TpmHost, command: Bytes): Promise<number> => responseCode(await host.execute(command));
const counterOf = async (host: TpmHost): Promise<number> => counterValue(await host.execute(readCounter(INDEX)));

test("without power every command is answered with TPM_RC_FAILURE", async () => {
  const { host } = await bench();
  expect(host.running).toBe(false);
  expect(await codeOf(host, startup(0))).toBe(TPM_RC.FAILURE);
  await host.init();
  expect(await codeOf(host, startup(0))).toBe(0);
  await host.stop();
  expect(await codeOf(host, getRandom(8))).toBe(TPM_RC.FAILURE);
});

test("a command that changes nothing durable is answered in the same call and writes nothing", async () => {
  const { host, store } = await running();
  const before = store.appends;
  let answered: Bytes | undefined;
  host.submit(getRandom(8), (response) => {
    answered = response;
  });
  expect(answered).toHaveLength(20);
  expect(store.appends).toBe(before);
});

test("a response is given only after what it depends on is durable", async () => {
  const { host, store } = await running();
  let open = (): void => {};
  store.gate = new Promise((resolve) => {
    open = resolve;
  });
  const order: string[] = [];
  const answered = host.execute(defineCounter(INDEX)).then((response) => {
    order.push("answered");
    return responseCode(response);
  });
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  order.push("durable");
  open();
  expect(await answered).toBe(0);
  expect(order).toEqual(["durable", "answered"]);
});

test("a command whose change cannot be stored changes nothing, and later ones succeed", async () => {
  const { host, store, faults } = await running();
  expect(await codeOf(host, defineCounter(INDEX))).toBe(0);
  expect(await codeOf(host, increment(INDEX))).toBe(0);
  const value = await counterOf(host);
  store.failing = true;
  expect(await codeOf(host, increment(INDEX))).toBe(TPM_RC.NV_UNAVAILABLE);
  expect(await codeOf(host, getRandom(8))).toBe(0);
  expect(await counterOf(host)).toBe(value);
  store.failing = false;
  expect(faults).toHaveLength(1);
  expect(await codeOf(host, increment(INDEX))).toBe(0);
  expect(await counterOf(host)).toBe(value + 1);

  const again = await running(store);
  expect(await counterOf(again.host)).toBe(value + 1);
});

test("without NV memory only what would write it fails", async () => {
  const { host, store } = await running();
  const before = store.appends;
  host.nvAvailable = false;
  expect(await codeOf(host, defineCounter(INDEX))).toBe(TPM_RC.NV_UNAVAILABLE);
  expect(await codeOf(host, getRandom(8))).toBe(0);
  host.nvAvailable = true;
  expect(store.appends).toBe(before);
  expect(await codeOf(host, defineCounter(INDEX))).toBe(0);
});

test("commands are executed one at a time, in the order in which they came", async () => {
  const { host } = await running();
  await host.execute(defineCounter(INDEX));
  await host.execute(increment(INDEX));
  const start = await counterOf(host);
  const values = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      void host.execute(increment(INDEX));
      return [i, await counterOf(host)];
    }),
  );
  expect(values).toEqual(Array.from({ length: 20 }, (_, i) => [i, start + i + 1]));
});

test("an orderly stop shuts the TPM down once, so that its state can be resumed", async () => {
  const { host } = await running();
  await host.init(); // off and on
  expect(await codeOf(host, getRandom(8))).toBe(NOT_STARTED);
  expect(await codeOf(host, startup(1))).toBe(0);
  expect(await codeOf(host, shutdown(0))).toBe(0);
  await host.init();
  // The client's own Shutdown(CLEAR) was the last word: there is nothing to resume.
  expect(await codeOf(host, startup(1))).toBe(0x1c4);
});

test("a power cut leaves nothing to resume", async () => {
  const { host } = await running();
  await host.powerOff();
  expect(host.running).toBe(false);
  await host.reset();
  expect(await codeOf(host, startup(1))).toBe(0x1c4);
  await host.reset();
  expect(await codeOf(host, startup(0))).toBe(0);
});

test("starting up with STATE resumes, or starts clear where there is nothing to resume", async () => {
  const { host } = await running();
  await host.init();
  expect(await host.startup(TPM_SU.STATE)).toBe(0);
  await host.reset();
  expect(await host.startup(TPM_SU.STATE)).toBe(0);
});

test("a command larger than the buffer is refused", async () => {
  const { host } = await running();
  host.bufferSize = 1;
  expect(host.bufferSize).toBe(2896);
  expect(await codeOf(host, new Uint8Array(2897))).toBe(TPM_RC.COMMAND_SIZE);
  host.bufferSize = 0xffffffff;
  expect(host.bufferSize).toBe(4096);
});

test("a measured launch sets the established bit, which only localities 3 and 4 reset", async () => {
  const { host } = await running();
  expect(host.established).toBe(false);
  const before = await host.execute(readPcr17);
  expect(await host.hashStart()).toBe(true);
  expect(await host.hashData(Uint8Array.of(1, 2, 3))).toBe(true);
  expect(await host.hashEnd()).toBe(true);
  expect(await host.execute(readPcr17)).not.toEqual(before);
  expect(host.established).toBe(true);
  expect(await host.resetEstablished(2)).toBe(false);
  expect(await host.resetEstablished(3)).toBe(true);
  expect(host.established).toBe(false);
  await host.stop();
  expect(await host.hashStart()).toBe(false);
});

test("a command keeps the locality it was submitted with", async () => {
  const { host, jobs } = await running();
  expect(await codeOf(host, extendPcr17)).toBe(TPM_RC.LOCALITY);
  const long = host.execute(createPrimaryRsa(2048));
  await jobs.arrival();
  host.locality = 3;
  const later = codeOf(host, extendPcr17);
  host.locality = 0;
  jobs.finish();
  expect(responseCode(await long)).toBe(0);
  expect(await later).toBe(0);
});

test("while a long command runs others wait, and the control channel's calls do not", async () => {
  const { host, jobs } = await running();
  const order: string[] = [];
  const long = host.execute(createPrimaryRsa(2048)).then((response) => {
    order.push("long");
    return responseCode(response);
  });
  await jobs.arrival();
  const short = host.execute(getRandom(8)).then(() => order.push("short"));
  expect(host.established).toBe(false);
  jobs.finish();
  expect(await long).toBe(0);
  await short;
  expect(order).toEqual(["long", "short"]);
});

test("a cancelled command says so and leaves nothing behind", async () => {
  const { host, jobs, faults } = await running();
  const long = codeOf(host, createPrimaryRsa(2048));
  await jobs.arrival();
  host.cancel();
  expect(await long).toBe(TPM_RC.CANCELED);
  expect(await codeOf(host, getRandom(8))).toBe(0);
  expect(faults).toEqual([]);
});

test("cancelling while nothing long runs has no effect", async () => {
  const { host, jobs } = await running();
  host.cancel();
  const long = codeOf(host, createPrimaryRsa(2048));
  await jobs.arrival();
  jobs.finish();
  expect(await long).toBe(0);
});

test("as long as cancelling is asked for, every long command is cancelled", async () => {
  const { host } = await running();
  host.cancelling = true;
  expect(await codeOf(host, createPrimaryRsa(2048))).toBe(TPM_RC.CANCELED);
  expect(await codeOf(host, getRandom(8))).toBe(0);
});

test("a job that cannot be done cancels its command and is reported", async () => {
  const { host, jobs, faults } = await running();
  const long = codeOf(host, createPrimaryRsa(2048));
  await jobs.arrival();
  jobs.crash();
  expect(await long).toBe(TPM_RC.CANCELED);
  expect(faults).toHaveLength(1);
});

test("a stop does not wait for a long command, nor for the commands behind it", async () => {
  const { host, jobs } = await running();
  const long = codeOf(host, createPrimaryRsa(2048));
  await jobs.arrival();
  const behind = codeOf(host, getRandom(8));
  await host.stop();
  expect(await long).toBe(TPM_RC.CANCELED);
  expect(await behind).toBe(TPM_RC.FAILURE);
});

test("failure mode answers nothing but what tells of it, until the next power-on", async () => {
  const { host } = await running();
  await host.fail();
  expect(await codeOf(host, getRandom(8))).toBe(TPM_RC.FAILURE);
  await host.reset();
  expect(await codeOf(host, startup(0))).toBe(0);
});

test("stored entries that are no TPM's are refused, and named", async () => {
  const store = new TestStore();
  await store.append([{ tpm: "tpm", changes: [{ key: "persistent", value: Uint8Array.of(1) }] }]);
  await expect(bench(store)).rejects.toMatchObject({
    code: "STATE_DAMAGED",
    message: expect.stringMatching(/^tpm in memory: state entry "/),
  });
});
