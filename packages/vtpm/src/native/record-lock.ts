import { systemErrorCode } from "../host-error.ts";
import { hostStruct } from "./host-struct.ts";
import { libcFunction } from "./libc.ts";

const fcntl = libcFunction("int fcntl(int fd, int command, void *argument)");

/** `struct flock` with its padding; a length of zero means up to the end, however far that moves. */
const FLOCK = hostStruct({ type: "u16", whence: "u16", start: "u64", length: "u64", pid: "i32" });
const F_WRLCK = 1;
/** From Linux's fcntl.h: a record lock of the open file instead of the process. */
const F_OFD_SETLK = 37;

/**
 * Takes the write lock on all of a file for as long as the descriptor, opened for writing, stays open. Tells whether it was
 * free.
 *
 * It is a record lock as F_SETLK takes it, so that the two exclude each other; but it belongs to the open file. One that
 * belonged to the process would not keep a second opener in this process out, and would be gone as soon as anybody here
 * closed another descriptor of the same file.
 */
export function lockRecord(fd: number): boolean {
  try {
    fcntl(fd, F_OFD_SETLK, FLOCK.encode({ type: F_WRLCK }));
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "EAGAIN" || code === "EACCES") return false;
    throw error;
  }
}
