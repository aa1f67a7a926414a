import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TPM_RC } from "@vtpm/tpm2";
import { type Bytes, concatBytes, fromHex, toHex } from "@vtpm/wire";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openHost } from "../host/open-host.ts";
import type { TpmHost } from "../host/tpm-host.ts";
import { TPM_SU } from "../host/tpm2-messages.ts";
import { NodePlatform } from "../platform/node-platform.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { StoreOwner } from "../store/store-owner.ts";
import { createPrimaryRsa, extendPcr17, getRandom, readPcr17, responseCode, startup } from "../testing/commands.ts";
import { HeldJobs } from "../testing/held-jobs.ts";
import { WireClient } from "../testing/wire-client.ts";
import { type Endpoint, serveMssim, serveSwtpm, serveSwtpmUnix } from "./endpoints.ts";
import { ListenError } from "./listen-error.ts";
import { uint32s } from "./words.ts";

const LOCALHOST = "127.0.0.1";
const RUNNING_TPM_NEEDED = ["04", "06", "07 00000000", "08", "09", "0b 03"];

let host: TpmHost;
let jobs: HeldJobs;
let platform: NodePlatform;
let ends: number;
let endpoints: Endpoint[];
let clients: WireClient[];
let directory: string;

beforeEach(async () => {
  jobs = new HeldJobs();
  platform = new NodePlatform();
  host = await openHost({ name: "tpm", owner: new StoreOwner(async () => new MemoryStore()), platform, jobs });
  await host.init();
  await host.startup(TPM_SU.CLEAR);
  ends = 0;
  endpoints = [];
  clients = [];
  directory = mkdtempSync(join(tmpdir(), "vtpm-sockets-"));
});

afterEach(async () => {
  for (const client of clients) client.close();
  await Promise.all(endpoints.map((endpoint) => endpoint.close()));
  rmSync(directory, { recursive: true });
});

const served = () => ({ host, platform, endProcess: () => ends++ });

async function keep(endpoint: Promise<Endpoint>): Promise<Endpoint> {
  endpoints.push(await endpoint);
  return endpoint;
}

async function client(address: number | string): Promise<WireClient> {
  const opened = await WireClient.open(address);
  clients.push(opened);
  return opened;
}

/** Somebody else who still gets answers. */
async function expectAlive(port: number): Promise<void> {
  const other = await client(port);
  other.send(getRandom(4));
  expect(responseCode(await other.response())).toBe(0);
}

