import { posix } from "node:path";

/** Kinds of files, as in `st_mode`. */
const S_IFCHR = 0o020000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;

/** An archive as the kernel unpacks it into its first file system: cpio, format "newc". */
export class CpioArchive {
  readonly #parts: Buffer[] = [];
  readonly #names = new Set<string>();

  directory(name: string): void {
    this.#add(name, S_IFDIR | 0o755);
  }

  file(name: string, content: Buffer | string, mode = 0o755): void {
    this.#add(name, S_IFREG | mode, Buffer.from(content));
  }

  link(name: string, target: string): void {
    this.#add(name, S_IFLNK | 0o777, Buffer.from(target));
  }

  characterDevice(name: string, major: number, minor: number): void {
    this.#add(name, S_IFCHR | 0o600, Buffer.alloc(0), major, minor);
  }

  finish(): Buffer {
    this.#entry("TRAILER!!!", 0, Buffer.alloc(0), 0, 0);
    return Buffer.concat(this.#parts);
  }

  #add(name: string, mode: number, content: Buffer = Buffer.alloc(0), major = 0, minor = 0): void {
    if (this.#names.has(name)) return;
    const parent = posix.dirname(name);
    if (parent !== "." && parent !== "/") this.directory(parent);
    this.#names.add(name);
    this.#entry(name, mode, content, major, minor);
  }

  #entry(name: string, mode: number, content: Buffer, major: number, minor: number): void {
    const inode = this.#names.size;
    const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, name.length + 1, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${name}\0`;
    this.#parts.push(padded(Buffer.from(header, "latin1")), padded(content));
  }
}

function padded(part: Buffer): Buffer {
  return Buffer.concat([part, Buffer.alloc((4 - (part.length % 4)) % 4)]);
}
