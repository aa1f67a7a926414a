import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cached } from "./cache.ts";
import { kernelPackage, unpackedPackages } from "./debian-packages.ts";

export interface GuestKernel {
  /** As Debian packs it. Takes three seconds to unpack itself in an emulated machine. */
  readonly bzImage: string;
  /** Unpacked. Not to be used with a TPM device under SeaBIOS, which then shows no ACPI tables. */
  readonly vmlinux: string;
  /** Paths of its modules by name, with "_" for "-". */
  readonly modules: ReadonlyMap<string, string>;
}

/** Debian's present kernel. */
export function guestKernel(): GuestKernel {
  const name = kernelPackage();
  const root = unpackedPackages(name);
  const bzImage = join(root, "boot", only(readdirSync(join(root, "boot")), /^vmlinuz-/));
  const unpacked = cached(`${name}-vmlinux`, (directory) => unpackKernel(bzImage, join(directory, "vmlinux")));
  const found = execFileSync("find", [join(root, "lib/modules"), "-name", "*.ko"], { encoding: "utf8" });
  const modules = new Map(
    found
      .trim()
      .split("\n")
      .map((path) => [moduleName(path), path]),
  );
  return { bzImage, vmlinux: join(unpacked, "vmlinux"), modules };
}

/** The named modules and all that they need, in the order in which they can be loaded; what is built in is left out. */
export function withDependencies(kernel: GuestKernel, names: readonly string[]): readonly string[] {
  const order: string[] = [];
  const add = (name: string): void => {
    const path = kernel.modules.get(name);
    if (path === undefined || order.includes(path)) return;
    // Each module says itself what it needs; Debian's package has no list of dependencies.
    const depends = /\0depends=([^\0]*)\0/.exec(readFileSync(path, "latin1"))?.[1] ?? "";
    for (const dependency of depends.split(",")) if (dependency !== "") add(dependency.replaceAll("-", "_"));
    order.push(path);
  };
  for (const name of names) add(name.replaceAll("-", "_"));
  return order;
}

export const moduleName = (path: string): string =>
  (path.split("/").at(-1) ?? "").replace(/\.ko$/, "").replaceAll("-", "_");

/** Takes the kernel proper out of a bzImage. The kernel's documentation, "The Linux/x86 Boot Protocol" */
function unpackKernel(bzImage: string, to: string): void {
  const image = readFileSync(bzImage);
  const setupSectors = image.readUInt8(0x1f1);
  const start = (setupSectors + 1) * 512 + image.readUInt32LE(0x248);
  const input = image.subarray(start, start + image.readUInt32LE(0x24c));
  const { stdout, status } = spawnSync("xz", ["-dc", "--single-stream"], { input, maxBuffer: 1 << 30 });
  // xz complains of what follows the stream; whether the kernel is whole, its first bytes and its size tell.
  if (stdout.length < 10_000_000 || stdout.readUInt32BE(0) !== 0x7f454c46) throw new Error(`xz ended with ${status}`);
  writeFileSync(to, stdout);
}

function only(names: readonly string[], pattern: RegExp): string {
  const [name, ...more] = names.filter((candidate) => pattern.test(candidate));
  if (name === undefined || more.length > 0) throw new Error(`${pattern} is not one of ${names.join(" ")}`);
  return name;
}
