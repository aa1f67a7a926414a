import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { INIT, KERNEL_WORDS } from "../guest/guest.ts";
import { buildInitramfs } from "../guest/initramfs.ts";
import { guestKernel } from "../guest/kernel.ts";
import { Machine } from "../guest/machine.ts";
import { withRigLock } from "../guest/rig-lock.ts";
import { debiansSwtpm, ourSwtpm, type SwtpmProgram } from "../servers/swtpm-program.ts";
import { Qmp } from "./qmp.ts";
import { TpmForQemu } from "./tpm-for-qemu.ts";

const missing = inject("missingPrograms");
const isMissing = (["QEMU", "swtpm", "tpm2-tools"] as const).some((name) => missing.includes(name));

/** The stations of the machine, each with a TPM process of its own. */
const STATIONS: readonly SwtpmProgram[] = [debiansSwtpm, ourSwtpm, ourSwtpm, debiansSwtpm];

/** Boot and two moves take 30 seconds where nothing else runs. */
const TIMEOUT_MS = 480_000;
const MEMORY = 256;

/** What the guest prints once a round. */
interface Round {
  readonly count: bigint;
  readonly pcr16: string;
}

/** One QEMU process and its TPM. */
class Station {
  readonly name: string;
  readonly tpm: TpmForQemu;
  readonly machine: Machine;
  readonly qmp: Qmp;

  private constructor(name: string, tpm: TpmForQemu, machine: Machine, qmp: Qmp) {
    this.name = name;
    this.tpm = tpm;
    this.machine = machine;
    this.qmp = qmp;
  }

  /** Starts the machine or, with a socket, lets it wait there for one that comes. */
  static async start(
    program: SwtpmProgram,
    directory: string,
    boot: readonly string[],
    from?: string,
  ): Promise<Station> {
    mkdirSync(directory);
    const tpm = await TpmForQemu.start(program, directory);
    const control = join(directory, "qmp");
    const incoming = from === undefined ? [] : ["-incoming", `unix:${from}`];
    const machine = new Machine({
      args: ["-M", "q35", "-monitor", "none", ...boot, ...tpm.args("tpm-crb"), ...Qmp.args(control), ...incoming],
      memory: MEMORY,
      timeoutMs: TIMEOUT_MS,
    });
    const ended = machine.ended.then(() => {
      throw new Error(`QEMU ended before it was ready:\n${machine.console}${tpm.log}`);
    });
    const qmp = await Promise.race([Qmp.open(control), ended]);
    ended.catch(() => {}); // later its end is wanted
    return new Station(program.name, tpm, machine, qmp);
  }

  /** The rounds that the console has told of so far. */
  get rounds(): readonly Round[] {
    const lines = this.machine.console.matchAll(/^ROUND ([0-9a-f]{16}) ([0-9A-F]{64})$/gm);
    return [...lines].map(([, count, pcr16 = ""]) => ({ count: BigInt(`0x${count}`), pcr16 }));
  }

  /** Resolves when the console has told of a few whole rounds: the first may have begun before the machine came here. */
  async works(): Promise<void> {
    await this.machine.says(/(?:^ROUND .{81}$[\s\S]*?){3}/m);
  }

  /** Sends the machine to where another waits for it. Resolves when it has left. */
  async move(to: string): Promise<void> {
    await this.qmp.execute("migrate", { uri: `unix:${to}` });
    for (;;) {
      const { status, ...more } = (await this.qmp.execute("query-migrate")) as { readonly status?: string };
      if (status === "completed") return;
      if (status === "failed" || status === "cancelled")
        throw new Error(`the machine stays with ${this.name}: ${JSON.stringify(more)}\n${this.tpm.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async end(): Promise<void> {
    this.qmp.close();
    await this.machine.kill();
    await this.tpm.end();
  }
}

/** A guest without 9p, which QEMU cannot move: the TPM tools are in its memory. */
function initramfs(): Buffer {
  const libraries = execFileSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" });
  const tcti = / => (\S+\/libtss2-tcti-device\.so\.0)$/m.exec(libraries)?.[1] ?? "";
  return buildInitramfs({
    kernel: guestKernel(),
    init: INIT,
    modules: [],
    // Loaded by name, thus not among the libraries that the program is linked with.
    programs: [["/usr/bin/tpm2"], [tcti, join("/usr/lib/x86_64-linux-gnu", tcti.slice(dirname(tcti).length))]],
    files: { "/script": readFileSync(new URL("guest-move.sh", import.meta.url)) },
  });
}

describe.skipIf(isMissing)("a running machine moves with its TPM", () => {
  test(`${STATIONS.map(({ name }) => name).join(", then ")}`, async () => {
    const directory = mkdtempSync(join(tmpdir(), "vtpm-move-"));
    const image = join(directory, "initramfs");
    writeFileSync(image, initramfs());
    const boot = ["-kernel", guestKernel().bzImage, "-initrd", image, "-append", `${KERNEL_WORDS} rig.script=/script`];
    await withRigLock(async () => {
      const stations: Station[] = [];
      try {
        for (const [i, program] of STATIONS.entries()) {
          const [before] = stations.slice(-1);
          const way = join(directory, `way-${i}`);
          const station = await Station.start(program, join(directory, `${i}`), boot, before && way);
          stations.push(station);
          await before?.move(way);
          await before?.end();
          await station.works();
        }
        const rounds = stations.flatMap((station) => station.rounds);
        expect(rounds[0]?.pcr16).not.toBe("00".repeat(32));
        for (const [i, { count, pcr16 }] of rounds.entries()) {
          const [first, previous] = [rounds[0]?.count ?? 0n, rounds[i - 1]?.count ?? 0n];
          expect(pcr16).toBe(rounds[0]?.pcr16);
          expect(count).toBeGreaterThan(previous);
          // Each round counts by one, wherever it was; a move may swallow a line.
          expect(count - first).toBeLessThan(BigInt(i + STATIONS.length));
        }
      } finally {
        for (const station of stations) await station.end();
        rmSync(directory, { recursive: true });
      }
    });
  });
});