describe("swtpm's data channel", () => {
  let port: number;
  beforeEach(async () => {
    port = (await keep(serveSwtpm(LOCALHOST, 0, served()))).port;
  });

  test("takes bare commands and gives bare responses", async () => {
    const tpm = await client(port);
    tpm.send(getRandom(8));
    expect(await tpm.response()).toHaveLength(20);
  });

  test("puts a command together from any segments", async () => {
    const tpm = await client(port);
    const command = getRandom(8);
    for (let cut = 1; cut < command.length; cut++) {
      await tpm.sendApart(command.slice(0, cut), command.slice(cut));
      expect(responseCode(await tpm.response())).toBe(0);
    }
  });

  test("takes commands one after the other from one segment", async () => {
    const tpm = await client(port);
    tpm.send(getRandom(1), getRandom(2), getRandom(3));
    for (const size of [13, 14, 15]) expect(await tpm.response()).toHaveLength(size);
  });

  test("answers what was sent before the client closed its side", async () => {
    const tpm = await client(port);
    tpm.send(createPrimaryRsa(2048), getRandom(4));
    tpm.finish();
    await jobs.arrival();
    jobs.finish();
    expect(responseCode(await tpm.response())).toBe(0);
    expect(await tpm.response()).toHaveLength(16);
    expect(await tpm.end()).toBe(0);
  });

  test("takes the simulator's header, frames the response then, and keeps the locality", async () => {
    const tpm = await client(port);
    tpm.send(uint32s(8), Uint8Array.of(3), uint32s(getRandom(8).length), getRandom(8));
    expect(responseCode(await tpm.framedResponse())).toBe(0);
    tpm.send(extendPcr17);
    expect(responseCode(await tpm.response())).toBe(0);
    expect(host.locality).toBe(3);
  });

  test("answers with TPM_RC_FAILURE while the TPM has no power, whatever its version is asked with", async () => {
    await host.stop();
    const tpm = await client(port);
    for (const probe of [getRandom(4), fromHex("00c1 0000000c 00000099 0001")]) {
      tpm.send(probe);
      expect(toHex(await tpm.response())).toBe("80010000000a00000101");
    }
  });

  test.each([
    ["too small", "8001 00000009 0000017b"],
    ["zero", "8001 00000000 0000017b"],
    ["too large", "8001 00001001 0000017b"],
    ["absurd", "8001 ffffffff 0000017b"],
  ])("answers a size that is %s and goes on with the next segment", async (_, bytes) => {
    const tpm = await client(port);
    tpm.send(fromHex(bytes), new Uint8Array(100));
    expect(responseCode(await tpm.response())).toBe(TPM_RC.COMMAND_SIZE);
    tpm.send(getRandom(4));
    expect(responseCode(await tpm.response())).toBe(0);
  });

  test.each([
    ["00000000 00000000 0000", "00000084"],
    ["ffff 00000000 0000017b", "00000084"],
  ])("has the TPM say what is wrong with %s", async (bytes, code) => {
    const tpm = await client(port);
    tpm.send(fromHex(bytes));
    expect(toHex(await tpm.response())).toBe(`80010000000a${code}`);
    await host.stop();
    tpm.send(fromHex(bytes));
    expect(toHex(await tpm.response())).toBe("80010000000a00000101");
  });

  test("answers a size that is too large behind the simulator's header", async () => {
    const tpm = await client(port);
    tpm.send(uint32s(8), Uint8Array.of(0), uint32s(0xffffffff));
    expect(responseCode(await tpm.framedResponse())).toBe(TPM_RC.COMMAND_SIZE);
    tpm.send(getRandom(4));
    expect(responseCode(await tpm.response())).toBe(0);
  });

  test("serves others while a client is slow, long, or gone", async () => {
    const slow = await client(port);
    slow.send(getRandom(8).slice(0, 11));
    const gone = await client(port);
    gone.send(getRandom(8));
    gone.close();
    await expectAlive(port);
    const long = await client(port);
    long.send(createPrimaryRsa(2048));
    await jobs.arrival();
    const control = await client(port + 1);
    control.send(uint32s(4));
    expect(await control.receive(8)).toEqual(new Uint8Array(8));
    jobs.finish();
    expect(responseCode(await long.response())).toBe(0);
  });

  test("stops reading from a client that does not read", async () => {
    const deaf = await client(port);
    for (let i = 0; i < 300; i++) deaf.send(concatBytes(...Array.from({ length: 100 }, () => getRandom(48))));
    await expectAlive(port);
  });

  test("gives a client that reads late every response, whole and in order", async () => {
    const path = join(directory, "tpm.sock");
    await keep(serveSwtpmUnix(path, served()));
    const tpm = await client(path);
    tpm.pause();
    const sizes = Array.from({ length: 3000 }, (_, i) => 1 + (i % 32));
    tpm.send(...sizes.map(getRandom)); // far more than the system keeps for a client
    await expectAlive(port);
    tpm.resume();
    for (const size of sizes) expect(await tpm.response()).toHaveLength(12 + size);
  });

  test("survives any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 64 }), { maxLength: 4 }), async (parts) => {
        const tpm = await client(port);
        await tpm.sendApart(...parts);
        tpm.finish();
        await tpm.end();
      }),
      { numRuns: 100 },
    );
    await expectAlive(port);
  });
});

