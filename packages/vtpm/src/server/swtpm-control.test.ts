import { closeSync, fstatSync, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNodeProvider } from "@vtpm/crypto/node";
import { type SealBlobOptions, sealBlob } from "@vtpm/state";
import { type Bytes, concatBytes, fromHex, toHex } from "@vtpm/wire";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { openHost } from "../host/open-host.ts";
import type { TpmHost } from "../host/tpm-host.ts";
import { TPM_SU } from "../host/tpm2-messages.ts";
import { Poller } from "../native/poller.ts";
import { receiveMessage, sendMessage } from "../native/socket-message.ts";
import { NodePlatform } from "../platform/node-platform.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { StoreOwner } from "../store/store-owner.ts";
import { counterValue, defineCounter, getRandom, increment, readCounter, readPcr17 } from "../testing/commands.ts";
import { HeldJobs } from "../testing/held-jobs.ts";
import { shutdown } from "../testing/shutdown.ts";
import { socketPair } from "../testing/socket-pair.ts";
import { CommandPort } from "./command-port.ts";
import { Control } from "./control.ts";
import { connectionOf, messagesOf } from "./descriptor-stream.ts";
import { Reception } from "./reception.ts";
import { StateBlobs } from "./state-blobs.ts";
import { CONTROL_REQUEST_MS, SwtpmControlSession } from "./swtpm-control.ts";
import { SwtpmDataSession } from "./swtpm-data.ts";
import { uint32s } from "./words.ts";

const KEY = new Uint8Array(16).fill(0x11);
const MIGRATION_KEY = new Uint8Array(32).fill(0x22);
const INDEX = 0x01800001;
const crypto = createNodeProvider();

const built = inject("builtProgram");
let poller: Poller;
beforeAll(async () => {
  poller = new Poller({ worker: new URL(`file://${built.pollWorker}`) });
});
afterAll(async () => {
  await poller.close();
});

let host: TpmHost;
let owner: StoreOwner;
let platform: NodePlatform;
let ends: number;
let lost: number;
let data: Reception;
let control: Reception;
/** Whether a data connection may still be given. */
let dataEnds: Promise<void> | undefined;
let descriptors: number[];
let directory: string;

async function serve(keys: { readonly key?: Bytes; readonly migrationKey?: Bytes } = {}): Promise<void> {
  platform = new NodePlatform();
  const store = new MemoryStore();
  owner = new StoreOwner(async () => store);
  host = await openHost({ name: "tpm", owner, platform, jobs: new HeldJobs() });
  await host.init();
  await host.startup(TPM_SU.CLEAR);
  data = new Reception({ places: 1 });
  control = new Reception({ places: 1 });
  let occupied = false;
  const served = new Control({
    host,
    blobs: new StateBlobs({ host, platform, ...keys, onFault: () => {}, onStoreLost: () => lost++ }),
    onFault: () => {},
    endProcess: () => ends++,
    rejectLocality4: true,
    connectData(fd) {
      if (occupied) return "occupied";
      if (fd === undefined) return "unusable";
      try {
        const stream = connectionOf(fd, () => poller);
        occupied = true;
        dataEnds = new Promise((resolve) =>
          stream.once("close", () => {
            occupied = false;
            resolve();
          }),
        );
        data.admit(stream);
        return "connected";
      } catch {
        return "unusable";
      }
    },
  });
  data.open({ createSession: () => new SwtpmDataSession(new CommandPort(host)) });
  control.open({ createSession: () => new SwtpmControlSession(served), completeWithinMs: CONTROL_REQUEST_MS });
}

beforeEach(() => {
  ends = 0;
  lost = 0;
  descriptors = [];
  directory = mkdtempSync(join(tmpdir(), "vtpm-control-"));
});
afterEach(async () => {
  control.close();
  data.close();
  for (const descriptor of descriptors) closeSync(descriptor);
  await dataEnds; // tests count descriptors
  rmSync(directory, { recursive: true });
});

/** A client with a descriptor of its own. */
class Client {
  readonly fd: number;
  readonly theirs: number;
  #received: Bytes = new Uint8Array(0);

  constructor(type: "stream" | "datagram") {
    const { ours, theirs } = socketPair(type);
    this.fd = ours;
    this.theirs = theirs;
    descriptors.push(ours);
  }

