import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { runGuest } from "../guest/guest.ts";
import { withRigLock } from "../guest/rig-lock.ts";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const WAYS = ["unix socket", "vTPM proxy, /dev/tpm0", "vTPM proxy, /dev/tpmrm0", "CUSE"];

interface Measured {
  readonly way: string;
  /** Microseconds of the guest. */
  readonly p50: number;
  readonly p99: number;
  /** KiB. */
  readonly rss: number;
}

describe.skipIf(inject("missingPrograms").includes("QEMU"))("the ways to a TPM in a guest", () => {
  test("are measured", async () => {
    const program = `${process.execPath} ${path("../../packages/vtpm/bin/vtpm.cjs")}`;
    const { status, console: said } = await withRigLock(() =>
      runGuest({
        script: `${process.execPath} ${path("./paths.js")} ${program}`,
        modules: ["tpm_vtpm_proxy", "cuse"],
        // Time counts instructions: ratios do not depend on what else this machine does.
        args: ["-icount", "shift=1,sleep=on"],
        timeoutMs: 600_000,
      }),
    );
    expect(status, said).toBe(0);
    const measured = [...said.matchAll(/^PATH (.*)$/gm)].map(([, json = ""]) => JSON.parse(json) as Measured);
    expect(measured.map(({ way }) => way)).toEqual(WAYS);
    const [socket] = measured;
    for (const { way, p50, p99, rss } of measured) {
      const ratio = p50 / (socket?.p50 ?? 0);
      console.log(
        `${way}: p50 ${p50.toFixed(0)} µs, ${ratio.toFixed(2)} of the socket's; p99 ${p99.toFixed(0)} µs; ${rss} KiB`,
      );
    }
  });
});
