import { spawnSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";

/** A block device whose bytes are those of a file. */
export interface LoopDevice {
  readonly path: string;
  detach(): void;
}

/** Why a test is left out. */
export const NO_LOOP_DEVICE = "no loop device can be had here: only root may, and not every kernel has them";

/** Makes one of a new file; `undefined` where there can be none: only root may, and not every kernel has them. */
export function loopDevice(file: string, size: number): LoopDevice | undefined {
  if (process.getuid?.() !== 0) return undefined;
  writeFileSync(file, "");
  truncateSync(file, size);
  const { status, stdout } = spawnSync("losetup", ["--find", "--show", file], { encoding: "utf8" });
  if (status !== 0) return undefined;
  const path = stdout.trim();
  return {
    path,
    detach() {
      spawnSync("losetup", ["--detach", path]);
    },
  };
}
