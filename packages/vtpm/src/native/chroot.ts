import { libcFunction } from "./libc.ts";

const libcChroot = libcFunction("int chroot(const char *path)");

/** Makes a directory the root of all paths, for the whole process and for good, and the working directory. */
export function chroot(path: string): void {
  // In this order there is no moment in which the working directory is outside.
  process.chdir(path);
  libcChroot(".");
  process.chdir("/");
}
