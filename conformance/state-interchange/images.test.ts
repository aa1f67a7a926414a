import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNodeProvider } from "@vtpm/crypto/node";
import {
  decodePermanent,
  decodeVolatile,
  encodePermanent,
  encodeVolatile,
  openEnvelope,
  sealEnvelope,
} from "@vtpm/state";
import { NULL_PROFILE, Tpm } from "@vtpm/tpm2";
import { TestPlatform } from "@vtpm/tpm2/testing/fuzz";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { command, RawTpm, u16, u32 } from "../raw-tpm.ts";
import type { ServerProcess } from "../servers/server.ts";
import { swtpm } from "../servers/swtpm.ts";

const declare = inject("missingPrograms").includes("swtpm") ? describe.skip : describe;
const crypto = createNodeProvider();
const STORE_VOLATILE = 10;

/** A running TPM, here or in swtpm. */
interface Home {
  execute(command: Buffer): Promise<Buffer>;
  /** Writes its state and ends without telling the TPM. */
  leave(): Promise<void>;
}

let folder: string;
let permanentFile: string;
let volatileFile: string;
let running: ServerProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vtpm-images-"));
  permanentFile = join(folder, "tpm2-00.permall");
  volatileFile = join(folder, "tpm2-00.volatilestate");
});
afterEach(async () => {
  await running?.end("SIGKILL");
  running = undefined;
  rmSync(folder, { recursive: true });
});

const clocks = () => ({
  monotonicMs: BigInt(Math.floor(performance.now())),
  wallClockMs: BigInt(Date.now()),
  crypto,
});

/** A platform of which the clock goes. */
class Here extends TestPlatform {
  override now(): number {
    return performance.now();
  }
}

const seal = (image: Uint8Array): Uint8Array =>
  sealEnvelope(image, { crypto, entropy: (size) => new Uint8Array(size) });
const open = (path: string): Uint8Array => openEnvelope(readFileSync(path), { crypto });

/** Goes on with the files here; a TPM that is new is made here. */
function here(): Home {
  const platform = new Here(`home ${folder}`);
  let tpm: Tpm;
  if (existsSync(permanentFile)) {
    tpm = Tpm.withState(platform, decodePermanent(open(permanentFile)));
    tpm.powerOn();
    if (existsSync(volatileFile)) tpm.state = decodeVolatile(open(volatileFile), tpm.state.nv, clocks());
  } else {
    tpm = Tpm.manufacture(platform, NULL_PROFILE);
    tpm.powerOn();
  }
  return {
    execute: async (bytes) => Buffer.from(tpm.execute(new Uint8Array(bytes))),
    async leave() {
      writeFileSync(permanentFile, seal(encodePermanent(tpm.state.nv)));
      writeFileSync(volatileFile, seal(encodeVolatile(tpm.state, clocks())));
    },
  };
}

/** Goes on with the files in Debian's swtpm. */
async function inSwtpm(): Promise<Home> {
  const server = await swtpm.start(folder);
  running = server;
  const tpm = await RawTpm.open(server.swtpm);
  return {
    execute: (bytes) => tpm.execute(bytes),
    async leave() {
      const control = connect(server.swtpm.port + 1, "127.0.0.1");
      control.write(u32(STORE_VOLATILE));
      const [answer] = (await once(control, "data")) as [Buffer];
      expect(answer.readUInt32BE(0)).toBe(0);
      control.destroy();
      await tpm.close();
      await server.end("SIGKILL");
      running = undefined;
    },
  };
}

/** An empty password, once for each handle that is authorized. */
const password = (count = 1): Buffer => {
  const one = Buffer.from("40000009000000000000", "hex").subarray(0, 9);
  return Buffer.concat([u32(9 * count), ...Array.from({ length: count }, () => one)]);
};
function authorized(code: number, handles: readonly number[], parameters: Buffer, auths = 1): Buffer {
  const body = Buffer.concat([...handles.map(u32), password(auths), parameters]);
  return Buffer.concat([u16(0x8002), u32(10 + body.length), u32(code), body]);
}
const sized = (bytes: Uint8Array): Buffer => Buffer.concat([u16(bytes.length), bytes]);

const ECC_STORAGE = Buffer.from("0023000b0003047200000006008000430010000300100000" + "0000", "hex");
const RSA_STORAGE = Buffer.from("0001000b00030472000000060080004300100800000000000000", "hex");
const HMAC_KEY = Buffer.from("0008000b0004047200000005000b0000", "hex");
const createPrimary = (hierarchy: number, template: Buffer): Buffer =>
  authorized(0x131, [hierarchy], Buffer.concat([sized(u32(0)), sized(template), u16(0), u32(0)]));
