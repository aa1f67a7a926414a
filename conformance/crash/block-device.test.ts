import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeLinearHeader } from "@vtpm/state";
import { afterEach, beforeEach, expect, type TestContext, test } from "vitest";
import { openLinearStore } from "vtpm";
import { type LoopDevice, loopDevice, NO_LOOP_DEVICE } from "../loop-device.ts";
import { RawTpm } from "../raw-tpm.ts";
import type { ServerProcess } from "../servers/server.ts";
import { startVtpm } from "../servers/vtpm.ts";
import { Ledger } from "./ledger.ts";

const TPM = "tpm2-00";

let folder: string;
let device: LoopDevice | undefined;
let server: ServerProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vtpm-device-"));
});
afterEach(async () => {
  await server?.end("SIGKILL");
  server = undefined;
  device?.detach();
  device = undefined;
  rmSync(folder, { recursive: true });
});

const backing = (): string => join(folder, "device");
/** A device with nothing on it. */
function emptyDevice(context: TestContext, size: number): string {
  device = loopDevice(backing(), size);
  return device?.path ?? context.skip(NO_LOOP_DEVICE);
}

const record = (image: Uint8Array) => ({ tpm: TPM, delta: image, image: () => image });
const bytesOf = (size: number): Uint8Array => new Uint8Array(randomBytes(size));

/** What somebody finds who opens the device. */
async function stored(path: string): Promise<string> {
  const store = await openLinearStore(path, { foldByHand: true });
  const { image, deltas } = await store.load(TPM);
  await store.close();
  return Buffer.from(deltas.at(-1) ?? image ?? []).toString("base64");
}

test("a linear store lives in a block device as it does in a file", async (context) => {
  const path = emptyDevice(context, 0x10_0000);
  // Neither at a sector's end, nor in it.
  for (const size of [1, 511, 512, 513, 4097, 30_000]) {
    const image = bytesOf(size);
    const store = await openLinearStore(path, { foldByHand: true });
    await store.append([record(image)]);
    await store.writeVolatile(TPM, image);
    expect(await stored(path).catch(({ code }) => code)).toBe("STATE_LOCKED");
    await store.close();
    expect(await stored(path)).toBe(Buffer.from(image).toString("base64"));
  }
  const bytes = readFileSync(path);
  expect(bytes.length).toBe(0x10_0000);
  expect([...decodeLinearHeader(bytes, bytes.length).keys()]).toEqual([0, 1]);
});

test("what does not fit in a block device is refused, and what is there stays", async (context) => {
  const path = emptyDevice(context, 0x1_0000);
  const [small, large] = [bytesOf(3000), bytesOf(100_000)];
  const store = await openLinearStore(path, { foldByHand: true });
  await store.append([record(small)]);
  await expect(store.append([record(large)])).rejects.toMatchObject({ code: "STATE_WRITE" });
  await store.append([record(small.slice(1))]);
  await store.close();
  expect(await stored(path)).toBe(Buffer.from(small.slice(1)).toString("base64"));
  expect(readFileSync(backing()).length).toBe(0x1_0000);
});

test("a program that is killed at any moment has everything on its block device that it has answered", async (context) => {
  const path = emptyDevice(context, 0x20_0000);
  const ledger = new Ledger();
  for (let round = 0; round < 5; round++) {
    server = await startVtpm(`file://${path}`);
    const tpm = await RawTpm.open(server.swtpm);
    await ledger.begin(tpm);
    const enough = ledger.increments + Math.random() * 60;
    const used = ledger.use(tpm);
    while (ledger.increments < enough) await new Promise(setImmediate);
    await server.end("SIGKILL");
    await used;
  }
  server = await startVtpm(`file://${path}`);
  await ledger.begin(await RawTpm.open(server.swtpm));
});
