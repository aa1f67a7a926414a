import type { Bytes } from "@vtpm/wire";
import { koffi } from "./koffi.ts";
import { libcFunction } from "./libc.ts";

const mmap = libcFunction(
  "int64_t mmap(void *address, size_t size, int protection, int flags, int fd, int64_t offset)",
);
const munmap = libcFunction("int munmap(int64_t address, size_t size)");

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/** Memory shared with whatever is behind a descriptor. */
export interface MappedMemory {
  /** The memory itself. Nobody may touch it, through this or a view of it, once it is unmapped: that ends the process. */
  readonly bytes: Bytes;
  unmap(): void;
}

/** Maps `size` bytes of a descriptor, from `offset` on, for reading and writing. */
export function mapMemory(fd: number, offset: number, size: number): MappedMemory {
  const address = mmap(null, size, PROT_READ_WRITE, MAP_SHARED, fd, offset);
  return {
    bytes: new Uint8Array(koffi().view(BigInt(address), size)),
    unmap: () => void munmap(address, size),
  };
}
