import { open } from "node:fs/promises";
import type { Socket } from "node:net";
import { type Bytes, concatBytes } from "@vtpm/wire";
import { HostError, reasonOf } from "../../host-error.ts";
import { uint32At } from "../../server/words.ts";
import { ConnectError, connectTo, type SocketAddress, type TpmAddress } from "../tpm-address.ts";

/** Bytes of a response's tag, size and code. */
const HEADER_SIZE = 10;
/** Most bytes that a TPM answers. */
const RESPONSE_MAX = 4096;

/** A TPM does not answer as one does. */
export class ResponseError extends HostError {
  override readonly name = "ResponseError";
  readonly code = "RESPONSE";
}

export const responseCodeOf = (response: Bytes): number => uint32At(response, 6);

const complaintOf = (address: SocketAddress): string =>
  "path" in address
    ? `Could not connect using UnixIO socket. ${address.path}`
    : `Could not connect using TCP socket. Host '${address.host}', port '${address.port}'`;

/** Sends one command over a connection of its own. Rejects with a `HostError`. */
export async function talk(address: TpmAddress, command: Bytes, seconds: number): Promise<Bytes> {
  if ("device" in address) return talkToDevice(address.device, command);
  const socket = await connectTo(address, complaintOf);
  try {
    socket.write(command);
    return await receive(socket, seconds);
  } finally {
    socket.destroy();
  }
}

/** A device takes a command as one write and gives the response as one read; it has time limits of its own. */
async function talkToDevice(path: string, command: Bytes): Promise<Bytes> {
  const device = await open(path, "r+").catch((error: unknown) => {
    throw new ConnectError(`Unable to open device '${path}': ${reasonOf(error)}`, { cause: error });
  });
  try {
    await device.write(command);
    const { buffer, bytesRead } = await device.read(new Uint8Array(RESPONSE_MAX), 0, RESPONSE_MAX, null);
    const response = buffer.subarray(0, bytesRead);
    if (response.length < HEADER_SIZE) throw new ResponseError("Returned packet is too short.");
    if (uint32At(response, 2) !== response.length) throw new ResponseError("Malformed response.");
    return response;
  } catch (error) {
    if (error instanceof HostError) throw error;
    throw new ResponseError(`Device '${path}' does not answer as a TPM: ${reasonOf(error)}`, { cause: error });
  } finally {
    await device.close();
  }
}

function receive(socket: Socket, seconds: number): Promise<Bytes> {
  return new Promise((resolve, reject) => {
    let received: Bytes = new Uint8Array(0);
    const fail = (reason: string) => {
      clearTimeout(timer);
      reject(new ResponseError(reason));
    };
    const timer = setTimeout(() => fail(`TPM did not respond after ${seconds} seconds.`), 1000 * seconds);
    socket.on("error", (error) => fail(`The connection to the TPM broke: ${reasonOf(error)}`));
    socket.on("close", () => fail("Returned packet is too short."));
    socket.on("data", (chunk: Buffer) => {
      received = concatBytes(received, chunk);
      if (received.length < HEADER_SIZE) return;
      const size = uint32At(received, 2);
      if (size < HEADER_SIZE || size > RESPONSE_MAX || received.length > size) fail("Malformed response.");
      else if (received.length === size) {
        clearTimeout(timer);
        resolve(received);
      }
    });
  });
}
