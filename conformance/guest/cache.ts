import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** Where what is costly to get is kept from run to run; it may be removed at any time between two. */
const CACHE = join(tmpdir(), `vtpm-conformance-${userInfo().uid}`);

/** The directory of this name in the cache, made by `make` if it is not there; complete or not there at all. */
export function cached(name: string, make: (directory: string) => void): string {
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true, mode: 0o755 });
  const making = mkdtempSync(join(CACHE, ".making-"));
  try {
    make(making);
    try {
      renameSync(making, path);
    } catch (error) {
      // Somebody else was faster.
      if (!existsSync(path)) throw error;
    }
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return path;
}

/** A file in the cache directory that locks are taken on. */
export function lockFile(name: string): string {
  mkdirSync(CACHE, { recursive: true, mode: 0o755 });
  return join(CACHE, name);
}
