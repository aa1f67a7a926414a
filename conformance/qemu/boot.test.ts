import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { withRigLock } from "../guest/rig-lock.ts";
import { swtpmUnderTest as program } from "../servers/swtpm-program.ts";
import { type Booted, type BootOptions, boot } from "./boot.ts";
import type { Measurements } from "./measurements.ts";

const missing = inject("missingPrograms");
const isMissing = (["QEMU", "swtpm", "tpm2-tools"] as const).some((name) => missing.includes(name));

/** Boots a machine with a new TPM and lets `check` look at what its script has left. */
async function bootNew(options: Omit<BootOptions, "directory">, check: (booted: Booted) => void): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "vtpm-qemu-"));
  try {
    await withRigLock(() => boot({ ...options, directory }, check));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What the firmware says it measured is what the TPM holds; returns the kinds of events. */
function expectMeasured({ replayed, read, events, version }: Measurements): readonly string[] {
  expect(version).toBe("2");
  const banks = new Set([...replayed.keys()].map((key) => key.split(" ")[0]));
  expect([...banks].sort()).toEqual(["sha1", "sha256", "sha384", "sha512"]);
  expect(replayed.size).toBeGreaterThanOrEqual(4 * 8);
  for (const [pcr, value] of replayed) expect({ pcr, value: read.get(pcr) }).toEqual({ pcr, value });
  // The kernel measures, too: what it found at boot goes to PCR 10.
  expect(read.get("sha256 10")).not.toBe(ZERO);
  return events;
}

const ZERO = "00".repeat(32);

describe.skipIf(isMissing)(`a machine of QEMU's with ${program.name}`, () => {
  test("tpm-tis, SeaBIOS: measured boot, TPM tools, and a reset that keeps what persists and nothing else", async () => {
    await bootNew({ device: "tpm-tis", firmware: "SeaBIOS", script: "guest-reset.sh" }, ({ read, measurements }) => {
      const first = measurements("first");
      expect(first.driver).toBe("tpm_tis");
      expect(expectMeasured(first)).toContain("EV_SEPARATOR");
      expect(first.read.get("sha256 16")).toBe(ZERO);
      expect(read("first.pcr16").toLowerCase()).not.toBe(ZERO);
      expect(read("first.nv")).toBe("12345678");
      expect(read("first.lockout")).toBe("0");

      const second = measurements("second");
      expectMeasured(second);
      // The same firmware, the same measurements.
      for (const pcr of [0, 1, 2, 3, 4, 5, 6, 7])
        expect(second.read.get(`sha256 ${pcr}`)).toBe(first.read.get(`sha256 ${pcr}`));
      expect(read("second.pcr16")).toBe(ZERO);
      expect(read("second.nv")).toBe("12345678");
      // An NV Index protected from guessing had been used when the machine was reset.
      expect(read("second.lockout")).toBe(program.shutsDown ? "0" : "1");
    });
  });

  test("tpm-crb, OVMF: measured boot and TPM tools", async () => {
    await bootNew({ device: "tpm-crb", firmware: "OVMF", script: "guest-look.sh" }, ({ read, measurements }) => {
      const found = measurements("first");
      expect(found.driver).toBe("tpm_crb");
      expect(expectMeasured(found)).toContain("EV_EFI_VARIABLE_DRIVER_CONFIG");
      expect(read("random")).toMatch(/^[0-9a-f]{16}$/);
      expect(read("pcrread").toLowerCase()).toContain(`0x${found.read.get("sha256 0")}`);
    });
  });
});