describe("swtpm's control channel", () => {
  let port: number;
  let control: WireClient;
  beforeEach(async () => {
    port = (await keep(serveSwtpm(LOCALHOST, 0, served()))).port;
    control = await client(port + 1);
  });

  /** Sends a request; its response is expected to be these bytes. */
  async function expectControl(request: string, response: string): Promise<void> {
    const expected = toHex(fromHex(response));
    control.send(fromHex(`000000${request}`));
    expect(toHex(await control.receive(expected.length / 2)), request).toBe(expected);
  }

  test("tells what it can do, and no more", async () => {
    await expectControl("01", "00000000 0001efff");
    await expectControl("01 ffff", "00000000 0001efff");
    for (const later of ["10", "14", "00", "ff"]) await expectControl(later, "0000000a");
  });

  test("initializes, stops and initializes again", async () => {
    await expectControl("0e", "00000000");
    expect(host.running).toBe(false);
    await expectControl("02 00000000", "00000000");
    expect(host.running).toBe(true);
    expect(responseCode(await host.execute(getRandom(4)))).toBe(TPM_RC.INITIALIZE);
    expect(responseCode(await host.execute(startup(1)))).toBe(0);
    await expectControl("02 00000001", "00000000");
  });

  test("answers a shutdown, and then asks for the end", async () => {
    await expectControl("03", "00000000");
    expect(ends).toBe(1);
  });

  test("measures a launch and tells of it", async () => {
    const before = await host.execute(readPcr17);
    await expectControl("04", "00000000 00000000");
    await expectControl("06", "00000000");
    await expectControl("07 00000003 010203", "00000000");
    await expectControl("07 00000000", "00000000");
    await expectControl("08", "00000000");
    await expectControl("04", "00000000 01000000");
    expect(await host.execute(readPcr17)).not.toEqual(before);
    await expectControl("0b 02", "0000003d");
    await expectControl("0b 05", "0000003d");
    await expectControl("0b 03000000", "00000000");
    await expectControl("04", "00000000 00000000");
  });

  test("measures data of any length in any segments like data in one piece", async () => {
    const data = new Uint8Array(200_000).map((_, i) => i);
    const measure = async (send: () => Promise<void> | void): Promise<Bytes> => {
      await host.init();
      await host.startup(TPM_SU.CLEAR);
      await expectControl("06", "00000000");
      await send();
      expect(toHex(await control.receive(4))).toBe("00000000");
      await expectControl("08", "00000000");
      return host.execute(readPcr17);
    };
    const whole = await measure(() => control.send(fromHex("00000007"), uint32s(data.length), data));
    const pieces = await measure(() =>
      control.sendApart(
        fromHex("00000007"),
        uint32s(data.length),
        data.slice(0, 1),
        data.slice(1, 70_000),
        data.slice(70_000),
      ),
    );
    expect(toHex(pieces).slice(-64)).toBe(toHex(whole).slice(-64));
  });

  test("sets the locality, in whatever padding", async () => {
    await expectControl("05 03", "00000000");
    expect(host.locality).toBe(3);
    await expectControl("05 02000000", "00000000");
    expect(host.locality).toBe(2);
    await expectControl("05 05", "0000003d");
    expect(host.locality).toBe(2);
  });

  test("sets the buffer size while the TPM has no power", async () => {
    await expectControl("11 00000000", "00000000 00001000 00000b50 00001000");
    await expectControl("11 00000c00", "0000000a");
    await expectControl("0e", "00000000");
    await expectControl("11 00000c00", "00000000 00000c00 00000b50 00001000");
    await expectControl("11 00000001", "00000000 00000b50 00000b50 00001000");
    await expectControl("11 ffffffff", "00000000 00001000 00000b50 00001000");
  });

  test("has the TPM tell of the buffer size", async () => {
    await expectControl("0e", "00000000");
    await expectControl("11 00000b50", "00000000 00000b50 00000b50 00001000");
    await expectControl("02 00000000", "00000000");
    await host.startup(TPM_SU.CLEAR);
    const properties = await host.execute(fromHex("8001 00000016 0000017a 00000006 0000011e 00000002"));
    expect(toHex(properties).slice(-32)).toBe("0000011e00000b500000011f00000b50");
  });

  test("cancels a long command", async () => {
    const tpm = await client(port);
    tpm.send(createPrimaryRsa(2048));
    await jobs.arrival();
    await expectControl("09", "00000000");
    expect(responseCode(await tpm.response())).toBe(TPM_RC.CANCELED);
  });

  test("has no keys", () => expectControl("0f", "00000000 00000000"));

  test("refuses what needs power while there is none", async () => {
    await host.stop();
    for (const request of RUNNING_TPM_NEEDED) await expectControl(request, "0000000a");
  });

  test("refuses bodies that are too long", async () => {
    for (const request of [
      "02 0000000000",
      "03 00",
      "04 00",
      "06 00",
      "07 00000001 0102",
      "07 00000000 00",
      "0f 0000000f",
    ]) {
      await expectControl(request, "00000003");
    }
  });

  test("closes the connection when a request does not become complete in time", async () => {
    control.send(fromHex("00000002 0000"));
    expect(await control.end()).toBe(0);
  });

  test("survives any bytes", async () => {
    const request = fc.tuple(fc.integer({ min: 0, max: 0x20 }), fc.uint8Array({ maxLength: 12 }));
    await fc.assert(
      fc.asyncProperty(request, async ([code, body]) => {
        const other = await client(port + 1);
        other.send(uint32s(code), body);
        other.finish();
        await other.end();
      }),
      { numRuns: 200 },
    );
    await host.init();
    await host.startup(TPM_SU.CLEAR);
    await expectAlive(port);
  });
});