  async send(bytes: Bytes, passed: readonly number[] = []): Promise<void> {
    for (let sent = 0; sent < bytes.length; ) {
      try {
        sent += sendMessage(this.fd, bytes.subarray(sent), sent === 0 ? passed : []);
      } catch {
        await new Promise(setImmediate); // there is no room now
      }
    }
  }

  async receive(size: number): Promise<Bytes> {
    while (this.#received.length < size) {
      await this.#readable();
      const { data: arrived } = receiveMessage(this.fd, 1 << 20);
      if (arrived.length === 0) throw new Error(`the end after ${toHex(this.#received)}`);
      this.#received = concatBytes(this.#received, arrived);
    }
    const bytes = this.#received.slice(0, size);
    this.#received = this.#received.slice(size);
    return bytes;
  }

  /** Resolves with what was sent before the other side ended the connection. */
  async end(): Promise<Bytes> {
    for (;;) {
      await this.#readable();
      const { data: arrived } = receiveMessage(this.fd, 1 << 20);
      if (arrived.length === 0) return this.#received;
      this.#received = concatBytes(this.#received, arrived);
    }
  }

  close(): void {
    descriptors.splice(descriptors.indexOf(this.fd), 1);
    closeSync(this.fd);
  }

  #readable(): Promise<void> {
    return new Promise((resolve) => {
      const watch = poller.watch(this.fd, () => {
        watch.stop();
        resolve();
      });
    });
  }
}

function connect(type: "stream" | "datagram" = "stream"): Client {
  const client = new Client(type);
  control.admit(messagesOf(client.theirs, poller));
  return client;
}

async function ask(client: Client, request: string | Bytes, passed: readonly number[] = []): Promise<void> {
  await client.send(typeof request === "string" ? fromHex(`000000${request}`) : request, passed);
}

async function expectAnswer(client: Client, request: string | Bytes, response: string): Promise<void> {
  await ask(client, request);
  const expected = toHex(fromHex(response));
  expect(toHex(await client.receive(expected.length / 2)), String(request)).toBe(expected);
}

/** A blob, as GET_STATEBLOB gives it. */
async function getBlob(client: Client, type: number, flags = 0, offset = 0) {
  await ask(client, uint32s(0x0c, flags, type, offset));
  const head = await client.receive(16);
  const [result, stateFlags, total, size] = [0, 4, 8, 12].map((at) => new DataView(head.buffer).getUint32(at));
  return { result, stateFlags, total, size, blob: await client.receive(size ?? 0) };
}

const setBlob = (type: number, blob: Bytes, flags = 0): Bytes =>
  concatBytes(uint32s(0x0d, flags, type, blob.length), blob);

const seal = (image: Bytes, keys: Pick<SealBlobOptions, "key" | "migrationKey"> = {}): Bytes =>
  sealBlob(image, { ...keys, crypto, entropy: (size) => platform.entropy(size) });

