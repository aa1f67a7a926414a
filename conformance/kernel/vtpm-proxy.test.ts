import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { boot } from "../qemu/boot.ts";
import { guestChecks } from "./guest-checks.ts";

/** A TPM and what belongs to it, on the way from a machine of QEMU's to the guest and back. */
const travels = mkdtempSync(join(tmpdir(), "vtpm-travels-"));
afterAll(() => rmSync(travels, { recursive: true }));

const MACHINE = { device: "tpm-tis", firmware: "SeaBIOS", directory: travels } as const;

guestChecks("the kernel's vTPM proxy", {
  script: "vtpm-proxy.sh",
  modules: ["tpm_vtpm_proxy"],
  async before() {
    await boot({ ...MACHINE, script: "guest-leave.sh" }, ({ directory }) => {
      cpSync(join(directory, "travels"), travels, { recursive: true });
    });
    return { TRAVELS: travels };
  },
  after: {
    name: "a machine of QEMU's finds what it has left in the TPM and what was done to it here",
    async look(directory) {
      rmSync(join(travels, "state"), { recursive: true });
      cpSync(join(directory, "state.after"), join(travels, "state"), { recursive: true });
      for (const file of ["proxy.name", "message", "signature"]) cpSync(join(directory, file), join(travels, file));
      await boot({ ...MACHINE, script: "guest-find.sh", variables: { TRAVELS: travels } }, ({ read }) => {
        expect(read("nv.qemu")).toBe("fromhere");
        expect(read("nv.proxy")).toBe("fromguest");
        expect(read("secret")).toBe("a secret");
      });
    },
  },
  timeoutMs: 600_000,
});
