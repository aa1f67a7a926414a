import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { vtpm } from "../servers/vtpm.ts";
import { guestChecks } from "./guest-checks.ts";

/** Uses the TPM of a state directory on this machine. */
async function withTpm(state: string, use: (tool: (line: string, input?: string) => string) => void): Promise<void> {
  const server = await vtpm.start(state);
  try {
    const TPM2TOOLS_TCTI = `swtpm:port=${server.swtpm.port}`;
    use((line, input) => {
      const [program = "", ...args] = line.split(" ");
      return execFileSync(program, args, { env: { ...process.env, TPM2TOOLS_TCTI }, input, encoding: "utf8" });
    });
  } finally {
    await server.end("SIGTERM");
  }
}

guestChecks("the kernel's vTPM proxy", {
  script: "vtpm-proxy.sh",
  modules: ["tpm_vtpm_proxy"],
  async before(directory) {
    const state = mkdtempSync(join(tmpdir(), "vtpm-state-"));
    await withTpm(state, (tool) => {
      tool("tpm2_startup -c");
      tool("tpm2_nvdefine 0x1800001 -C o -s 8");
      tool("tpm2_nvwrite 0x1800001 -C o -i -", "fromhost");
    });
    cpSync(state, join(directory, "state"), { recursive: true });
    rmSync(state, { recursive: true });
    writeFileSync(join(directory, "state.complete"), "");
  },
  async after(directory) {
    await withTpm(join(directory, "state.after"), (tool) => {
      tool("tpm2_startup -c");
      expect(tool("tpm2_nvread 0x1800001 -C o")).toBe("fromhost");
      expect(tool("tpm2_nvread 0x1800002 -C o")).toBe("fromguest");
    });
  },
  timeoutMs: 600_000,
});
