import { connect, createServer, type Socket } from "node:net";
import { StreamTransport } from "@vtpm/client/node";
import type { Tpm } from "@vtpm/tpm2";
import {
  CreatePrimary,
  FlushContext,
  GetCapability,
  GetRandom,
  HierarchyChangeAuth,
  NV_DefineSpace,
  NV_Read,
  NV_Write,
  Startup,
} from "@vtpm/tpm2/commands";
import { TPM_ALG, TPM_CAP, TPM_ECC_CURVE, TPM_RC, TPM_RH, TPM_SU, TPMA_NV, TPMA_OBJECT } from "@vtpm/tpm2/spec";
import { type Bytes, EMPTY, fromHex } from "@vtpm/wire";
import { afterEach, describe, expect, test } from "vitest";
import { createTpm } from "../../vtpm/src/create-tpm.ts";
import { ClientError, TpmRefusal } from "./client-error.ts";
import { TpmClient } from "./tpm-client.ts";

const bytes = (text: string): Bytes => new TextEncoder().encode(text);

describe("a client of an engine in this process", () => {
  test("gets named values for named values", async () => {
    const client = new TpmClient(createTpm());
    const { randomBytes } = await client.call(GetRandom, { bytesRequested: 16 });
    expect(randomBytes).toHaveLength(16);
    const { capabilityData } = await client.call(GetCapability, {
      capability: TPM_CAP.HANDLES,
      property: 0x40000000,
      propertyCount: 1,
    });
    expect(capabilityData).toEqual({ capability: TPM_CAP.HANDLES, data: [TPM_RH.OWNER] });
  });

  test("makes a key and gets its handle and its public area", async () => {
    const client = new TpmClient(createTpm());
    const noScheme = { scheme: TPM_ALG.NULL } as const;
    const { objectHandle, outPublic, name } = await client.call(CreatePrimary, {
      primaryHandle: TPM_RH.OWNER,
      inSensitive: { userAuth: EMPTY, data: EMPTY },
      inPublic: {
        type: TPM_ALG.ECC,
        nameAlg: TPM_ALG.SHA256,
        objectAttributes: TPMA_OBJECT.of({
          fixedTPM: true,
          fixedParent: true,
          sensitiveDataOrigin: true,
          userWithAuth: true,
          sign: true,
        }),
        authPolicy: EMPTY,
        parameters: {
          symmetric: { algorithm: TPM_ALG.NULL },
          scheme: noScheme,
          curveID: TPM_ECC_CURVE.NIST_P256,
          kdf: noScheme,
        },
        unique: { x: EMPTY, y: EMPTY },
      },
      outsideInfo: EMPTY,
      creationPCR: [],
    });
    expect(objectHandle).toBe(0x80000000);
    expect(name).toHaveLength(34);
    expect(outPublic.type === TPM_ALG.ECC && outPublic.unique.x.length).toBe(32);
    await client.call(FlushContext, { flushHandle: objectHandle });
    await expect(client.call(FlushContext, { flushHandle: objectHandle })).rejects.toMatchObject({
      name: "TpmRefusal",
      message: "TPM2_FlushContext: TPM_RC_HANDLE (parameter 1)",
    });
  });

  test("authorizes with what it is given, and with empty authValues else", async () => {
    const client = new TpmClient(createTpm());
    const secret = bytes("owner");
    await client.call(HierarchyChangeAuth, { authHandle: TPM_RH.OWNER, newAuth: secret });
    const nvIndex = 0x01000001;
    const definition = {
      authHandle: TPM_RH.OWNER,
      auth: EMPTY,
      publicInfo: {
        nvIndex,
        nameAlg: TPM_ALG.SHA256,
        attributes: TPMA_NV.of({ OWNERWRITE: true, OWNERREAD: true }),
        authPolicy: EMPTY,
        dataSize: 4,
      },
    } as const;
    const refused = await client.call(NV_DefineSpace, definition).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(TpmRefusal);
    expect(refused).toMatchObject({ rc: 0x9a2, message: "TPM2_NV_DefineSpace: TPM_RC_BAD_AUTH (session 1)" });
    await client.call(NV_DefineSpace, definition, [secret]);
    const at = { authHandle: TPM_RH.OWNER, nvIndex, offset: 0 } as const;
    await client.call(NV_Write, { ...at, data: bytes("data") }, [secret]);
    expect(await client.call(NV_Read, { ...at, size: 4 }, [secret])).toEqual({ data: bytes("data") });
  });

  test("says that a TPM that is not started refuses", async () => {
    const client = new TpmClient(createTpm({ startup: "none" }));
    await expect(client.call(GetRandom, { bytesRequested: 1 })).rejects.toMatchObject({ rc: TPM_RC.INITIALIZE });
    expect(await client.call(Startup, { startupType: TPM_SU.CLEAR })).toEqual({});
  });
});

describe("a response that is none", () => {
  test.each([
    ["empty", ""],
    ["a header cut short", "8001 0000000a 0000"],
    ["shorter than it says", "8001 0000000e 00000000 0010"],
    ["longer than it says", "8001 0000000a 00000000 00"],
    ["without its parameters", "8001 0000000a 00000000"],
    ["with bytes behind its parameters", "8001 0000000e 00000000 0001 aa bb"],
    ["with parameters longer than itself", "8002 0000000e 00000000 ffffffff"],
  ])("%s", async (_, response) => {
    const client = new TpmClient({ execute: () => fromHex(response) });
    const error = await client.call(GetRandom, { bytesRequested: 1 }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({ code: "MALFORMED", message: expect.stringMatching(/^GetRandom: the response is/) });
  });
});

describe("a client at the other end of a stream", () => {
  const ends: (() => void)[] = [];
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });

  /** Two ends of one connection. */
  async function connection(): Promise<readonly [Socket, Socket]> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
    const near = connect(port, "127.0.0.1");
    const far = await accepted;
    ends.push(() => {
      near.destroy();
      far.destroy();
      server.close();
    });
    return [near, far];
  }

  test("gets its answers however they are cut", async () => {
    const [near, far] = await connection();
    const tpm: Tpm = createTpm();
    far.on("data", (command) => {
      for (const byte of tpm.execute(new Uint8Array(command))) far.write(Uint8Array.of(byte));
    });
    const client = new TpmClient(new StreamTransport(near));
    for (const bytesRequested of [1, 16, 32]) {
      const { randomBytes } = await client.call(GetRandom, { bytesRequested });
      expect(randomBytes).toHaveLength(bytesRequested);
    }
  });

  test("is told when the connection ends, then and later", async () => {
    const [near, far] = await connection();
    far.on("data", () => far.end());
    const client = new TpmClient(new StreamTransport(near));
    const ended = { code: "DISCONNECTED", message: "the TPM closed the connection" };
    await expect(client.call(GetRandom, { bytesRequested: 1 })).rejects.toMatchObject(ended);
    await expect(client.call(GetRandom, { bytesRequested: 1 })).rejects.toMatchObject(ended);
  });

  test("does not wait longer than it wants to", async () => {
    const [near] = await connection();
    const client = new TpmClient(new StreamTransport(near, { timeoutMs: 10 }));
    await expect(client.call(GetRandom, { bytesRequested: 1 })).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  test("does not believe in endless responses", async () => {
    const [near, far] = await connection();
    far.on("data", () => far.write(fromHex("8001 ffffffff 00000000")));
    const client = new TpmClient(new StreamTransport(near));
    await expect(client.call(GetRandom, { bytesRequested: 1 })).rejects.toMatchObject({ code: "MALFORMED" });
  });
});
