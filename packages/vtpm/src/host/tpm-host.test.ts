import { DEFAULT_V1, NULL_PROFILE, TPM_RC } from "@vtpm/tpm2";
import { type Bytes, EMPTY, fromHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { NodePlatform } from "../platform/node-platform.ts";
import { MemoryStore } from "../store/memory-store.ts";
import type { StoreRecord } from "../store/store.ts";
import { StoreError } from "../store/store-error.ts";
import { StoreOwner } from "../store/store-owner.ts";
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
import { type OpenHostOptions, openHost } from "./open-host.ts";
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
    if (records.every(({ delta }) => delta.length === 0)) return super.append(records);
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

async function bench(store = new TestStore(), options: Partial<OpenHostOptions> = {}): Promise<Bench> {
  const jobs = new HeldJobs();
  const faults: unknown[] = [];
  const host = await openHost({
    name: "tpm",
    owner: new StoreOwner(async () => store),
    platform: new NodePlatform(),
    jobs,
    onFault: (error) => faults.push(error),
    ...options,
  });
  return { store, jobs, host, faults };
}

async function running(store = new TestStore(), options: Partial<OpenHostOptions> = {}): Promise<Bench> {
  const all = await bench(store, options);
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

describe("stored state is refused, and named,", () => {
  const damaged = async (image: Bytes, options: Partial<OpenHostOptions> = {}) => {
    const store = new TestStore();
    await store.append([{ tpm: "tpm", delta: EMPTY, image: () => image }]);
    return bench(store, options);
  };
  const envelope = fromHex("0201 000a 0000 00000014 0001 00000004 01020304");

  test("that is empty, cut off or no TPM's", async () => {
    for (const image of [EMPTY, envelope.slice(0, 12), envelope]) {
      await expect(damaged(image)).rejects.toMatchObject({
        code: "STATE_DAMAGED",
        message: expect.stringMatching(/^state of tpm in memory: /),
      });
    }
  });

  test("that is encrypted, or is not, against what the key says", async () => {
    const key = new Uint8Array(32).fill(7);
    await expect(damaged(envelope, { key })).rejects.toMatchObject({ code: "STATE_KEY" });
    const { store } = await running(new TestStore(), { key });
    await expect(bench(store)).rejects.toMatchObject({ code: "STATE_KEY" });
    await expect(bench(store, { key: new Uint8Array(32) })).rejects.toMatchObject({ code: "STATE_KEY" });
    await bench(store, { key });
  });
});

describe("state is handed over", () => {
  test("by images out of one host and into another, which goes on where the first was", async () => {
    const one = await running();
    await one.host.execute(defineCounter(INDEX));
    await one.host.execute(increment(INDEX));
    const value = await counterOf(one.host);
    const permanent = (await one.host.permanentImage()) ?? EMPTY;
    const volatile = (await one.host.volatileImage()) ?? EMPTY;

    const other = await bench();
    await other.host.setPermanent(permanent);
    await other.host.setVolatile(volatile);
    expect(other.store.appends).toBe(0);
    await other.host.init({ deleteVolatile: true });
    expect(await codeOf(other.host, startup(0))).toBe(NOT_STARTED); // it runs already
    expect(await counterOf(other.host)).toBe(value);
    expect(other.store.appends).toBe(1);
    await other.host.reset();
    expect(await codeOf(other.host, getRandom(8))).toBe(NOT_STARTED);
  });

  test("only while the TPM is off, and nothing of it where it is damaged", async () => {
    const { host } = await running();
    await host.execute(defineCounter(INDEX));
    const image = (await host.permanentImage()) ?? EMPTY;
    await expect(host.setPermanent(image)).rejects.toThrow("powered on");
    await host.stop();
    expect(await host.permanentImage()).toBeUndefined();
    expect(await host.volatileImage()).toBeUndefined();
    expect(await host.storeVolatile()).toBe(false);
    for (const bad of [EMPTY, image.slice(0, -1)]) {
      await expect(host.setPermanent(bad)).rejects.toMatchObject({ code: "STATE_DAMAGED" });
    }
    await expect(host.setVolatile(Uint8Array.of(1, 2))).rejects.toMatchObject({ code: "STATE_DAMAGED" });
    await host.init();
    await host.startup(TPM_SU.CLEAR);
    expect(await codeOf(host, readCounter(INDEX))).toBe(TPM_RC.NV_UNINITIALIZED);
  });

  test("with stored volatile state a start goes on, as often as it is there", async () => {
    const { host, store } = await running();
    expect(await host.storeVolatile()).toBe(true);
    await host.powerOff();
    const again = await bench(store);
    for (const deleteVolatile of [false, true]) {
      await again.host.init({ deleteVolatile });
      expect(await codeOf(again.host, getRandom(8))).toBe(0);
    }
    await again.host.init();
    expect(await codeOf(again.host, getRandom(8))).toBe(NOT_STARTED);
  });

  test("volatile state without a permanent one leads to no new TPM", async () => {
    const { host, store } = await running();
    await host.storeVolatile();
    const other = new TestStore();
    await other.writeVolatile("tpm", await store.readVolatile("tpm"));
    const { host: second } = await bench(other);
    await expect(second.init()).rejects.toMatchObject({ code: "STATE_DAMAGED" });
    expect(second.running).toBe(false);
    expect(other.appends).toBe(0);
  });
});

describe("the store", () => {
  /** A store that two hosts want, of which one at a time gets it. */
  function shared() {
    const store = new TestStore();
    let taken = false;
    const open = async (): Promise<TestStore> => {
      if (taken) throw new StoreError("STATE_LOCKED", "the store is in use by another process");
      taken = true;
      return store;
    };
    store.close = async () => {
      taken = false;
    };
    return { store, owner: () => new StoreOwner(open) };
  }

  test("is left alone until state comes in, a command arrives or somebody asks for it", async () => {
    const { store, owner } = shared();
    const one = await running(store, { owner: owner() });
    const other = await bench(store, { owner: owner(), incoming: true });
    await expect(other.host.setPermanent(EMPTY)).rejects.toMatchObject({ code: "STATE_LOCKED" });
    await expect(other.host.acquireStore(0)).rejects.toMatchObject({ code: "STATE_LOCKED" });
    await other.host.init();
    expect(other.host.running).toBe(true);
    expect(await codeOf(other.host, getRandom(8))).toBe(TPM_RC.FAILURE);
    await one.host.releaseStore();
    expect(await codeOf(other.host, getRandom(8))).toBe(NOT_STARTED);
  });

  test("goes over to another process and comes back, if nobody has used the TPM there", async () => {
    const { store, owner } = shared();
    const one = await running(store, { owner: owner() });
    await one.host.execute(defineCounter(INDEX));
    const permanent = (await one.host.permanentImage()) ?? EMPTY;
    const volatile = (await one.host.volatileImage()) ?? EMPTY;
    await one.host.releaseStore();

    const other = await bench(store, { owner: owner(), incoming: true });
    await other.host.setPermanent(permanent);
    await other.host.setVolatile(volatile);
    await other.host.init({ deleteVolatile: true });
    expect(await codeOf(other.host, getRandom(8))).toBe(0);
    await expect(one.host.acquireStore(0)).rejects.toMatchObject({ code: "STATE_LOCKED" });
    await other.host.stop();
    await other.host.releaseStore();

    expect(await codeOf(one.host, increment(INDEX))).toBe(0);
    const value = await counterOf(one.host);
    await one.host.releaseStore();

    // A second time it stays there, and is used.
    const third = await running(store, { owner: owner() });
    expect(await counterOf(third.host)).toBe(value);
    expect(await codeOf(third.host, increment(INDEX))).toBe(0);
    await third.host.releaseStore();
    await expect(one.host.acquireStore(0)).rejects.toMatchObject({ code: "STATE_CHANGED" });
    expect(await codeOf(one.host, increment(INDEX))).toBe(TPM_RC.FAILURE);
  });

  test("that was given up is not written any more when the TPM is stopped", async () => {
    const { store, owner } = shared();
    const { host } = await running(store, { owner: owner() });
    await host.releaseStore();
    const { appends } = store;
    await host.stop();
    expect(store.appends).toBe(appends);
  });

  test("that cannot be written at manufacture leaves the TPM off, and a later start succeeds", async () => {
    const store = new TestStore();
    store.failing = true;
    const { host } = await bench(store);
    await expect(host.init()).rejects.toThrow("ENOSPC");
    expect(host.running).toBe(false);
    store.failing = false;
    await host.init();
    expect(await host.startup(TPM_SU.CLEAR)).toBe(0);
  });
});

describe("a profile", () => {
  test("is that of a new TPM, and no other's afterwards", async () => {
    const { host, store } = await running(new TestStore(), { profile: { asked: NULL_PROFILE } });
    await host.init(); // what was asked for is forgotten once there is a TPM
    await running(store, { profile: { otherwise: DEFAULT_V1 } });
    await running(store, { profile: { asked: NULL_PROFILE } });
    for (const profile of [{ asked: DEFAULT_V1 }, { asked: NULL_PROFILE, forNewOnly: true }]) {
      const again = await bench(store, { profile });
      await expect(again.host.init()).rejects.toMatchObject({ code: "STATE_PROFILE" });
    }
  });
});