describe("the simulator's protocol", () => {
  let port: number;
  let tpm: WireClient;
  let signals: WireClient;
  beforeEach(async () => {
    port = (await keep(serveMssim(LOCALHOST, 0, served()))).port;
    tpm = await client(port);
    signals = await client(port + 1);
  });

  const framed = (command: Bytes, locality = 0): Bytes =>
    concatBytes(uint32s(8), Uint8Array.of(locality), uint32s(command.length), command);

  async function send(command: Bytes, locality = 0): Promise<number> {
    tpm.send(framed(command, locality));
    return responseCode(await tpm.framedResponse());
  }

  async function signal(code: number): Promise<void> {
    signals.send(uint32s(code));
    expect(toHex(await signals.receive(4))).toBe("00000000");
  }

  test("shakes hands", async () => {
    tpm.send(uint32s(15, 1));
    expect(await tpm.receive(12)).toEqual(uint32s(1, 13, 0));
  });

  test("takes commands with their locality, in any segments", async () => {
    expect(await send(getRandom(4))).toBe(0);
    expect(await send(extendPcr17)).toBe(TPM_RC.LOCALITY);
    expect(await send(extendPcr17, 3)).toBe(0);
    expect(host.locality).toBe(0);
    const bytes = framed(getRandom(4));
    for (let cut = 1; cut < bytes.length; cut++) {
      await tpm.sendApart(bytes.slice(0, cut), bytes.slice(cut));
      expect(responseCode(await tpm.framedResponse())).toBe(0);
    }
  });

  test.runIf(process.platform === "linux")(
    "does not keep a client waiting that sends a command in two pieces",
    async () => {
      const command = getRandom(4);
      const header = framed(command).subarray(0, -command.length);
      const exchangeMs = async (client: WireClient): Promise<number> => {
        const begin = performance.now();
        await Promise.all([client.sendApart(header, command), client.framedResponse()]);
        return performance.now() - begin;
      };
      const waiting = await client(port);
      waiting.awaitAcknowledgements();
      const longer: number[] = [];
      for (let exchange = 0; exchange < 31; exchange++) {
        const otherwise = await exchangeMs(tpm);
        longer.push((await exchangeMs(waiting)) - otherwise);
      }
      // Linux acknowledges after 40 ms if it is not told to.
      expect(longer.sort((a, b) => a - b)[15]).toBeLessThan(20);
    },
  );

  test("answers a command that is too large and keeps in step", async () => {
    tpm.send(framed(new Uint8Array(100_000)), framed(getRandom(4)));
    expect(responseCode(await tpm.framedResponse())).toBe(TPM_RC.COMMAND_SIZE);
    expect(responseCode(await tpm.framedResponse())).toBe(0);
  });

  test("measures a launch", async () => {
    const before = await host.execute(readPcr17);
    tpm.send(uint32s(5), uint32s(6, 3), Uint8Array.of(1, 2, 3), uint32s(6, 0), uint32s(7));
    expect(await tpm.receive(16)).toEqual(new Uint8Array(16));
    expect(await host.execute(readPcr17)).not.toEqual(before);
  });

  test("ignores alternative results", async () => {
    tpm.send(uint32s(22, 5), new Uint8Array(5), uint32s(22, 0));
    expect(await tpm.receive(8)).toEqual(new Uint8Array(8));
  });

  test("switches power", async () => {
    await signal(1); // is on already
    expect(await send(getRandom(4))).toBe(0);
    await signal(2);
    expect(await send(getRandom(4))).toBe(TPM_RC.FAILURE);
    await signal(1);
    expect(await send(getRandom(4))).toBe(TPM_RC.INITIALIZE);
    expect(await send(startup(0))).toBe(0);
    for (const reset of [17, 18]) {
      await signal(reset);
      expect(await send(getRandom(4))).toBe(TPM_RC.INITIALIZE);
      expect(await send(startup(0))).toBe(0);
    }
  });

  test("passes the other signals on", async () => {
    await signal(3);
    expect(platform.physicalPresence()).toBe(true);
    await signal(4);
    expect(platform.physicalPresence()).toBe(false);
    await signal(12);
    expect(host.nvAvailable).toBe(false);
    await signal(11);
    expect(host.nvAvailable).toBe(true);
    await signal(13);
    await signal(14);
    await signal(30);
    expect(await send(getRandom(4))).toBe(TPM_RC.FAILURE);
    signals.send(uint32s(25));
    expect(await signals.receive(24)).toEqual(concatBytes(uint32s(16), new Uint8Array(20)));
    signals.send(uint32s(26, 0x40000110));
    expect(await signals.receive(8)).toEqual(new Uint8Array(8));
  });

  test("cancels long commands as long as it is asked to", async () => {
    tpm.send(framed(createPrimaryRsa(2048)));
    await jobs.arrival();
    await signal(9);
    expect(responseCode(await tpm.framedResponse())).toBe(TPM_RC.CANCELED);
    expect(await send(createPrimaryRsa(2048))).toBe(TPM_RC.CANCELED);
    await signal(10);
    tpm.send(framed(createPrimaryRsa(2048)));
    await jobs.arrival();
    jobs.finish();
    expect(responseCode(await tpm.framedResponse())).toBe(0);
  });

  test("ends a session, and the process when asked to", async () => {
    tpm.send(uint32s(20));
    expect(await tpm.end()).toBe(0);
    signals.send(uint32s(20));
    expect(await signals.end()).toBe(0);
    expect(ends).toBe(0);
    const other = await client(port + 1);
    other.send(uint32s(21));
    await other.end();
    expect(ends).toBe(1);
  });

  test("hangs up on what it does not know", async () => {
    tpm.send(uint32s(99));
    expect(await tpm.end()).toBe(0);
    signals.send(uint32s(99));
    expect(await signals.receive(4)).toEqual(uint32s(1));
    expect(await signals.end()).toBe(0);
  });

  test("survives any bytes", async () => {
    const request = fc.tuple(fc.integer({ min: 0, max: 0x20 }), fc.uint8Array({ maxLength: 24 }));
    await fc.assert(
      fc.asyncProperty(request, fc.constantFrom(0, 1), async ([code, rest], offset) => {
        const other = await client(port + offset);
        other.send(uint32s(code), rest);
        other.finish();
        await other.end();
      }),
      { numRuns: 200 },
    );
    await signal(17);
    await signal(10);
    await signal(11);
    expect(await send(startup(0))).toBe(0);
  });
});

