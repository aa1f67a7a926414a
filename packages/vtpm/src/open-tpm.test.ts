import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TPM_RC } from "@vtpm/tpm2";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createTpm } from "./create-tpm.ts";
import { openTpm } from "./open-tpm.ts";
import { counterValue, defineCounter, getRandom, increment, readCounter, responseCode } from "./testing/commands.ts";

const INDEX = 0x01800001;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vtpm-open-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a TPM in this process is ready for any command, and answers at once", () => {
  const tpm = createTpm();
  expect(tpm.execute(getRandom(16))).toHaveLength(28);
  expect(responseCode(tpm.execute(defineCounter(INDEX)))).toBe(0);
  const before = tpm.state;
  expect(responseCode(tpm.execute(increment(INDEX)))).toBe(0);
  tpm.state = before;
  expect(responseCode(tpm.execute(readCounter(INDEX)))).toBe(TPM_RC.NV_UNINITIALIZED);
});

test("a TPM in this process can be left without TPM2_Startup", () => {
  expect(responseCode(createTpm({ startup: "none" }).execute(getRandom(16)))).toBe(TPM_RC.INITIALIZE);
});

test("a TPM in a directory is the same one when it is opened again", async () => {
  const first = await openTpm({ directory });
  await first.host.init();
  await first.host.startup(0);
  await first.host.execute(defineCounter(INDEX));
  await first.host.execute(increment(INDEX));
  const value = counterValue(await first.host.execute(readCounter(INDEX)));
  await expect(openTpm({ directory })).rejects.toMatchObject({ code: "STATE_LOCKED" });
  await first.close();
  expect(readdirSync(directory).sort()).toEqual([".lock", "tpm2-00.permall"]);

  const second = await openTpm({ directory });
  await second.host.init();
  await second.host.startup(0);
  expect(counterValue(await second.host.execute(readCounter(INDEX)))).toBe(value);
  await second.close();
});

test("a TPM without a directory is forgotten", async () => {
  const tpm = await openTpm();
  await tpm.host.init();
  expect(await tpm.host.startup(0)).toBe(0);
  await tpm.close();
  expect(tpm.host.running).toBe(false);
});
