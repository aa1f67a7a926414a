import type { Bytes } from "@vtpm/wire";
import { libcFunction } from "../native/libc.ts";

const socket = libcFunction("int socket(int domain, int type, int protocol)");
const bind = libcFunction("int bind(int fd, void *address, uint32_t size)");
const listen = libcFunction("int listen(int fd, int backlog)");

const AF_UNIX = 1;
const TYPES = { stream: 1, datagram: 2 } as const;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

/** A Unix socket at a path, or at an abstract name behind an "@"; one for streams listens. It does not block. */
export function boundSocket(type: keyof typeof TYPES, address: string): number {
  const fd = socket(AF_UNIX, TYPES[type] | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const name = new TextEncoder().encode(address);
  if (address.startsWith("@")) name[0] = 0;
  const bytes: Bytes = new Uint8Array(2 + name.length);
  bytes[0] = AF_UNIX;
  bytes.set(name, 2);
  bind(fd, bytes, bytes.length);
  if (type === "stream") listen(fd, 1);
  return fd;
}
