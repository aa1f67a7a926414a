import { libcFunction } from "./libc.ts";

const setsockopt = libcFunction("int setsockopt(int fd, int level, int option, void *value, uint32_t size)");

const IPPROTO_TCP = 6;
/** Linux alone has it. @spec tcp(7) */
const TCP_QUICKACK = 12;

/** Acknowledges at once what has come over a TCP connection, instead of with the next answer or after 40 ms. */
export function acknowledge(fd: number): void {
  const on = Int32Array.of(1);
  setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, new Uint8Array(on.buffer), on.byteLength);
}
