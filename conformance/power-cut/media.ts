import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync } from "node:fs";

/** What a TPM's state is kept on. */
export interface Medium {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** What makes a file system, with the words before the file's name; none for a device as it is. */
  readonly format?: readonly string[];
  /** How it is mounted. */
  readonly mount?: string;
}

const MEBIBYTE = 0x10_0000;
const MKFS_EXT4 = ["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0"];

export const EXT4: Medium = { name: "ext4", size: 24 * MEBIBYTE, format: MKFS_EXT4, mount: "-t ext4" };

export const MEDIA: readonly Medium[] = [
  EXT4,
  { name: "ext4, data=writeback", size: 24 * MEBIBYTE, format: MKFS_EXT4, mount: "-t ext4 -o data=writeback" },
  { name: "XFS", size: 304 * MEBIBYTE, format: ["mkfs.xfs", "-q"], mount: "-t xfs" },
  { name: "Btrfs", size: 128 * MEBIBYTE, format: ["mkfs.btrfs", "-q"], mount: "-t btrfs" },
  { name: "a block device", size: 4 * MEBIBYTE },
];

/** What the kernel needs for them beside the driver of the disk. */
export const FILE_SYSTEM_MODULES: readonly string[] = ["crc32c_generic", "ext4", "xfs", "btrfs"];

/** Makes an empty disk in a file, with its file system. */
export function makeDisk({ size, format }: Medium, path: string): void {
  const file = openSync(path, "wx");
  ftruncateSync(file, size);
  closeSync(file);
  if (format === undefined) return;
  const [program = "", ...words] = format;
  execFileSync(program, [...words, path], { stdio: ["ignore", "ignore", "inherit"] });
}
