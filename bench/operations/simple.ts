import { createCipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import { commands, parametersOf, templates } from "../tpm/commands.ts";
import { expectEqual, expectTrue, type Operation } from "./operation.ts";

const simple = { must: 1.6, aim: 1.35 };
const bulk = { must: 1.7, aim: 1.4 };
const index = 0x01000010;

let lastRandom = Buffer.alloc(0);

/** Commands that touch no key, and those that work on bulk data. */
export const simpleOperations: readonly Operation[] = [
  {
    name: "GetRandom 32 bytes",
    kind: "touches no key, state or disk",
    metric: "p50",
    target: simple,
    async prepare() {
      const send = [commands.getRandom(32)];
      return () => ({
        send,
        check(response) {
          const random = parametersOf(response).sized();
          expectTrue(random.length === 32 && !random.equals(lastRandom), "the random number");
          lastRandom = Buffer.from(random);
        },
      });
    },
  },
  {
    name: "GetCapability, 32 properties",
    kind: "touches no key, state or disk",
    metric: "p50",
    target: simple,
    async prepare() {
      const send = [commands.getCapability(6, 0x100, 32)];
      return () => ({
        send,
        check: (response) =>
          expectEqual(response.subarray(19, 27), Buffer.from("00000100322e3000", "hex"), "the family"),
      });
    },
  },
  {
    name: "PCR_Read",
    kind: "touches no key, state or disk",
    metric: "p50",
    target: simple,
    async prepare() {
      const send = [commands.pcrRead(0)];
      return () => ({
        send,
        check: (response) => expectEqual(response.subarray(-32), Buffer.alloc(32), "the register"),
      });
    },
  },
  {
    name: "PCR_Extend",
    kind: "touches no key, state or disk",
    metric: "p50",
    target: simple,
    async prepare(client) {
      let value = (await client.run(commands.pcrRead(16))).subarray(-32);
      return () => {
        const digest = randomBytes(32);
        return {
          send: [commands.pcrExtend(16, digest)],
          check(response) {
            parametersOf(response);
            value = createHash("sha256").update(value).update(digest).digest();
          },
        };
      };
    },
  },
  {
    name: "ReadPublic",
    kind: "touches no key, state or disk",
    metric: "p50",
    target: simple,
    async prepare(client) {
      const key = await client.createPrimary(templates.eccStorage());
      const send = [commands.readPublic(key.handle)];
      return () => ({
        send,
        check: (response) => expectEqual(parametersOf(response).sized(), key.publicArea, "the public area"),
      });
    },
  },
  {
    name: "NV_Read 32 bytes, password",
    kind: "touches no key, state or disk",
    metric: "p50",
    target: simple,
    async prepare(client) {
      await client.defineIndex(index, 32);
      const data = randomBytes(32);
      await client.run(commands.nvWrite(index, data));
      const send = [commands.nvRead(index, 32)];
      return () => ({ send, check: (response) => expectEqual(parametersOf(response).sized(), data, "what was read") });
    },
  },
  {
    name: "NV_Write 32 bytes, password",
    kind: "write to NV",
    metric: "p50",
    target: { must: 1.0, aim: 0.8 },
    async prepare(client) {
      await client.defineIndex(index, 32);
      return () => ({
        send: [commands.nvWrite(index, randomBytes(32))],
        check: (response) => void parametersOf(response),
      });
    },
  },
  {
    name: "Hash 1 KB",
    kind: "touches no key, state or disk",
    metric: "p50",
    target: bulk,
    async prepare() {
      const data = randomBytes(1024);
      const expected = createHash("sha256").update(data).digest();
      const send = [commands.hash(data)];
      return () => ({ send, check: (response) => expectEqual(parametersOf(response).sized(), expected, "the digest") });
    },
  },
  {
    name: "hash sequence of 2 KB",
    kind: "hash sequence, all its commands",
    metric: "p50",
    target: bulk,
    async prepare(client) {
      const data = randomBytes(1024);
      const expected = createHash("sha256").update(data).update(data).digest();
      const handle = (await client.run(commands.hashSequenceStart())).readUInt32BE(10);
      await client.run(commands.flush(handle));
      const update = commands.sequenceUpdate(handle, data);
      const send = [commands.hashSequenceStart(), update, update, commands.sequenceComplete(handle)];
      return () => ({ send, check: (response) => expectEqual(parametersOf(response).sized(), expected, "the digest") });
    },
  },
  {
    name: "HMAC 1 KB",
    kind: "touches no key, state or disk",
    metric: "p50",
    target: bulk,
    async prepare(client) {
      const parent = await client.createPrimary(templates.eccStorage());
      const key = await client.createAndLoad(parent.handle, templates.hmac());
      const send = [commands.hmac(key.handle, randomBytes(1024))];
      const first = Buffer.from(parametersOf(await client.run(send[0] ?? Buffer.alloc(0))).sized());
      expectTrue(first.length === createHmac("sha256", "").digest().length, "the code's size");
      return () => ({ send, check: (response) => expectEqual(parametersOf(response).sized(), first, "the code") });
    },
  },
  {
    name: "EncryptDecrypt2 1 KB",
    kind: "symmetric cipher",
    metric: "p50",
    target: bulk,
    async prepare(client) {
      const parent = await client.createPrimary(templates.eccStorage());
      const key = await client.createAndLoad(parent.handle, templates.aes());
      const iv = Buffer.alloc(16);
      const data = randomBytes(1024);
      const keyStream = parametersOf(
        await client.run(commands.encryptDecrypt2(key.handle, Buffer.alloc(16), iv)),
      ).sized();
      const expected = Buffer.from(data.subarray(0, 16).map((byte, i) => byte ^ (keyStream[i] ?? 0)));
      expectTrue(createCipheriv("aes-128-cfb", iv, iv).update(data).length === data.length, "the length");
      const send = [commands.encryptDecrypt2(key.handle, data, iv)];
      return () => ({
        send,
        check: (response) => expectEqual(parametersOf(response).sized().subarray(0, 16), expected, "the cipher text"),
      });
    },
  },
  {
    name: "SelfTest, full",
    kind: "test of all algorithms",
    metric: "p50",
    target: { must: 1.0, aim: 0.5 },
    async prepare() {
      const send = [commands.selfTest()];
      return () => ({ send, check: (response) => void parametersOf(response) });
    },
  },
];
