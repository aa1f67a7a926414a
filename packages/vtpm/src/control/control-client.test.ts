import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { concatBytes, fromHex } from "@vtpm/wire";
import { afterEach, expect, test } from "vitest";
import { uint32s } from "../server/words.ts";
import { CONTROL, type ControlCommandName, ioctlNumber } from "./commands.ts";
import { ControlClient } from "./control-client.ts";
import { ControlChannelError, ControlResultError } from "./control-error.ts";
import { SocketTransport } from "./socket-transport.ts";

const COMMANDS = Object.keys(CONTROL) as ControlCommandName[];

let server: Server | undefined;
let client: ControlClient | undefined;
afterEach(() => {
  client?.close();
  server?.close();
});

/** A client of a server that answers each request by `answer`. */
async function talkTo(answer: (request: Buffer, socket: Socket) => void): Promise<ControlClient> {
  const listening = createServer((socket) => {
    socket.on("data", (request: Buffer) => answer(request, socket));
    socket.on("error", () => {});
  });
  server = listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const address = listening.address();
  const socket = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
  await once(socket, "connect");
  client = new ControlClient(new SocketTransport(socket));
  return client;
}

test("the numbers of ioctls are those of the installed header", () => {
  const numbers = COMMANDS.map((command) => [command, ioctlNumber(command).toString(16)]);
  expect(Object.fromEntries(numbers)).toEqual({
    GET_CAPABILITY: "80085000",
    INIT: "c0045001",
    SHUTDOWN: "80045002",
    GET_TPMESTABLISHED: "80085003",
    SET_LOCALITY: "c0045004",
    HASH_START: "80045005",
    HASH_DATA: "d0045006",
    HASH_END: "80045007",
    CANCEL_TPM_CMD: "80045008",
    STORE_VOLATILE: "80045009",
    RESET_TPMESTABLISHED: "c004500a",
    GET_STATEBLOB: "cc10500b",
    SET_STATEBLOB: "cc0c500c",
    STOP: "8004500d",
    GET_CONFIG: "8008500e",
    SET_DATAFD: "8004500f",
    SET_BUFFERSIZE: "c0105010",
    GET_INFO: "cc105011",
    LOCK_STORAGE: "c0045012",
  });
});

test("an answer may come in pieces", async () => {
  const pieces = await talkTo((_, socket) => {
    const answer = concatBytes(uint32s(0, 2, 5, 5), fromHex("0102030405"));
    for (const byte of answer) socket.write(Uint8Array.of(byte));
  });
  expect(await pieces.stateBlob("permanent")).toEqual(fromHex("0102030405"));
});

test("a blob may come in parts", async () => {
  const blob = fromHex("00112233445566778899");
  const parts = await talkTo((request, socket) => {
    const offset = request.readUInt32BE(12);
    const part = blob.slice(offset, offset + 4);
    socket.write(concatBytes(uint32s(0, 0, blob.length, part.length), part));
  });
  expect(await parts.stateBlob("volatile")).toEqual(blob);
});

test("a blob that is not there is empty, an error is not", async () => {
  const absent = await talkTo((request, socket) => {
    socket.write(request.readUInt32BE(8) === 3 ? uint32s(0x800, 0, 0, 0) : uint32s(9));
  });
  expect(await absent.stateBlob("savestate")).toEqual(fromHex(""));
  await expect(absent.stateBlob("permanent")).rejects.toThrow(new ControlResultError("GET_STATEBLOB", 9));
});

test.each([
  ["a part that is too long", uint32s(0, 0, 0xffffffff, 0xffffffff)],
  ["more bytes than anybody needs", uint32s(0, 0, 5 << 20, 5 << 20)],
])("%s is refused before it is read", async (_, answer) => {
  const hostile = await talkTo((_request, socket) => socket.write(answer));
  await expect(hostile.stateBlob("permanent")).rejects.toThrow(ControlChannelError);
});

test("a server that only ever says there is more is not believed for ever", async () => {
  const part = concatBytes(uint32s(0, 0xffffffff, 1 << 20), new Uint8Array(1 << 20));
  const endless = await talkTo((_request, socket) => socket.write(part));
  await expect(endless.info(1n)).rejects.toThrow(/cannot be/);
});

test("a connection that ends is an error of the command under way and of the next", async () => {
  const ending = await talkTo((_request, socket) => socket.end(uint32s(0)));
  await expect(ending.config()).rejects.toThrow(
    "Could not execute PTM_GET_CONFIG: the TPM closed the connection without an answer",
  );
  await expect(ending.config()).rejects.toThrow(/^Could not execute PTM_GET_CONFIG: /);
});

test("each request is one segment, as servers expect it", async () => {
  const requests: string[] = [];
  const plain = await talkTo((request, socket) => {
    requests.push(request.toString("hex"));
    socket.write(uint32s(0));
  });
  await plain.init();
  await plain.setLocality(3);
  await plain.hash([fromHex("aabb"), new Uint8Array(0)]);
  await plain.setStateBlob("permanent", fromHex("0011"));
  await plain.setStateBlob("savestate", fromHex(""));
  await plain.lockStorage(300);
  expect(requests).toEqual([
    "0000000200000001",
    "0000000503",
    "00000006",
    "0000000700000002aabb",
    "00000008",
    "0000000d00000000000000010000000200 11".replaceAll(" ", ""),
    "0000000d000000000000000300000000",
    "000000130000012c",
  ]);
});
