import { libcFunction } from "../native/libc.ts";

const libcShutdown = libcFunction("int shutdown(int fd, int how)");

const SHUT_WR = 1;

/** Ends what is sent at a socket; what comes can still be read. */
export function shutdown(fd: number): void {
  libcShutdown(fd, SHUT_WR);
}
