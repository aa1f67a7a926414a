import { constants } from "node:fs";
import type { Poller } from "../../native/poller.ts";
import type { Control } from "../../server/control.ts";
import { KernelError } from "../kernel-error.ts";
import { openFrontEnd } from "../open-front-end.ts";
import { CuseDevice } from "./cuse-device.ts";

const PATH = "/dev/cuse";
/** What can be a file's name in /dev and an entry of sysfs: the kernel replaces other characters, or refuses them. */
const NAME = /^[A-Za-z0-9._+:-]{1,63}$/;

export interface ServeCuseOptions {
  /** Of /dev/NAME. */
  readonly name: string;
  /** The number of the device; the kernel chooses one if it is absent. */
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  readonly control: Control;
  readonly poller: Poller;
  /** Told when the kernel has ended the device. */
  readonly onHangUp?: () => void;
}

/** A TPM that is a character device, and is controlled by swtpm's ioctls. */
export interface ServedCuse {
  /** Removes the device at once. */
  close(): void;
}

/** Makes /dev/NAME. Rejects with a `KernelError` or a `NativeError`. */
export async function serveCuse(options: ServeCuseOptions): Promise<ServedCuse> {
  const { name, onHangUp } = options;
  if (!NAME.test(name)) {
    throw new KernelError(
      "KERNEL_REFUSED",
      `${JSON.stringify(name)} cannot be the name of a device: use letters, digits, . _ + : -`,
    );
  }
  const fd = openFrontEnd(PATH, "cuse", constants.O_RDWR | constants.O_NONBLOCK);
  return new Promise((resolve, reject) => {
    let ready = false;
    const device = new CuseDevice({
      ...options,
      fd,
      onReady() {
        ready = true;
        resolve(device);
      },
      onEnd() {
        if (ready) {
          onHangUp?.();
          return;
        }
        device.close();
        reject(
          new KernelError("KERNEL_REFUSED", `the kernel makes no /dev/${name}: is the name or the number in use?`),
        );
      },
    });
  });
}
