import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BIN, type Ended, run } from "../manufacture/tools.ts";

const PROGRAMS = ["swtpm", "swtpm_setup", "swtpm_ioctl", "swtpm_localca", "swtpm_cert"];
const START_MS = 60_000;
/** libvirt waits one second for swtpm's socket, which is little on a machine that does something else: it goes first. */
const FIRST = ["nice", "-n", "-15"];
/** What it says when that second was not enough. */
const TOO_LATE = "swtpm socket did not show up";
const ATTEMPTS = 20;

/** Debian's libvirt daemon, with this project's programs first in its PATH and sockets, log and configuration of its own. */
export class Libvirtd {
  readonly directory = mkdtempSync(join(tmpdir(), "vtpm-libvirt-"));
  readonly #children: ChildProcess[] = [];

  async start(): Promise<void> {
    chmodSync(this.directory, 0o755); // what it starts runs as another user
    const bin = join(this.directory, "bin");
    for (const name of ["bin", "run"]) mkdirSync(join(this.directory, name));
    for (const name of PROGRAMS) symlinkSync(join(BIN, `${name}.cjs`), join(bin, name));
    writeFileSync(
      join(this.directory, "libvirtd.conf"),
      `unix_sock_dir = "${this.directory}/run"
auth_unix_rw = "none"
auth_unix_ro = "none"
log_filters = "1:util.command 1:qemu.qemu_tpm 3:*"
log_outputs = "1:file:${this.directory}/log"
`,
    );
    // Domains write their logs through it; one may be there already.
    if (!existsSync("/run/libvirt/virtlogd-sock")) this.#spawn(["virtlogd"]);
    this.#spawn(["libvirtd", "-f", join(this.directory, "libvirtd.conf"), "-p", join(this.directory, "pid")]);
    for (const end = performance.now() + START_MS; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
      if ((await this.virsh("version")).status === 0) return;
      if (performance.now() > end) throw new Error(`libvirtd does not answer:\n${this.log()}`);
    }
  }

  #spawn(words: readonly string[]): void {
    const [program = "", ...args] = [...FIRST, ...words];
    const env = { ...process.env, PATH: `${this.directory}/bin:/usr/sbin:/usr/bin:/sbin:/bin` };
    this.#children.push(spawn(program, args, { stdio: "ignore", env }));
  }

  /** Runs a command of virsh. */
  virsh(...args: readonly string[]): Promise<Ended> {
    return run("virsh", ["-c", `qemu+unix:///system?socket=${this.directory}/run/libvirt-sock`, ...args]);
  }

  /** Runs one that must succeed. */
  async must(...args: readonly string[]): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      const { status, stdout, stderr } = await this.virsh(...args);
      if (status === 0) return stdout;
      if (stderr.includes(TOO_LATE) && attempt < ATTEMPTS) continue;
      throw new Error(`virsh ${args.join(" ")}:\n${stderr}\n${this.log()}`);
    }
  }

  log(): string {
    return readFileSync(join(this.directory, "log"), "utf8");
  }

  /** The command lines of our programs that it has run. */
  commands(): string[] {
    const started = `About to run ${this.directory}/bin/`;
    return this.log()
      .split("\n")
      .flatMap((line) => {
        const at = line.indexOf(started);
        return at < 0 ? [] : [line.slice(at + started.length)];
      });
  }

  /** Errors in the log but for the second that was not enough. */
  errors(): string[] {
    const isError = (line: string): boolean => / error : .*(tpm|TPM)/.test(line);
    return this.log()
      .split("\n")
      .filter((line) => isError(line) && !line.includes(TOO_LATE));
  }

  async stop(): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
