import { constants } from "node:fs";
import type { Bytes } from "@vtpm/wire";
import { hostStruct } from "./host-struct.ts";
import { libcFunction } from "./libc.ts";

const libcIoctl = libcFunction("int ioctl(int fd, unsigned long request, void *argument)");
const fcntl = libcFunction("int fcntl(int fd, int command, int argument)");
const pipe2 = libcFunction("int pipe2(void *descriptors, int flags)");

const F_SETFD = 2;
const FD_CLOEXEC = 1;
const O_CLOEXEC = 0o2000000;

const PIPE = hostStruct({ read: "i32", write: "i32" });

/** ioctl(2) with a structure, which the kernel may change. Returns what is usually zero. */
export function ioctl(fd: number, request: number, argument: Bytes): number {
  return libcIoctl(fd, request, argument);
}

/** Keeps programs that this one starts from inheriting a descriptor. */
export function closeOnExec(fd: number): void {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/** Two descriptors: what is written to one can be read from the other. Neither is inherited, neither blocks. */
export function createPipe(): { readonly read: number; readonly write: number } {
  const descriptors = PIPE.encode({});
  pipe2(descriptors, O_CLOEXEC | constants.O_NONBLOCK);
  return PIPE.decode(descriptors);
}