describe.each(["stream", "datagram"] as const)("over a %s socket", (type) => {
  let client: Client;
  beforeEach(async () => {
    await serve();
    client = connect(type);
  });

  test.each([
    ["01", "00000000 0001ffff"],
    ["01 ffff", "00000000 0001ffff"],
    ["02 00000000", "00000000"],
    ["02 00000001", "00000000"],
    ["04", "00000000 00000000"],
    ["05 00", "00000000"],
    ["05 03", "00000000"],
    ["05 03ffffff", "00000000"],
    ["05 04", "0000003d"],
    ["05 05", "0000003d"],
    ["05 0100000000", "00000000"],
    ["06", "00000000"],
    ["09", "00000000"],
    ["0a", "00000000"],
    ["0b 03", "00000000"],
    ["0b 03000000", "00000000"],
    ["0b 02", "0000003d"],
    ["0b 04", "00000000"],
    ["0b 030000000000", "00000000"],
    ["0b 0500", "0000003d"],
    ["0c 00000000 00000009 00000000", "00000009 00000000 00000000 00000000"],
    ["0c 00000000 00000003 00000000", "00000800 00000000 00000000 00000000"],
    ["0c 00000000 00000001 00100000", "00000000 00000000 00000000 00000000"],
    ["0d 00000000 00000001 00000001", "0000000a"],
    ["0e", "00000000"],
    ["0f", "00000000 00000000"],
    ["10", "00000003"],
    ["10 00", "00000003"],
    ["11 00000000", "00000000 00001000 00000b50 00001000"],
    ["11 00000c00", "0000000a"],
    ["12 0000000000000000 00000000 00000000", "00000000 00000003 00000003 7b7d00"],
    ["12 0000000000000000 00000002 00000000", "00000003"],
    ["12 0000000000000000 00000003 00000000", "00000003"],
    ["12 0000000000000000 ffffffff 00000000", "00000003"],
    ["13 00000000", "00000000"],
    ["13 0000012c", "00000000"],
    ["00", "0000000a"],
    ["14", "0000000a"],
    ["02 0000000000", "00000003"],
    ["03 00", "00000003"],
    ["04 00", "00000003"],
    ["06 00", "00000003"],
    ["07 00000001 0102", "00000003"],
    ["07 00000000", "00000000"],
    ["08 00", "00000003"],
    ["09 00", "00000003"],
    ["0a 00", "00000003"],
    ["0c 00000000 00000003 00000000 00", "00000800"],
    ["11", "00000003"],
    ["12 0000000000000000 00000000", "00000003"],
    ["13 000000", "00000003"],
    ["0e 00", "00000003"],
    ["0f 00", "00000003"],
    ["0f 0000000f", "00000003"],
    ["11 0000000000", "00000000 00001000 00000b50 00001000"],
    ["12 0000000000000000 00000000 0000000000", "00000000 00000003 00000003 7b7d00"],
    ["13 0000000000", "00000000"],
  ])("%s is answered %s", (request, response) => expectAnswer(client, request, response));

  test.each(["04", "06", "07 00000000", "08", "09", "0a", "0b 03", "0b 09", "0c 00000000 00000001 00000000"])(
    "%s needs power",
    async (request) => {
      await expectAnswer(client, "0e", "00000000");
      await expectAnswer(client, request, "0000000a");
    },
  );

  test("hash sequences", async () => {
    const before = await host.execute(readPcr17);
    await expectAnswer(client, "06", "00000000");
    await expectAnswer(client, "07 00000003 010203", "00000000");
    await expectAnswer(client, "08", "00000000");
    await expectAnswer(client, "04", "00000000 01000000");
    await expectAnswer(client, "0b 03", "00000000");
    await expectAnswer(client, "04", "00000000 00000000");
    expect(await host.execute(readPcr17)).not.toEqual(before);
  });

  test("information in parts", async () => {
    let text = "";
    for (let total = 1, offset = 0; offset < total; ) {
      await ask(client, concatBytes(uint32s(0x12, 0, 0xff, offset, 0)));
      const head = await client.receive(12);
      const view = new DataView(head.buffer);
      expect(view.getUint32(0)).toBe(0);
      total = view.getUint32(4);
      const size = view.getUint32(8);
      expect(size).toBe(Math.min(total - offset, 3072));
      text += new TextDecoder().decode(await client.receive(size));
      offset += size;
    }
    expect(text.endsWith("}\0")).toBe(true);
    const info: unknown = JSON.parse(text.slice(0, -1));
    expect(Object.keys(info as object)).toEqual([
      "TPMSpecification",
      "TPMAttributes",
      "TPMFeatures",
      "RuntimeAlgorithms",
      "RuntimeCommands",
      "RuntimeAttributes",
      "ActiveProfile",
      "AvailableProfiles",
    ]);
  });

  test("state out and in goes on where it was", async () => {
    expect((await host.execute(defineCounter(INDEX))).length).toBe(19);
    await host.execute(increment(INDEX));
    const count = counterValue(await host.execute(readCounter(INDEX)));
    const [permanent, volatile] = [await getBlob(client, 1, 1), await getBlob(client, 2, 1)];
    expect(permanent).toMatchObject({ result: 0, stateFlags: 0, total: permanent.blob.length });
    await host.execute(increment(INDEX));
    await expectAnswer(client, "0e", "00000000");
    for (const [kind, { blob }] of [[1, permanent] as const, [2, volatile] as const]) {
      await expectAnswer(client, setBlob(kind, blob), "00000000");
    }
    await expectAnswer(client, setBlob(3, new Uint8Array(0)), "00000000");
    await expectAnswer(client, "02 00000001", "00000000");
    // It runs: no TPM2_Startup was needed.
    expect(counterValue(await host.execute(readCounter(INDEX)))).toBe(count);
  });
});

