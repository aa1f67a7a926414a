import { durableChanges, encodeChanges, type NvState } from "@vtpm/tpm2";
import { TestPlatform } from "@vtpm/tpm2/testing/fuzz";
import { type Bytes, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { Persistence } from "../../packages/vtpm/src/host/persistence.ts";
import { TpmHost } from "../../packages/vtpm/src/host/tpm-host.ts";
import { DirectoryStore } from "../../packages/vtpm/src/store/directory-store.ts";
import { StoreError } from "../../packages/vtpm/src/store/store-error.ts";
import { StoreOwner } from "../../packages/vtpm/src/store/store-owner.ts";
import { HeldJobs } from "../../packages/vtpm/src/testing/held-jobs.ts";
import {
  type DiskOperation,
  SimulatedDisk,
  type Survival,
  survivals,
} from "../../packages/vtpm/src/testing/simulated-disk.ts";
import * as commands from "./commands.ts";

const TPM = "tpm2-00";
const NV_UNAVAILABLE = 0x923;
const DROPPED: Survival = () => () => false;

/** A TPM on a disk, which never makes a long key. */
class Machine {
  readonly host: TpmHost;
  readonly persistence: Persistence;
  readonly platform: TestPlatform;
  store: DirectoryStore | undefined;

  constructor(disk: SimulatedDisk, name = TPM, key?: Bytes) {
    // The same numbers in every run: what a command does is then the same, too.
    this.platform = new TestPlatform(`crash ${name}`);
    const owner = new StoreOwner(async () => {
      this.store = await DirectoryStore.open(disk, { foldByHand: true });
      return this.store;
    });
    this.persistence = new Persistence({ name, owner, platform: this.platform, key });
    this.host = new TpmHost({ platform: this.platform, persistence: this.persistence, jobs: new HeldJobs() });
  }

  /** What is stored, as somebody finds it who opens the disk. */
  static async stored(disk: SimulatedDisk, key?: Bytes): Promise<string | undefined> {
    const { persistence } = new Machine(disk, TPM, key);
    await persistence.acquire();
    return fingerprint(persistence.durable);
  }
}

/** Two states with the same are the same. */
function fingerprint(nv: NvState | undefined): string | undefined {
  if (nv === undefined) return undefined;
  return toHex(encodeChanges(durableChanges(undefined, nv).sort((a, b) => (a.key < b.key ? -1 : 1))));
}

/** One step of a life: what is done, and the response code it must be answered with. */
interface Step {
  readonly what: string;
  run(machine: Machine): Promise<void>;
}

const send = (what: string, command: Bytes, code = 0): Step => ({
  what,
  async run({ host, platform }) {
    platform.clock += 700; // so that the clock has to be stored now and then
    expect(commands.codeOf(await host.execute(command)), what).toBe(code);
  },
});
const fold: Step = { what: "fold", run: ({ store }) => store?.fold() ?? Promise.reject(new Error("no store")) };
/** Commands that are answered while the state file is being written. */
const foldBeside = (steps: readonly Step[]): Step => ({
  what: "fold, and commands beside it",
  async run(machine) {
    const folding = fold.run(machine);
    for (const step of steps) await step.run(machine);
    await folding;
  },
});

/** Every kind of change, with folds between and beside them, and power cycles. */
const LIFE: readonly Step[] = [
  { what: "init", run: ({ host }) => host.init() },
  send("Startup", commands.startup(0)),
  send("define a counter", commands.defineCounter),
  send("increment", commands.increment(commands.COUNTER)),
  fold,
  send("increment", commands.increment(commands.COUNTER)),
  send("define data", commands.defineData),
  send("write", commands.writeData(1)),
  send("wrong password", commands.readDataWithWrongPassword, commands.AUTH_FAIL),
  send("wrong password", commands.readDataWithWrongPassword, commands.AUTH_FAIL),
  fold,
  send("write", commands.writeData(2)),
  send("define an orderly counter", commands.defineOrderlyCounter),
  send("increment the orderly counter", commands.increment(commands.ORDERLY_COUNTER)),
  send("extend a PCR", commands.extendPcr),
  send("make a key", commands.createPrimary),
  send("persist it", commands.persist),
  send("flush it", commands.flush),
  foldBeside([
    send("increment", commands.increment(commands.COUNTER)),
    send("write", commands.writeData(3)),
    send("wrong password", commands.readDataWithWrongPassword, commands.AUTH_FAIL),
  ]),
  { what: "orderly stop", run: ({ host }) => host.stop() },
  { what: "init", run: ({ host }) => host.init() },
  send("Startup(STATE)", commands.startup(1)),
  send("increment", commands.increment(commands.COUNTER)),
  send("reset the lockout", commands.resetLockout),
  foldBeside([send("remove the key", commands.removePersistent)]),
  send("write", commands.writeData(4)),
  { what: "power cut of the TPM", run: ({ host }) => host.powerOff() },
  { what: "init", run: ({ host }) => host.init() },
  send("Startup", commands.startup(0)),
  send("Clear", commands.clear),
  send("define a counter", commands.defineCounter),
  fold,
  send("increment", commands.increment(commands.COUNTER)),
  { what: "orderly end", run: async ({ host, persistence }) => host.stop().then(() => persistence.release()) },
];

interface Cut {
  readonly disk: SimulatedDisk;
  /** How many states had been acknowledged. */
  readonly acknowledged: number;
  readonly what: string;
}

interface Lived {
  /** The durable states in the order in which they were acknowledged; the first is that of no TPM. */
  readonly states: readonly (string | undefined)[];
  readonly cuts: readonly Cut[];
}

/** Lives a life, and takes along what a power cut before each of its file operations would leave, in every way. */
async function live(key?: Bytes, mayBlock = false): Promise<Lived> {
  const disk = new SimulatedDisk(mayBlock);
  const machine = new Machine(disk, TPM, key);
  const states: (string | undefined)[] = [undefined];
  const note = (): void => {
    const state = fingerprint(machine.persistence.durable);
    if (state !== states.at(-1)) states.push(state);
  };
  const cuts: Cut[] = [];
  let operation = 0;
  let step = "";
  disk.onOperation = (kind) => {
    note();
    for (const [what, survival] of Object.entries(survivals(operation))) {
      const where = `${step}: cut before operation ${operation}, ${kind}; what was not synced ${what}`;
      cuts.push({ disk: disk.afterPowerCut(survival), acknowledged: states.length - 1, what: where });
    }
    operation++;
  };
  for (const { what, run } of LIFE) {
    step = what;
    await run(machine);
    note();
  }
  return { states, cuts };
}

describe.each([
  ["in the clear", undefined, false],
  ["in the clear, synced in place", undefined, true],
  ["encrypted", new Uint8Array(32).fill(7), false],
] as const)("state %s", (_, key, mayBlock) => {
  test("has everything that was answered after a power cut at any file operation, and nothing else", async () => {
    const { states, cuts } = await live(key, mayBlock);
    expect(states.length).toBeGreaterThan(25);
    expect(cuts.length).toBeGreaterThan(1000);
    let beyond = 0;
    for (const { disk, acknowledged, what } of cuts) {
      const found = await Machine.stored(disk, key);
      const at = states.lastIndexOf(found);
      // The state that was acknowledged last, or the one that was about to be.
      expect([acknowledged, acknowledged + 1], what).toContain(at);
      if (at > acknowledged) beyond++;
    }
    // Both happen, or this test looks at less than it says.
    expect(beyond).toBeGreaterThan(cuts.length / 20);
    expect(beyond).toBeLessThan(cuts.length / 2);
  });
});

test("commands that change nothing durable touch no file, however much time passes", async () => {
  const disk = new SimulatedDisk();
  const machine = new Machine(disk);
  for (const step of LIFE.slice(0, 8)) await step.run(machine);
  // The first use of what is protected from dictionary attack is noted in NV.
  for (const command of commands.UNCHANGING) await machine.host.execute(command);
  await machine.store?.fold();
  let operations = 0;
  disk.onOperation = () => {
    operations++;
  };
  for (let round = 0; round < 50; round++) {
    for (const command of commands.UNCHANGING) await send("a command that changes nothing", command).run(machine);
    await machine.store?.fold();
  }
  expect(operations).toBe(0);
  await send("increment", commands.increment(commands.COUNTER)).run(machine);
  // An append and its sync; the room in the journal is there already.
  expect(operations).toBe(2);
});

test("a TPM found after a cut works, and survives the next one", async () => {
  const { cuts } = await live();
  for (const [i, { disk, what }] of cuts.entries()) {
    if (i % 13 !== 0) continue;
    const { host } = new Machine(disk);
    await host.init();
    expect(commands.codeOf(await host.execute(commands.startup(0))), what).toBe(0);
    await host.execute(commands.defineCounter); // unless it is there
    const counted = commands.codeOf(await host.execute(commands.increment(commands.COUNTER)));
    expect(counted, what).toBe(0);
    const value = commands.counterIn(await host.execute(commands.readCounter(commands.COUNTER)));

    const again = new Machine(disk.afterPowerCut(DROPPED));
    await again.host.init();
    expect(commands.codeOf(await again.host.execute(commands.startup(0))), what).toBe(0);
    const found = await again.host.execute(commands.readCounter(commands.COUNTER));
    expect(commands.counterIn(found), what).toBe(value);
  }
});

describe.each<readonly [string, readonly DiskOperation[]]>([
  ["no room", ["create", "write"]],
  ["an I/O error", ["write", "syncFile"]],
  ["a read-only directory", ["create", "rename", "remove", "syncDirectory"]],
  ["a disk that takes nothing", ["create", "write", "truncate", "syncFile", "rename", "remove", "syncDirectory"]],
])("with %s", (_, failing) => {
  test.each([
    ["by a thread", false],
    ["in place", true],
  ] as const)(
    "a command that cannot be stored says so, the TPM lives on, and works again afterwards, synced %s",
    async (_, mayBlock) => {
      const disk = new SimulatedDisk(mayBlock);
      const machine = new Machine(disk);
      const { host, store: none } = machine;
      expect(none).toBeUndefined();
      for (const step of LIFE.slice(0, 9)) await step.run(machine);
      for (let round = 0; round < 3; round++) {
        const before = fingerprint(machine.persistence.durable);
        const value = commands.counterIn(await host.execute(commands.readCounter(commands.COUNTER)));
        disk.onOperation = (operation) => {
          if (failing.includes(operation)) throw new StoreError("STATE_WRITE", "no");
        };
        const code = commands.codeOf(await host.execute(commands.increment(commands.COUNTER)));
        await machine.store?.fold().catch(() => {});
        expect(commands.codeOf(await host.execute(commands.getRandom))).toBe(0);
        const now = commands.counterIn(await host.execute(commands.readCounter(commands.COUNTER)));
        // What only makes and removes names keeps nobody from appending to a journal that is there.
        expect([code, now]).toEqual(failing.includes("write") ? [NV_UNAVAILABLE, value] : [0, value + 1]);
        if (code !== 0) {
          expect(fingerprint(machine.persistence.durable)).toBe(before);
          expect(await Machine.stored(disk.afterPowerCut(DROPPED))).toBe(before);
        }
        disk.onOperation = () => {};
        expect(commands.codeOf(await host.execute(commands.increment(commands.COUNTER)))).toBe(0);
        if (round === 1) await machine.store?.fold();
      }
      expect(await Machine.stored(disk.afterPowerCut(DROPPED))).toBe(fingerprint(machine.persistence.durable));
    },
  );

  test("a failed authorization stays counted although it cannot be stored", async () => {
    const disk = new SimulatedDisk();
    const machine = new Machine(disk);
    const { host } = machine;
    for (const step of LIFE.slice(0, 8)) await step.run(machine);
    await machine.store?.fold();
    const failures = async (): Promise<number> => commands.propertyIn(await host.execute(commands.readLockoutCounter));
    const before = await failures();
    disk.onOperation = (operation) => {
      if (failing.includes(operation)) throw new StoreError("STATE_WRITE", "no");
    };
    for (let i = 0; i < 3; i++) await host.execute(commands.readDataWithWrongPassword);
    expect(await failures()).toBe(before + 3);
    disk.onOperation = () => {};
    expect(commands.codeOf(await host.execute(commands.increment(commands.COUNTER)))).toBe(0);
    const again = new Machine(disk.afterPowerCut(DROPPED));
    await again.host.init();
    await again.host.execute(commands.startup(0));
    const found = commands.propertyIn(await again.host.execute(commands.readLockoutCounter));
    expect(found).toBeGreaterThanOrEqual(before + 3);
  });
});

test("two TPMs that share a journal lose nothing of either", async () => {
  const disk = new SimulatedDisk();
  let store: DirectoryStore | undefined;
  const owner = new StoreOwner(async () => {
    store = await DirectoryStore.open(disk, { foldByHand: true });
    return store;
  });
  const names = ["one", "other"];
  const made = names.map((name) => {
    const platform = new TestPlatform(name);
    const persistence = new Persistence({ name, owner, platform });
    return { persistence, host: new TpmHost({ platform, persistence, jobs: new HeldJobs() }) };
  });
  const states = names.map((): (string | undefined)[] => [undefined]);
  const note = (): void => {
    made.forEach(({ persistence }, i) => {
      const state = fingerprint(persistence.durable);
      if (state !== states[i]?.at(-1)) states[i]?.push(state);
    });
  };
  const cuts: { readonly disk: SimulatedDisk; readonly acknowledged: readonly number[]; readonly what: string }[] = [];
  let operation = 0;
  disk.onOperation = () => {
    note();
    for (const [what, survival] of Object.entries(survivals(operation))) {
      const acknowledged = states.map(({ length }) => length - 1);
      cuts.push({ disk: disk.afterPowerCut(survival), acknowledged, what: `operation ${operation}, ${what}` });
    }
    operation++;
  };
  await Promise.all(
    made.map(async ({ host }, i) => {
      await host.init();
      for (const command of [commands.startup(0), commands.defineCounter]) await host.execute(command);
      for (let n = 0; n < 6; n++) {
        await host.execute(commands.increment(commands.COUNTER));
        if (n % 2 === i) await store?.fold();
      }
    }),
  );
  note();
  expect(cuts.length).toBeGreaterThan(300);
  for (const { disk: found, acknowledged, what } of cuts) {
    const opened = await DirectoryStore.open(found, { foldByHand: true });
    const again = new StoreOwner(async () => opened);
    for (const [i, name] of names.entries()) {
      const persistence = new Persistence({ name, owner: again, platform: new TestPlatform() });
      await persistence.acquire();
      const at = states[i]?.lastIndexOf(fingerprint(persistence.durable)) ?? -1;
      const last = acknowledged[i] ?? 0;
      expect([last, last + 1], `${name}: ${what}`).toContain(at);
    }
  }
});