const startSession = (type: number): Buffer =>
  command(
    0x176,
    u32(0x40000007),
    u32(0x40000007),
    sized(Buffer.alloc(16, 7)),
    u16(0),
    Buffer.of(type),
    u16(0x10),
    u16(0xb),
  );

const OWNER = 0x40000001;
const NULL_HIERARCHY = 0x40000007;

/** Sends a command that succeeds; what follows the header. */
async function succeed(home: Home, bytes: Buffer): Promise<Buffer> {
  const response = await home.execute(bytes);
  expect(response.readUInt32BE(6).toString(16), bytes.subarray(0, 14).toString("hex")).toBe("0");
  return response.subarray(10);
}

/** The public area in the response of TPM2_CreatePrimary. */
const publicOf = (response: Buffer): string => response.subarray(8, 10 + response.readUInt16BE(8)).toString("hex");

declare("a TPM goes back and forth between here and Debian's swtpm", () => {
  test("when it is shut down: keys, NV Indices, authorizations and counters stay what they are", async () => {
    const COUNTER = 0x01800100;
    const ORDERLY_COUNTER = 0x01800101;
    const OWNER_AUTH = Buffer.from("owner");
    const withAuth = (code: number, handles: readonly number[], parameters: Buffer): Buffer => {
      const session = Buffer.concat([u32(0x40000009), u16(0), Buffer.of(0), sized(OWNER_AUTH)]);
      const body = Buffer.concat([...handles.map(u32), u32(session.length), session, parameters]);
      return Buffer.concat([u16(0x8002), u32(10 + body.length), u32(code), body]);
    };
    const define = (index: number, attributes: number, size: number): Buffer => {
      const area = Buffer.concat([u32(index), u16(0xb), u32(attributes), u16(0), u16(size)]);
      return withAuth(0x12a, [OWNER], Buffer.concat([u16(0), sized(area)]));
    };
    let expectedKeys: string[] | undefined;
    const persistent = new Map<number, string>();
    for (let round = 0; round < 6; round++) {
      const home = round % 2 === 0 ? here() : await inSwtpm();
      await succeed(home, command(0x144, u16(0)));
      if (round === 0) {
        await succeed(home, authorized(0x129, [OWNER], sized(OWNER_AUTH)));
        await succeed(home, define(COUNTER, 0x00060016, 8));
        await succeed(home, define(ORDERLY_COUNTER, 0x04060016, 8));
      }
      const keys: string[] = [];
      for (const template of [RSA_STORAGE, ECC_STORAGE]) {
        const made = await succeed(
          home,
          withAuth(0x131, [OWNER], Buffer.concat([sized(u32(0)), sized(template), u16(0), u32(0)])),
        );
        keys.push(publicOf(made));
        if (template === ECC_STORAGE) {
          const handle = 0x81000000 + round;
          await succeed(home, withAuth(0x120, [OWNER, made.readUInt32BE(0)], u32(handle)));
          persistent.set(handle, publicOf(made));
        }
        await succeed(home, command(0x165, u32(made.readUInt32BE(0))));
      }
      expectedKeys ??= keys;
      expect(keys).toEqual(expectedKeys);
      await succeed(home, define(0x01800200 + round, 0x00060006, 16));
      await succeed(
        home,
        withAuth(0x137, [OWNER, 0x01800200 + round], Buffer.concat([sized(Buffer.alloc(16, round)), u16(0)])),
      );
      for (let index = 0; index <= round; index++) {
        const data = await succeed(
          home,
          withAuth(0x14e, [OWNER, 0x01800200 + index], Buffer.concat([u16(16), u16(0)])),
        );
        expect(data.subarray(6, 22)).toEqual(Buffer.alloc(16, index));
      }
      for (const counter of [COUNTER, ORDERLY_COUNTER]) {
        await succeed(home, withAuth(0x134, [OWNER, counter], Buffer.alloc(0)));
        const data = await succeed(home, withAuth(0x14e, [OWNER, counter], Buffer.concat([u16(8), u16(0)])));
        expect(data.readBigUInt64BE(6)).toBe(BigInt(round + 1));
      }
      for (const [handle, area] of persistent) {
        const read = await succeed(home, command(0x173, u32(handle)));
        expect(read.subarray(0, 2 + read.readUInt16BE(0)).toString("hex")).toBe(area);
      }
      await succeed(home, command(0x145, u16(0)));
      await home.leave();
      rmSync(volatileFile);
    }
  });

  test("while it runs: loaded keys, sessions, running hashes, PCRs, and contexts saved in either place", async () => {
    let home = here();
    await succeed(home, command(0x144, u16(0)));
    const key = await succeed(home, createPrimary(NULL_HIERARCHY, ECC_STORAGE));
    const keyHandle = key.readUInt32BE(0);
    const hash = (await succeed(home, command(0x186, u16(0), u16(0xb)))).readUInt32BE(0);
    const event = (await succeed(home, command(0x186, u16(0), u16(0x10)))).readUInt32BE(0);
    const policy = (await succeed(home, startSession(1))).readUInt32BE(0);
    await succeed(home, command(0x16c, u32(policy), u32(0x15d)));
    const digest = await succeed(home, command(0x189, u32(policy)));
    const session = (await succeed(home, startSession(0))).readUInt32BE(0);
    let sessionContext = await succeed(home, command(0x162, u32(session)));
    let keyContext = await succeed(home, command(0x162, u32(keyHandle)));
    const hashed: Buffer[] = [];
    let pcr = Buffer.alloc(32);
    for (let round = 0; round < 6; round++) {
      const data = Buffer.alloc(37 * (round + 1), 0x30 + round);
      hashed.push(data);
      for (const sequence of [hash, event]) await succeed(home, authorized(0x15c, [sequence], sized(data)));
      const extended = createHash("sha256").update(data).digest();
      await succeed(home, authorized(0x182, [7], Buffer.concat([u32(1), u16(0xb), extended])));
      pcr = createHash("sha256").update(pcr).update(extended).digest();
      const read = await succeed(home, command(0x17e, u32(1), u16(0xb), Buffer.from("03800000", "hex")));
      expect(read.subarray(-32).toString("hex")).toBe(pcr.toString("hex"));
      expect(await succeed(home, command(0x189, u32(policy)))).toEqual(digest);
      const loaded = await succeed(home, command(0x173, u32(keyHandle)));
      expect(loaded.subarray(0, 2 + loaded.readUInt16BE(0)).toString("hex")).toBe(publicOf(key));
      // The session goes in and out; the key takes the place of the other object.
      expect((await succeed(home, command(0x161, sessionContext))).readUInt32BE(0)).toBe(session);
      sessionContext = await succeed(home, command(0x162, u32(session)));
      await succeed(home, command(0x165, u32(keyHandle)));
      expect((await succeed(home, command(0x161, keyContext))).readUInt32BE(0)).toBe(keyHandle);
      keyContext = await succeed(home, command(0x162, u32(keyHandle)));

      await home.leave();
      home = round % 2 === 0 ? await inSwtpm() : here();
    }
    const all = Buffer.concat(hashed);
    const end = Buffer.concat([sized(Buffer.alloc(0)), u32(NULL_HIERARCHY)]);
    const result = await succeed(home, authorized(0x13e, [hash], end));
    expect(result.subarray(6, 38).toString("hex")).toBe(createHash("sha256").update(all).digest("hex"));
    const results = await succeed(home, authorized(0x185, [16, event], sized(Buffer.alloc(0)), 2));
    for (const algorithm of ["sha1", "sha256", "sha384", "sha512"]) {
      expect(results.toString("hex")).toContain(createHash(algorithm).update(all).digest("hex"));
    }
    await home.leave();
  });

  test("while an HMAC is in the making and an RSA key waits for its first use", async () => {
    let home = here();
    await succeed(home, command(0x144, u16(0)));
    const hmacKey = (await succeed(home, createPrimary(NULL_HIERARCHY, HMAC_KEY))).readUInt32BE(0);
    await succeed(home, createPrimary(NULL_HIERARCHY, RSA_STORAGE));
    const begin = Buffer.concat([u16(0), u16(0xb)]);
    const sequence = (await succeed(home, authorized(0x15b, [hmacKey], begin))).readUInt32BE(0);
    const parts: Buffer[] = [];
    for (let round = 0; round < 4; round++) {
      parts.push(Buffer.alloc(50 + 30 * round, round));
      await succeed(home, authorized(0x15c, [sequence], sized(parts[round] ?? Buffer.alloc(0))));
      await home.leave();
      home = round % 2 === 0 ? await inSwtpm() : here();
    }
    const end = Buffer.concat([sized(Buffer.alloc(0)), u32(NULL_HIERARCHY)]);
    const inParts = await succeed(home, authorized(0x13e, [sequence], end));
    const atOnce = await succeed(
      home,
      authorized(0x155, [hmacKey], Buffer.concat([sized(Buffer.concat(parts)), u16(0xb)])),
    );
    expect(inParts.subarray(6, 38).toString("hex")).toBe(atOnce.subarray(6, 38).toString("hex"));
    await home.leave();
  });
});