describe("state blobs", () => {
  let client: Client;
  const begin = async (keys: Parameters<typeof serve>[0] = {}): Promise<void> => {
    await serve(keys);
    client = connect();
  };

  test("are read from any offset on", async () => {
    await begin({ key: KEY });
    const whole = await getBlob(client, 1);
    expect(whole.stateFlags).toBe(2);
    const rest = await getBlob(client, 1, 0, 100);
    expect(rest.blob).toEqual(whole.blob.slice(100));
    expect(rest).toMatchObject({ total: whole.blob.length - 100, size: whole.blob.length - 100 });
  });

  test("tell which keys there are", async () => {
    await begin({ key: KEY, migrationKey: MIGRATION_KEY });
    await expectAnswer(client, "0f", "00000000 00000003");
  });

  test("are taken in any pieces", async () => {
    await begin();
    const { blob } = await getBlob(client, 1);
    await expectAnswer(client, "0e", "00000000");
    const message = setBlob(1, blob);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 17, max: message.length }), { maxLength: 5 }), async (cuts) => {
        let from = 0;
        for (const cut of [...cuts.sort((a, b) => a - b), message.length]) {
          await client.send(message.subarray(from, cut));
          await new Promise(setImmediate);
          from = cut;
        }
        expect(toHex(await client.receive(4))).toBe("00000000");
      }),
      { numRuns: 20 },
    );
  });

  test("of which the end does not come", async () => {
    await begin();
    await expectAnswer(client, "0e", "00000000");
    await client.send(concatBytes(uint32s(0x0d, 0, 1, 100), new Uint8Array(99)));
    shutdown(client.fd);
    expect(toHex(await client.end())).toBe("00000003");
  });

  const image = async (): Promise<Bytes> => (await host.permanentImage()) ?? new Uint8Array(0);
  test.each<[string, Parameters<typeof serve>[0], (state: Bytes) => Bytes, flags: number, response: string]>([
    ["a plain one", {}, (state) => seal(state), 0, "00000000"],
    [
      "a plain one where there is a migration key",
      { migrationKey: MIGRATION_KEY },
      (state) => seal(state),
      0,
      "00000000",
    ],
    ["an encrypted one", { key: KEY }, (state) => seal(state, { key: KEY }), 2, "00000000"],
    ["one for another key", { key: KEY }, (state) => seal(state, { key: KEY.map((byte) => byte + 1) }), 2, "00000021"],
    ["one for a key of another size", { key: KEY }, (state) => seal(state, { key: MIGRATION_KEY }), 2, "00000028"],
    ["one for a key where there is none", {}, (state) => seal(state, { key: KEY }), 2, "0000000d"],
    ["one for a migration key", {}, (state) => seal(state, { migrationKey: MIGRATION_KEY }), 0, "0000000d"],
    ["a short one", {}, (state) => seal(state).slice(0, -1), 0, "00000003"],
    ["no state", {}, () => seal(new Uint8Array(100)), 0, "00000009"],
    ["nothing", {}, () => new Uint8Array(9), 0, "00000003"],
  ])("%s", async (_, keys, make, flags, response) => {
    await begin(keys);
    const blob = make(await image());
    await expectAnswer(client, "0e", "00000000");
    await expectAnswer(client, setBlob(1, blob, flags), response);
    await expectAnswer(client, "02 00000000", "00000000");
  });

  test.each([
    ["header size", 3, 11, "0000002b"],
    ["version", 1, 3, "0000002e"],
  ])("with another %s", async (_, at, value, response) => {
    await begin();
    const blob = seal(await image());
    blob[at] = value;
    await expectAnswer(client, "0e", "00000000");
    await expectAnswer(client, setBlob(1, blob), response);
  });

  test("of a kind that there is not", async () => {
    await begin();
    const blob = seal(await image());
    await expectAnswer(client, "0e", "00000000");
    await expectAnswer(client, setBlob(4, blob), "00000009");
  });

  test("that are too large end the connection", async () => {
    await begin();
    await expectAnswer(client, "0e", "00000000");
    await client.send(uint32s(0x0d, 0, 1, 0x80001));
    expect(toHex(await client.end())).toBe("00000009");
  });

  test("with more behind them", async () => {
    await begin();
    await expectAnswer(client, "0e", "00000000");
    await expectAnswer(client, concatBytes(uint32s(0x0d, 0, 1, 1), new Uint8Array(2)), "00000003");
  });

  test("give the store up with the last one; a command takes it back", async () => {
    await begin();
    await getBlob(client, 1);
    expect((await getBlob(client, 3)).result).toBe(0x800);
    expect(owner.commits).toBeUndefined();
    await expectAnswer(client, "13 00000000", "00000000");
    expect(owner.commits).toBeDefined();
  });
});

