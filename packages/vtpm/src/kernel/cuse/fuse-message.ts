import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import { hostStruct } from "../../native/host-struct.ts";

/*
 * What the kernel and a character device in user space say to each other on /dev/cuse: one message per read and per write.
 * The names are those of linux/fuse.h.
 */

export const FUSE = {
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  RELEASE: 18,
  FSYNC: 20,
  FLUSH: 25,
  INTERRUPT: 36,
  IOCTL: 39,
  POLL: 40,
  CUSE_INIT: 4096,
} as const;

/** fuse_in_header */
export const IN_HEADER = hostStruct({
  len: "u32",
  opcode: "u32",
  unique: "u64",
  nodeid: "u64",
  uid: "u32",
  gid: "u32",
  pid: "u32",
  totalExtlen: "u16",
});
/** fuse_out_header */
export const OUT_HEADER = hostStruct({ len: "u32", error: "i32", unique: "u64" });

export const INIT_IN = hostStruct({ major: "u32", minor: "u32", unused: "u32", flags: "u32" });
export const INIT_OUT = hostStruct({
  major: "u32",
  minor: "u32",
  unused: "u32",
  flags: "u32",
  maxRead: "u32",
  maxWrite: "u32",
  devMajor: "u32",
  devMinor: "u32",
});
/** cuse_init_out has ten more words, for what is to come. */
export const INIT_OUT_SPARE = 40;
export const OPEN_IN = hostStruct({ flags: "u32", openFlags: "u32" });
export const OPEN_OUT = hostStruct({ fh: "u64", openFlags: "u32", padding: "u32" });
/** fuse_read_in, fuse_write_in. */
export const TRANSFER_IN = hostStruct({
  fh: "u64",
  offset: "u64",
  size: "u32",
  transferFlags: "u32",
  lockOwner: "u64",
  flags: "u32",
  padding: "u32",
});
export const WRITE_OUT = hostStruct({ size: "u32", padding: "u32" });
export const RELEASE_IN = hostStruct({ fh: "u64", flags: "u32", releaseFlags: "u32", lockOwner: "u64" });
export const INTERRUPT_IN = hostStruct({ unique: "u64" });
export const IOCTL_IN = hostStruct({
  fh: "u64",
  flags: "u32",
  cmd: "u32",
  arg: "u64",
  inSize: "u32",
  outSize: "u32",
});
export const IOCTL_OUT = hostStruct({ result: "i32", flags: "u32", inIovs: "u32", outIovs: "u32" });
export const POLL_IN = hostStruct({ fh: "u64", kh: "u64", flags: "u32", events: "u32" });
export const POLL_OUT = hostStruct({ revents: "u32", padding: "u32" });
const NOTIFY_POLL_WAKEUP_OUT = hostStruct({ kh: "u64" });

const NOTIFY_POLL = 1;

/** A message of the kernel. */
export interface FuseRequest {
  readonly opcode: number;
  /** By which the answer names the request. */
  readonly unique: bigint;
  readonly body: Bytes;
}

/** Takes a message apart; nothing if it is none. */
export function parseRequest(message: Bytes): FuseRequest | undefined {
  if (message.length < IN_HEADER.size) return undefined;
  const { len, opcode, unique } = IN_HEADER.decode(message);
  if (len !== message.length) return undefined;
  return { opcode, unique, body: message.subarray(IN_HEADER.size) };
}

/** The answer to a request that was done. */
export function reply(unique: bigint, ...body: readonly Bytes[]): Bytes {
  return outMessage(0, unique, concatBytes(...body));
}

/** The answer to a request that was not; `errno` is positive. */
export function errorReply(unique: bigint, errno: number): Bytes {
  return outMessage(-errno, unique, EMPTY);
}

/** Tells the kernel that a file it polls, by the handle it gave with the question, is ready now. */
export function pollWakeup(kh: bigint): Bytes {
  return outMessage(NOTIFY_POLL, 0n, NOTIFY_POLL_WAKEUP_OUT.encode({ kh }));
}

function outMessage(error: number, unique: bigint, body: Bytes): Bytes {
  return concatBytes(OUT_HEADER.encode({ len: OUT_HEADER.size + body.length, error, unique }), body);
}
