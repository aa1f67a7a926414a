import { describe, expect, inject, test } from "vitest";
import { runGuest } from "./guest.ts";
import { withRigLock } from "./rig-lock.ts";

describe.skipIf(inject("missingPrograms").includes("QEMU"))("a guest", () => {
  test("runs a script with this machine's programs and tells its exit status", async () => {
    const script = `${process.execPath} --version; echo "two" > $RIG_DIR/two; exit 3`;
    const { status, console } = await withRigLock(() => runGuest({ script, timeoutMs: 120_000 }));
    expect(status).toBe(3);
    expect(console).toContain(process.version);
  });
});
