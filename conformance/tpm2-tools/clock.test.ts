import { expect, test } from "vitest";
import { field, withToolsOverEachProtocol } from "./tpm2-tools.ts";

const TPM_RC_VALUE_PARAMETER_1 = 0x1c4;
/** Milliseconds. */
const UPDATE_INTERVAL = 4096n;

withToolsOverEachProtocol("the clock", (tpm) => {
  const read = async () => {
    const shown = await tpm.run("tpm2_readclock");
    return {
      time: BigInt(field(shown, "time")),
      clock: BigInt(field(shown, "clock")),
      resets: Number(field(shown, "reset_count")),
      restarts: Number(field(shown, "restart_count")),
      safe: field(shown, "safe"),
    };
  };

  test("time goes on", async () => {
    const before = await read();
    const after = await read();
    expect(after.clock).toBeGreaterThanOrEqual(before.clock);
  });

  test.each(["o", "p"])("hierarchy %s sets the clock forward, never back", async (hierarchy) => {
    const { clock } = await read();
    const later = clock + 1_000_000n;
    await tpm.run(`tpm2_setclock -c ${hierarchy} ${later}`);
    expect((await read()).clock).toBeGreaterThanOrEqual(later);
    await tpm.refused(`tpm2_setclock -c ${hierarchy} ${clock}`, TPM_RC_VALUE_PARAMETER_1);
  });

  test("the rate is adjusted", async () => {
    await tpm.run("tpm2_clockrateadjust -c p ss".replace("ss", "s"), "tpm2_clockrateadjust -c p f");
  });

  test("resets, resumes and restarts are counted, and the clock goes on", async () => {
    const before = await read();
    await tpm.server.restart();
    const reset = await read();
    expect(reset).toMatchObject({ resets: before.resets + 1, restarts: 0, safe: "yes" });
    expect(reset.clock).toBeGreaterThanOrEqual(before.clock);
    await tpm.server.restart("state");
    expect(await read()).toMatchObject({ resets: before.resets + 1, restarts: 1 });
  });

  test("after a power cut the clock is not known to be safe", async () => {
    for (;;) {
      const before = await read();
      await tpm.server.kill();
      await tpm.server.start();
      const after = await read();
      expect(after.resets).toBe(before.resets + 1);
      const atStart = after.clock - after.time;
      // It is again when it passes a multiple of the interval at which it goes to NV: until it was read it may have.
      if (atStart / UPDATE_INTERVAL < after.clock / UPDATE_INTERVAL) continue;
      expect(after.safe).toBe("no");
      break;
    }
  });
});
