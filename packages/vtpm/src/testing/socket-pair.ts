import { hostStruct } from "../native/host-struct.ts";
import { libcFunction } from "../native/libc.ts";

const socketpair = libcFunction("int socketpair(int domain, int type, int protocol, void *descriptors)");

const AF_UNIX = 1;
const TYPES = { stream: 1, datagram: 2, seqpacket: 5 } as const;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const PAIR = hostStruct({ ours: "i32", theirs: "i32" });

/** Two connected sockets that do not block. With "seqpacket" each read takes what one write brought, as with a character device. */
export function socketPair(type: keyof typeof TYPES): { readonly ours: number; readonly theirs: number } {
  const descriptors = PAIR.encode({});
  socketpair(AF_UNIX, TYPES[type] | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, descriptors);
  return PAIR.decode(descriptors);
}
