import type { Bytes } from "@vtpm/wire";
import { hostStruct } from "./host-struct.ts";
import { koffi } from "./koffi.ts";
import { libcFunction } from "./libc.ts";

const recvmsg = libcFunction("long recvmsg(int fd, void *message, int flags)");
const sendmsg = libcFunction("long sendmsg(int fd, void *message, int flags)");

const MSG_CTRUNC = 0x8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

const MESSAGE = hostStruct({
  name: "u64",
  nameLength: "u32",
  vectors: "u64",
  vectorCount: "u64",
  control: "u64",
  controlLength: "u64",
  flags: "u32",
});
const VECTOR = hostStruct({ base: "u64", length: "u64" });
const CONTROL = hostStruct({ length: "u64", level: "i32", type: "i32" });
const DESCRIPTOR = hostStruct({ fd: "i32" });

/** Descriptors that one message can bring; the kernel closes those that find no room. */
const MAX_DESCRIPTORS = 16;

/** What has arrived at a socket. */
export interface SocketMessage {
  /** Empty when the other side has ended the conversation. */
  readonly data: Bytes;
  /** Descriptors that came with it: they belong to whoever receives them, and other programs do not inherit them. */
  readonly descriptors: readonly number[];
  /** Whether more came than there was room for; the kernel has closed those. */
  readonly descriptorsLost: boolean;
}

/** Takes what has arrived at a socket, `size` bytes at most. Never waits: throws "EAGAIN" when nothing has. */
export function receiveMessage(fd: number, size: number): SocketMessage {
  const message = new MessageBlock(CONTROL.size + MAX_DESCRIPTORS * DESCRIPTOR.size, size);
  const received = recvmsg(fd, message.block, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  const { controlLength, flags } = MESSAGE.decode(message.block);
  return {
    data: message.data.slice(0, received),
    descriptors: descriptorsIn(message.control.subarray(0, Number(controlLength))),
    descriptorsLost: (flags & MSG_CTRUNC) !== 0,
  };
}

/** Sends bytes, at least one, and descriptors with them. Returns how many bytes the socket has taken. */
export function sendMessage(fd: number, data: Bytes, descriptors: readonly number[]): number {
  const size = CONTROL.size + descriptors.length * DESCRIPTOR.size;
  const message = new MessageBlock(descriptors.length === 0 ? 0 : size, data.length);
  message.data.set(data);
  if (descriptors.length > 0) {
    message.control.set(CONTROL.encode({ length: BigInt(size), level: SOL_SOCKET, type: SCM_RIGHTS }));
    for (const [i, descriptor] of descriptors.entries()) {
      message.control.set(DESCRIPTOR.encode({ fd: descriptor }), CONTROL.size + i * DESCRIPTOR.size);
    }
  }
  return sendmsg(fd, message.block, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/** A message in one piece of memory, since its parts point at each other: header, vector, control data, data. */
class MessageBlock {
  readonly block: Bytes;
  readonly control: Bytes;
  readonly data: Bytes;

  constructor(controlSize: number, dataSize: number) {
    const vectorAt = MESSAGE.size;
    const controlAt = vectorAt + VECTOR.size;
    const dataAt = controlAt + Math.ceil(controlSize / 8) * 8;
    this.block = new Uint8Array(dataAt + dataSize);
    this.control = this.block.subarray(controlAt, controlAt + controlSize);
    this.data = this.block.subarray(dataAt);
    const base = koffi().address(this.block);
    const header = {
      vectors: base + BigInt(vectorAt),
      vectorCount: 1n,
      control: controlSize === 0 ? 0n : base + BigInt(controlAt),
      controlLength: BigInt(controlSize),
    };
    this.block.set(MESSAGE.encode(header));
    this.block.set(VECTOR.encode({ base: base + BigInt(dataAt), length: BigInt(dataSize) }), vectorAt);
  }
}

function descriptorsIn(control: Bytes): number[] {
  const descriptors: number[] = [];
  let at = 0;
  while (at + CONTROL.size <= control.length) {
    const { length, level, type } = CONTROL.decode(control, at);
    const end = Math.min(at + Number(length), control.length);
    if (level === SOL_SOCKET && type === SCM_RIGHTS) {
      for (let place = at + CONTROL.size; place + DESCRIPTOR.size <= end; place += DESCRIPTOR.size) {
        descriptors.push(DESCRIPTOR.decode(control, place).fd);
      }
    }
    if (end <= at) break;
    at = Math.ceil(end / 8) * 8;
  }
  return descriptors;
}
