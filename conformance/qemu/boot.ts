import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { Guest } from "../guest/guest.ts";
import { swtpmUnderTest as program } from "../servers/swtpm-program.ts";
import { type Firmware, firmwareArgs } from "./firmware.ts";
import { type Measurements, readMeasurements } from "./measurements.ts";
import { TpmForQemu } from "./tpm-for-qemu.ts";

/** A boot takes 6 seconds with SeaBIOS and 12 with OVMF where nothing else runs. */
const TIMEOUT_MS = 240_000;

export interface BootOptions {
  readonly device: "tpm-tis" | "tpm-crb";
  readonly firmware: Firmware;
  /** A script beside this file, for the guest. */
  readonly script: string;
  /** Variables of the script. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Where the TPM has its state, below `state`, its log and its socket. */
  readonly directory: string;
}

export interface Booted {
  /** What the guest knows as `$RIG_DIR`. */
  readonly directory: string;
  /** What the guest has left in its directory. */
  read(name: string): string;
  measurements(name: string): Measurements;
}

const text = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");

/** Boots a machine with a TPM, waits for the end of its script, and lets `check` look at what that has left. */
export async function boot(
  { device, firmware, script, variables = {}, directory }: BootOptions,
  check: (booted: Booted) => void,
): Promise<void> {
  const tpm = await TpmForQemu.start(program, directory);
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  const guest = new Guest({
    script: [...assignments, text("guest-tpm.sh"), text(script)].join("\n"),
    kernel: "bzImage",
    // A reset is a reset, where rigs otherwise end.
    args: [...tpm.args(device), ...firmwareArgs(firmware, directory), "-action", "reboot=reset"],
    timeoutMs: TIMEOUT_MS,
  });
  try {
    const status = await guest.exitStatus();
    if (status !== 0) throw new Error(`the script ended with ${status}:\n${guest.machine.console}${tpm.log}`);
    await guest.machine.ended;
    // With the machine ends its connection, and with that the TPM.
    expect(await tpm.ended()).toBe(0);
    check({
      directory: guest.directory,
      read: (name) => readFileSync(join(guest.directory, name), "latin1").trim(),
      measurements: (name) => readMeasurements(guest.directory, name),
    });
  } finally {
    await guest.remove();
    await tpm.end();
  }
}
