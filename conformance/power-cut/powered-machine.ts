import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { unpackedPackages } from "../guest/debian-packages.ts";
import { Guest } from "../guest/guest.ts";
import { RawTpm } from "../raw-tpm.ts";
import type { CachedDisk } from "./cached-disk.ts";
import { FILE_SYSTEM_MODULES } from "./media.ts";
import { NbdServer } from "./nbd-server.ts";

const text = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const VTPM = fileURLToPath(new URL("../../packages/vtpm/bin/vtpm.cjs", import.meta.url));
/** Several times what it takes on a quiet machine. */
const TIMEOUT_MS = 300_000;

export interface Drive {
  readonly disk: CachedDisk;
  readonly mount?: string | undefined;
}

/** A guest with a TPM on each of its disks, which this machine talks to. */
export class PoweredMachine {
  readonly #guest: Guest;
  readonly #exports: readonly NbdServer[];
  readonly #channels: readonly Server[];
  readonly #sockets: readonly Promise<Socket>[];
  readonly #folder: string;

  private constructor(
    guest: Guest,
    exports: readonly NbdServer[],
    channels: readonly Server[],
    sockets: readonly Promise<Socket>[],
    folder: string,
  ) {
    this.#guest = guest;
    this.#exports = exports;
    this.#channels = channels;
    this.#sockets = sockets;
    this.#folder = folder;
  }

  /** Switches it on. */
  static async start(drives: readonly Drive[]): Promise<PoweredMachine> {
    const folder = mkdtempSync(join(tmpdir(), "vtpm-power-"));
    const exportPath = (i: number): string => join(folder, `disk${i}`);
    const channelPath = (i: number): string => join(folder, `tpm${i}`);
    const exports = await Promise.all(drives.map(({ disk }, i) => NbdServer.listen(exportPath(i), disk)));
    const channels = drives.map((_, i) => createServer().listen(channelPath(i)));
    await Promise.all(channels.map((channel) => once(channel, "listening")));
    const sockets = channels.map(async (channel) => ((await once(channel, "connection")) as [Socket])[0]);
    const guest = new Guest({
      script: scriptFor(drives),
      modules: ["virtio_blk", "virtio_console", ...FILE_SYSTEM_MODULES],
      args: ["-device", "virtio-serial-pci", ...drives.flatMap((_, i) => wiring(i, exportPath(i), channelPath(i)))],
      memory: 2048,
      timeoutMs: TIMEOUT_MS,
    });
    return new PoweredMachine(guest, exports, channels, sockets, folder);
  }

  /** The TPM on a disk, as soon as it answers. */
  async tpm(number: number): Promise<RawTpm> {
    const [socket] = await Promise.all([
      this.#sockets[number],
      this.#guest.machine.says(new RegExp(`^TPM ${number} is ready$`, "m")),
    ]);
    if (socket === undefined) throw new RangeError(`there is no disk ${number}`);
    return RawTpm.over(socket, "raw");
  }

  get isOn(): boolean {
    return this.#guest.machine.isOn;
  }

  /** Resolves when it has ended by itself. */
  get ended(): Promise<void> {
    return this.#guest.machine.ended;
  }

  get console(): string {
    return this.#guest.machine.console;
  }

  /** It is there no more from one instruction to the next. */
  async kill(): Promise<void> {
    await this.#guest.remove();
    for (const server of this.#exports) await server.close();
    for (const channel of this.#channels) channel.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** QEMU's arguments for a disk whose cache the guest is told of, and for a channel to its TPM. */
function wiring(number: number, exportPath: string, channelPath: string): string[] {
  return [
    "-blockdev",
    `driver=nbd,node-name=disk${number},server.type=unix,server.path=${exportPath},cache.direct=on`,
    "-device",
    `virtio-blk-pci,drive=disk${number},write-cache=on`,
    "-chardev",
    `socket,id=tpm${number},path=${channelPath}`,
    "-device",
    `virtserialport,chardev=tpm${number},nr=${number + 1}`,
  ];
}

function scriptFor(drives: readonly Drive[]): string {
  const programs = `NODE=${process.execPath} VTPM=${VTPM} BUSYBOX=${join(unpackedPackages("busybox-static"), "bin/busybox")}\n`;
  const calls = drives.map(({ mount = "" }, i) => `serve ${i} /dev/vd${"abcdefgh"[i]} "${mount}" &\n`);
  return `${programs}${text("./servers.sh")}${calls.join("")}wait\n`;
}
