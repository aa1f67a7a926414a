import { closeSync, constants } from "node:fs";
import { reasonOf, systemErrorCode } from "../../host-error.ts";
import { closeOnExec, ioctl } from "../../native/descriptor.ts";
import { hostStruct } from "../../native/host-struct.ts";
import { KernelError } from "../kernel-error.ts";
import { openFrontEnd } from "../open-front-end.ts";

const PATH = "/dev/vtpmx";
const NEW_DEVICE = hostStruct({ flags: "u32", number: "u32", fd: "u32", major: "u32", minor: "u32" });
/** _IOWR(0xa1, 0, struct vtpm_proxy_new_dev) */
const VTPM_PROXY_IOC_NEW_DEV = 0xc014_a100;
const VTPM_PROXY_FLAG_TPM2 = 1;

/** A TPM device of the kernel without a TPM behind it yet. */
export interface ProxyDevice {
  /** N of /dev/tpmN. */
  readonly number: number;
  readonly major: number;
  readonly minor: number;
  /** Commands are read from it and responses written to it. The device exists as long as it is open. */
  readonly fd: number;
}

/** Lets the kernel make /dev/tpmN for a TPM 2.0. Throws a `KernelError`, or a `NativeError`. */
export function createProxyDevice(): ProxyDevice {
  const control = openFrontEnd(PATH, "tpm_vtpm_proxy", constants.O_RDWR);
  try {
    const device = NEW_DEVICE.encode({ flags: VTPM_PROXY_FLAG_TPM2 });
    ioctl(control, VTPM_PROXY_IOC_NEW_DEV, device);
    const { fd, number, major, minor } = NEW_DEVICE.decode(device);
    // The kernel does not: a program that inherits it would keep the device alive with nobody behind it.
    closeOnExec(fd);
    return { fd, number, major, minor };
  } catch (error) {
    if (systemErrorCode(error) === "EPERM") {
      throw new KernelError(
        "KERNEL_DENIES",
        `${PATH} makes no TPM device without CAP_SYS_ADMIN: run as root, with it`,
        {
          cause: error,
        },
      );
    }
    throw new KernelError("KERNEL_REFUSED", `${PATH} makes no TPM device: ${reasonOf(error)}`, { cause: error });
  } finally {
    closeSync(control);
  }
}
