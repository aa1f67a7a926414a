import { type FileHandle, open } from "node:fs/promises";
import type { Bytes } from "@vtpm/wire";
import { reasonOf } from "../host-error.ts";
import { ioctl } from "../native/descriptor.ts";
import { NativeError } from "../native/native-error.ts";
import { CONTROL, type ControlCommandName, ioctlNumber } from "./commands.ts";
import { ControlChannelError } from "./control-error.ts";
import type { BlobStream, ControlTransport } from "./control-transport.ts";

/** Bytes of a state blob in one ioctl. */
const BLOB_PACKET = 3072;

/** Control commands as ioctls of a character device. */
export class DeviceTransport implements ControlTransport {
  readonly littleEndian = true;
  readonly blobPacket = BLOB_PACKET;
  readonly stream?: BlobStream;
  readonly #device: FileHandle;

  private constructor(device: FileHandle, pieceSize: number | undefined) {
    this.#device = device;
    if (pieceSize !== undefined) this.stream = new DeviceStream(device, pieceSize);
  }

  /** Opens a device; with a size of pieces it moves state blobs by read and write. Rejects with the system's error. */
  static async open(path: string, pieceSize?: number): Promise<DeviceTransport> {
    return new DeviceTransport(await open(path, "r+"), pieceSize);
  }

  async exchange(command: ControlCommandName, request: Bytes): Promise<Bytes> {
    const structure = new Uint8Array(CONTROL[command].ioctl.size);
    structure.set(request);
    try {
      ioctl(this.#device.fd, ioctlNumber(command), structure);
    } catch (error) {
      if (error instanceof NativeError) throw error;
      throw new ControlChannelError(command, reasonOf(error), { cause: error });
    }
    return structure;
  }

  close(): void {
    void this.#device.close();
  }
}

class DeviceStream implements BlobStream {
  readonly #device: FileHandle;
  readonly #pieceSize: number;

  constructor(device: FileHandle, pieceSize: number) {
    this.#device = device;
    this.#pieceSize = pieceSize;
  }

  async read(size: number): Promise<Bytes> {
    const piece = new Uint8Array(Math.min(size, this.#pieceSize));
    try {
      const { bytesRead } = await this.#device.read(piece, 0, piece.length, null);
      return piece.subarray(0, bytesRead);
    } catch (error) {
      throw new ControlChannelError("GET_STATEBLOB", reasonOf(error), { cause: error });
    }
  }

  async write(bytes: Bytes): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; at += this.#pieceSize) {
        await this.#device.write(bytes.subarray(at, at + this.#pieceSize));
      }
    } catch (error) {
      throw new ControlChannelError("SET_STATEBLOB", reasonOf(error), { cause: error });
    }
  }
}