describe("SET_DATAFD", () => {
  let client: Client;
  beforeEach(async () => {
    await serve();
    client = connect();
  });

  const pass = async (passed: readonly number[], response: string): Promise<void> => {
    await ask(client, "10", passed);
    expect(toHex(await client.receive(4))).toBe(response);
  };
  /** A descriptor to be passed, which this process does not keep. */
  async function passing(fd: number, response: string, ...others: readonly number[]): Promise<void> {
    await pass([fd, ...others], response);
    closeSync(fd);
  }

  test.each(["stream", "datagram"] as const)("takes a %s socket, one at a time", async (type) => {
    const connection = new Client(type);
    await passing(connection.theirs, "00000000");
    await connection.send(getRandom(4));
    expect((await connection.receive(16)).length).toBe(16);
    const second = new Client("stream");
    await passing(second.theirs, "0000001f");
    expect(toHex(await second.end())).toBe("");
    if (type === "datagram") return; // nobody is told of its end
    connection.close();
    await dataEnds;
    const third = new Client("stream");
    await passing(third.theirs, "00000000");
    await third.send(getRandom(8));
    expect((await third.receive(20)).length).toBe(20);
  });

  test.each([
    ["a file", () => openSync(join(directory, "file"), "w+")],
    ["a folder", () => openSync(directory, "r")],
    ["a device", () => openSync("/dev/null", "r+")],
  ])("refuses %s, and goes on", async (_, open) => {
    await passing(open(), "00000003");
    const connection = new Client("stream");
    await passing(connection.theirs, "00000000");
  });

  test("takes the first of many, and keeps none of the others", async () => {
    const before = openCount("/dev/null");
    const files = Array.from({ length: 20 }, () => openSync("/dev/null", "r"));
    const connection = new Client("stream");
    await passing(connection.theirs, "00000000", ...files.slice(0, 15));
    await pass(files, "0000001f");
    await ask(client, "0f", files);
    expect(toHex(await client.receive(8))).toBe("0000000000000000");
    for (const file of files) closeSync(file);
    expect(openCount("/dev/null")).toBe(before);
    expect(fstatSync(connection.fd).isSocket()).toBe(true);
  });
});

test("a request that does not become complete ends the connection without an answer", async () => {
  await serve();
  const client = connect();
  await ask(client, "02 0000");
  expect(toHex(await client.end())).toBe("");
});

test("random requests with descriptors of all kinds leave nothing behind and the next client served", async () => {
  await serve();
  const open = [
    () => openSync("/dev/null", "r+"),
    () => openSync(directory, "r"),
    () => socketPair("datagram").theirs,
    () => socketPair("stream").theirs,
    () => socketPair("seqpacket").theirs,
  ];
  const request = fc.tuple(
    fc.integer({ min: 0, max: 0x15 }),
    fc.uint8Array({ maxLength: 24 }),
    fc.array(fc.nat({ max: open.length - 1 }), { maxLength: 3 }),
    fc.array(fc.nat({ max: 28 }), { maxLength: 3 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 4 }), async (requests) => {
      const client = connect();
      for (const [code, body, kinds, cuts] of requests) {
        const bytes = concatBytes(uint32s(code), body);
        const passed = kinds.map((kind) => open[kind]?.() ?? 0);
        let from = 0;
        try {
          for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
            if (cut <= from || cut > bytes.length) continue;
            sendMessage(client.fd, bytes.subarray(from, cut), from === 0 ? passed : []);
            await new Promise(setImmediate);
            from = cut;
          }
        } catch {
          // It has ended the connection.
        }
        for (const fd of passed) closeSync(fd);
      }
      client.close();
    }),
    { numRuns: 100 },
  );
  const client = connect();
  await expectAnswer(client, "01", "00000000 0001ffff");
});

/** How many descriptors of this process are of that file. */
function openCount(path: string): number {
  const folder = "/proc/self/fd";
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(join(folder, fd)) === path;
    } catch {
      // The one that reads the folder is closed by now.
      return false;
    }
  }).length;
}
