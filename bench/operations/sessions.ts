import { randomBytes } from "node:crypto";
import { ByteReader } from "../tpm/bytes.ts";
import type { Client } from "../tpm/client.ts";
import {
  commands,
  eccPoint,
  handleOf,
  nvReadRequest,
  nvWriteRequest,
  RH,
  rsaModulus,
  succeeded,
  templates,
} from "../tpm/commands.ts";
import { eccSalt, type HmacSession, rsaSalt } from "../tpm/session.ts";
import { expectEqual, type Operation } from "./operation.ts";

const withHmac = { must: 2.0, aim: 1.6 };
const withEncryption = { must: 2.2, aim: 1.8 };
const index = 0x01000011;

async function readThrough(client: Client, session: HmacSession, encryptResponse: boolean) {
  const name = await client.defineIndex(index, 32);
  const request = nvReadRequest(index, name, 32);
  const data = randomBytes(32);
  await client.run(commands.nvWrite(index, data));
  return () => ({
    send: [session.command(request, "in the response")],
    check(response: Buffer) {
      const parameters = session.response(request, succeeded(response));
      expectEqual(new ByteReader(parameters).sized(), data, encryptResponse ? "what was decrypted" : "what was read");
    },
  });
}

const flushStarted = (response: Buffer) => [commands.flush(handleOf(response).handle)];

/** Sessions: what they cost around a command, and to start. */
export const sessionOperations: readonly Operation[] = [
  {
    name: "NV_Read, HMAC session",
    kind: "session with HMAC or encryption",
    metric: "p50",
    target: withHmac,
    async prepare(client) {
      return readThrough(client, await client.startSession({ encrypts: false }), false);
    },
  },
  {
    name: "NV_Read, AES-CFB session",
    kind: "session with HMAC or encryption",
    metric: "p50",
    target: withEncryption,
    async prepare(client) {
      const key = await client.createPrimary(templates.eccStorage());
      const salt = eccSalt(eccPoint(key.publicArea));
      return readThrough(client, await client.startSession({ tpmKey: key.handle, salt, encrypts: true }), true);
    },
  },
  {
    name: "NV_Write, AES-CFB session",
    kind: "write to NV",
    metric: "p50",
    target: undefined,
    async prepare(client) {
      const session = await client.startSession({ encrypts: true });
      const name = await client.defineIndex(index, 32);
      return () => {
        const request = nvWriteRequest(index, name, randomBytes(32));
        return {
          send: [session.command(request, "in the command")],
          check: (response) => void session.response(request, succeeded(response)),
        };
      };
    },
  },
  {
    name: "StartAuthSession, unsalted",
    kind: "touches no key, state or disk",
    metric: "p50",
    target: { must: 1.6, aim: 1.35 },
    async prepare() {
      return () => ({
        send: [commands.startAuthSession(RH.NULL, randomBytes(16), Buffer.alloc(2), false)],
        cleanUp: flushStarted,
      });
    },
  },
  {
    name: "StartAuthSession, ECC salt",
    kind: "ECC, P-256",
    metric: "p50",
    target: { must: 0.55, aim: 0.4 },
    async prepare(client) {
      const key = await client.createPrimary(templates.eccStorage());
      const { encrypted } = eccSalt(eccPoint(key.publicArea));
      return () => ({
        send: [commands.startAuthSession(key.handle, randomBytes(16), encrypted, false)],
        cleanUp: flushStarted,
      });
    },
  },
  {
    name: "StartAuthSession, RSA salt",
    kind: "RSA key",
    metric: "p50",
    target: { must: 0.65, aim: 0.53 },
    async prepare(client) {
      const key = await client.createPrimary(templates.rsaStorage());
      const { encrypted } = rsaSalt(rsaModulus(key.publicArea));
      return () => ({
        send: [commands.startAuthSession(key.handle, randomBytes(16), encrypted, false)],
        cleanUp: flushStarted,
      });
    },
  },
];
