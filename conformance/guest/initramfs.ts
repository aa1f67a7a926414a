import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { CpioArchive } from "./cpio.ts";
import { unpackedPackages } from "./debian-packages.ts";
import { type GuestKernel, moduleName, withDependencies } from "./kernel.ts";

export interface InitramfsOptions {
  readonly kernel: GuestKernel;
  /** The script that becomes the first process. */
  readonly init: string;
  /** Kernel modules, loaded by the script in the order of `/lib/modules/order`. */
  readonly modules: readonly string[];
  /** Programs and libraries of this machine, with the libraries they need: path here, path there if another. */
  readonly programs?: readonly (readonly [from: string, to?: string])[];
  /** Other files by their path there. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
}

/** A file system in memory with busybox: all that a guest has at first. */
export function buildInitramfs({ kernel, init, modules, programs = [], files = {} }: InitramfsOptions): Buffer {
  const archive = new CpioArchive();
  for (const directory of ["proc", "sys", "dev", "tmp", "run", "root", "mnt", "etc", "usr/bin", "var/log", "var/run"]) {
    archive.directory(directory);
  }
  archive.characterDevice("dev/console", 5, 1);
  archive.file("init", readFileSync(init));
  addBusybox(archive);
  const order = withDependencies(kernel, modules);
  for (const path of order) archive.file(`lib/modules/${moduleName(path)}.ko`, readFileSync(path), 0o644);
  archive.file("lib/modules/order", order.map((path) => `${moduleName(path)}\n`).join(""), 0o644);
  for (const [from, to = from] of programs) addProgram(archive, from, to);
  for (const [path, content] of Object.entries(files)) archive.file(path.slice(1), content);
  return archive.finish();
}

function addBusybox(archive: CpioArchive): void {
  const busybox = join(unpackedPackages("busybox-static"), "bin/busybox");
  archive.file("bin/busybox", readFileSync(busybox));
  for (const applet of execFileSync(busybox, ["--list"], { encoding: "utf8" }).trim().split("\n")) {
    if (applet !== "busybox") archive.link(`bin/${applet}`, "busybox");
  }
}

/** A program with the libraries that ldd names, where the loader will look for them. */
function addProgram(archive: CpioArchive, from: string, to: string): void {
  archive.file(to.slice(1), readFileSync(realpathSync(from)));
  const { stdout } = spawnSync("ldd", [from], { encoding: "utf8" });
  for (const [, library = ""] of stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)) {
    archive.file(library.slice(1), readFileSync(realpathSync(library)));
  }
}
