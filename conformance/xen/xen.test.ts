import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { withRigLock } from "../guest/rig-lock.ts";
import { XenMachine } from "./xen-machine.ts";

const text = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

const HOLDS = [
  "two domains have TPMs of their own",
  "a back end that is started again takes devices up again",
  "nonsense in a page hurts nobody else",
  "a front end that grants nothing is closed with the reason",
  "a domain that is destroyed is forgotten",
  "a device can be attached and detached",
  "a reboot keeps persistent state",
  "ends",
];

const missing = inject("missingPrograms");
describe.skipIf(missing.includes("QEMU") || missing.includes("tpm2-tools"))("Xen with vtpm xen in Domain-0", () => {
  test("serves paravirtualized domains", { timeout: 1_000_000 }, async () => {
    // The built modules, under the names by which the script imports them.
    const hostile = text("./hostile.mjs")
      .replaceAll("./kernel-hypervisor.js", path("../../packages/vtpm/dist/kernel/xen/kernel-hypervisor.js"))
      .replaceAll("./poller.js", path("../../packages/vtpm/dist/native/poller.js"));
    const dom0Script = `VTPM=${path("../../packages/vtpm/bin/vtpm.cjs")}\ncat > $RIG_DIR/hostile.mjs <<'HOSTILE'\n${hostile}HOSTILE\n${text("./dom0.sh")}`;
    const { status, console } = await withRigLock(async () => {
      const xen = new XenMachine({ dom0Script, domUScript: text("./domu.sh"), timeoutMs: 900_000 });
      try {
        return { status: await xen.exitStatus(), console: xen.machine.console };
      } finally {
        await xen.remove();
      }
    });
    expect(status, console).toBe(0);
    expect([...console.matchAll(/^XEN ok (.*)$/gm)].map(([, what]) => what)).toEqual(HOLDS);
  });
});