describe("a listener", () => {
  test("serves on Unix sockets that only their owner may use, and removes them", async () => {
    const path = join(directory, "tpm.sock");
    const endpoint = await serveSwtpmUnix(path, served());
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}.ctrl`).mode & 0o777).toBe(0o600);
    const tpm = await client(path);
    tpm.send(getRandom(4));
    expect(responseCode(await tpm.response())).toBe(0);
    const control = await client(`${path}.ctrl`);
    control.send(uint32s(15));
    expect(await control.receive(8)).toEqual(new Uint8Array(8));
    await endpoint.close();
    expect(existsSync(path)).toBe(false);
    expect(existsSync(`${path}.ctrl`)).toBe(false);
  });

  test("says which port is in use, and opens none of the two then", async () => {
    const { port } = await keep(serveSwtpm(LOCALHOST, 0, served()));
    const error = await serveMssim(LOCALHOST, port - 1, served()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ListenError);
    expect(error).toMatchObject({
      code: "ADDRESS_IN_USE",
      message: `port ${port} of 127.0.0.1 is in use: choose another one, or 0 for any that is free`,
    });
  });

  test("opens nothing that goes with commands where it cannot open these", async () => {
    // The port above a used one may be used by others, so a few are tried.
    for (let attempt = 0; attempt < 50; attempt++) {
      const { port } = await keep(serveSwtpm(LOCALHOST, 0, served()));
      const error: unknown = await serveMssim(LOCALHOST, port + 1, served()).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ListenError);
      if (error instanceof ListenError && error.message.startsWith(`port ${port + 1} `)) {
        await expect(WireClient.open(port + 2)).rejects.toThrow();
        return;
      }
    }
    expect.unreachable();
  });

  test("opens commands last: who gets in there finds the rest", async () => {
    const listen = vi.spyOn(Server.prototype, "listen");
    try {
      const path = join(directory, "tpm.sock");
      await keep(serveSwtpmUnix(path, served()));
      expect(listen.mock.calls).toEqual([[{ path: `${path}.ctrl` }], [{ path }]]);
      for (const serve of [serveSwtpm, serveMssim]) {
        listen.mockClear();
        const { port } = await keep(serve(LOCALHOST, 0, served()));
        expect(listen.mock.lastCall).toEqual([{ host: LOCALHOST, port }]);
      }
    } finally {
      listen.mockRestore();
    }
  });

  test("says that an address is not of this machine", async () => {
    await expect(serveSwtpm("192.0.2.1", 0, served())).rejects.toMatchObject({ code: "ADDRESS_UNAVAILABLE" });
  });

  test("leaves a socket alone that is in use, and a file that is none", async () => {
    const path = join(directory, "tpm.sock");
    await keep(serveSwtpmUnix(path, served()));
    await expect(serveSwtpmUnix(path, served())).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
    await (await client(path)).close();
    const file = join(directory, "file");
    writeFileSync(file, "");
    await expect(serveSwtpmUnix(file, served())).rejects.toThrow(`${file} exists and is not a socket`);
  });

  test("ends in time though a client neither reads nor leaves", async () => {
    const endpoint = await serveSwtpm(LOCALHOST, 0, served());
    const deaf = await client(endpoint.port);
    for (let i = 0; i < 500; i++) deaf.send(concatBytes(...Array.from({ length: 100 }, () => getRandom(48))));
    await client(endpoint.port + 1);
    await endpoint.close();
  });

  test("takes no more clients when it is closed", async () => {
    const endpoint = await serveSwtpm(LOCALHOST, 0, served());
    const server = createServer();
    await endpoint.close();
    await expect(WireClient.open(endpoint.port)).rejects.toThrow();
    server.close();
  });
});
