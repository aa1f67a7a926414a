import { openSync } from "node:fs";
import { reasonOf, systemErrorCode } from "../host-error.ts";
import { KernelError } from "./kernel-error.ts";

/** Opens the device by which a kernel's module makes others. Throws a `KernelError` that says what is missing. */
export function openFrontEnd(path: string, module: string, flags: number): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    switch (systemErrorCode(error)) {
      case "ENOENT":
      case "ENODEV":
      case "ENXIO":
        throw new KernelError(
          "KERNEL_LACKS",
          `there is no ${path}: load the module that makes it (modprobe ${module})`,
          {
            cause: error,
          },
        );
      case "EACCES":
      case "EPERM":
        throw new KernelError("KERNEL_DENIES", `${path} cannot be opened by this user: run as root`, { cause: error });
      default:
        throw new KernelError("KERNEL_REFUSED", `${path} cannot be opened: ${reasonOf(error)}`, { cause: error });
    }
  }
}
