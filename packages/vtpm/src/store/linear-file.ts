import type { Bytes } from "@vtpm/wire";
import type { DirectoryFile } from "./directory.ts";

/** All that a linear store needs of a file or block device. Failures reject with a `StoreError`. */
export interface LinearFile extends DirectoryFile {
  /** For messages. */
  readonly path: string;
  /** Bytes it has; `fixed`: and always will have, being a device. */
  readonly extent: { readonly size: number; readonly fixed: boolean };
  /** Exactly `size` bytes from `position` on, or it rejects. */
  read(position: number, size: number): Promise<Bytes>;
}
