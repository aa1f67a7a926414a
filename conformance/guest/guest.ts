import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildInitramfs } from "./initramfs.ts";
import { guestKernel } from "./kernel.ts";
import { Machine } from "./machine.ts";

/** The script that is the first process of guests. */
export const INIT = fileURLToPath(new URL("./init.sh", import.meta.url));

/**
 * What every guest's kernel is told. It must not judge its clocks: where this machine is busy, too few of an emulated timer's
 * interrupts come in time, and the kernel panics in the first moments.
 */
export const KERNEL_WORDS =
  "console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable random.trust_cpu=on mitigations=off";

/** What the guest needs to have the host's root as its own. */
export const ROOT_MODULES: readonly string[] = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];

/** QEMU's arguments for a directory of the host that the guest sees under a tag. */
export function sharedDirectory(tag: string, path: string, access: "readonly" | "writable"): string[] {
  const options = access === "readonly" ? ",readonly=on" : "";
  return [
    "-fsdev",
    `local,id=${tag},path=${path},security_model=none,multidevs=remap${options}`,
    "-device",
    `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`,
  ];
}

export interface GuestOptions {
  /** A shell script. It runs as root with all programs and files of this machine; what it changes is lost, but for `$RIG_DIR`. */
  readonly script: string;
  /** Kernel modules beside those that every guest has. */
  readonly modules?: readonly string[];
  /** Arguments of QEMU beside those that every guest has. */
  readonly args?: readonly string[];
  /** "bzImage" with TPM devices or OVMF, else the quicker "vmlinux". */
  readonly kernel?: "bzImage" | "vmlinux";
  /** Words for the kernel's command line. */
  readonly append?: string;
  readonly memory?: number;
  readonly timeoutMs: number;
}

/** A guest with this machine's root. Its last words on the console are `RIG-EXIT` and the script's exit status. */
export class Guest {
  readonly machine: Machine;
  /** Shared with the guest at the same path, there also known as `$RIG_DIR`. */
  readonly directory: string;

  constructor({ script, modules = [], args = [], kernel = "vmlinux", append = "", memory, timeoutMs }: GuestOptions) {
    this.directory = mkdtempSync(join(tmpdir(), "vtpm-guest-"));
    const found = guestKernel();
    const initramfs = join(this.directory, "initramfs");
    writeFileSync(initramfs, buildInitramfs({ kernel: found, init: INIT, modules: [...ROOT_MODULES, ...modules] }));
    const file = join(this.directory, "script");
    writeFileSync(file, script);
    const words = [KERNEL_WORDS, `rig.root=9p rig.dir=${this.directory} rig.script=${file} ${append}`];
    this.machine = new Machine({
      args: [
        ...[
          "-M",
          "q35",
          "-monitor",
          "none",
          "-kernel",
          found[kernel],
          "-initrd",
          initramfs,
          "-append",
          words.join(" "),
        ],
        ...sharedDirectory("host", "/", "readonly"),
        ...sharedDirectory("rig", this.directory, "writable"),
        ...args,
      ],
      timeoutMs,
      ...(memory === undefined ? {} : { memory }),
    });
  }

  /** Waits for the end of the script: its exit status. Rejects if the guest ends without. */
  async exitStatus(): Promise<number> {
    const [, status] = await this.machine.says(/^RIG-EXIT (\d+)$/m);
    return Number(status);
  }

  /** Ends the machine and removes its directory. */
  async remove(): Promise<void> {
    await this.machine.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Runs a script in a guest to its end. */
export async function runGuest(options: GuestOptions): Promise<{ readonly status: number; readonly console: string }> {
  const guest = new Guest(options);
  try {
    const status = await guest.exitStatus();
    return { status, console: guest.machine.console };
  } finally {
    await guest.remove();
  }
}
