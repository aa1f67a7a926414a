import { closeSync } from "node:fs";
import { type Bytes, concatBytes } from "@vtpm/wire";
import { libcFunction } from "./libc.ts";

const socket = libcFunction("int socket(int domain, int type, int protocol)");
const sendto = libcFunction(
  "int64_t sendto(int fd, void *data, size_t size, int flags, void *address, uint32_t addressSize)",
);

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
/** Bytes of sun_path. */
const PATH_SIZE = 108;

/** Sends a datagram to a Unix socket by its path, or by its abstract name behind an "@". */
export function sendDatagram(address: string, text: string): void {
  const name = new TextEncoder().encode(address);
  if (name.length > PATH_SIZE) throw new Error(`an address has at most ${PATH_SIZE} bytes`);
  if (address.startsWith("@")) name[0] = 0;
  const family: Bytes = new Uint8Array(Uint16Array.of(AF_UNIX).buffer);
  const data = new TextEncoder().encode(text);
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    sendto(fd, data, data.length, MSG_NOSIGNAL, concatBytes(family, name), family.length + name.length);
  } finally {
    closeSync(fd);
  }
}
