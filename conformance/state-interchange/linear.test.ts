import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeLinearHeader } from "@vtpm/state";
import type { Bytes } from "@vtpm/wire";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { openLinearStore } from "vtpm";
import { RawTpm, u16, u32 } from "../raw-tpm.ts";
import type { ServerProcess } from "../servers/server.ts";
import { swtpm } from "../servers/swtpm.ts";

const TPM = "tpm2-00";
const STORE_VOLATILE = 10;
const INDEX_SIZE = 1500;
const declare = inject("missingPrograms").includes("swtpm") ? describe.skip : describe;

let folder: string;
let path: string;
let server: ServerProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vtpm-interchange-"));
  path = join(folder, "tpm.linear");
});
afterEach(async () => {
  await server?.end("SIGKILL");
  server = undefined;
  rmSync(folder, { recursive: true });
});

/** Owner authorization with an empty password. */
const PASSWORD = Buffer.from("00000009 40000009 0000 00 0000".replaceAll(" ", ""), "hex");

function authorized(code: number, handles: readonly number[], ...parameters: readonly Buffer[]): Buffer {
  const body = Buffer.concat([...handles.map(u32), PASSWORD, ...parameters]);
  return Buffer.concat([u16(0x8002), u32(10 + body.length), u32(code), body]);
}
const define = (index: number): Buffer => {
  const area = Buffer.concat([u32(index), u16(0x000b), u32(0x00060006), u16(0), u16(INDEX_SIZE)]);
  return authorized(0x12a, [0x40000001], u16(0), u16(area.length), area);
};
const fillOf = (index: number): Buffer => Buffer.alloc(700, index % 251);
const write = (index: number): Buffer =>
  authorized(0x137, [0x40000001, index], u16(fillOf(index).length), fillOf(index), u16(0));
const read = (index: number): Buffer => authorized(0x14e, [0x40000001, index], u16(700), u16(0));

/** Starts swtpm with the store and works with the TPM in it. */
async function withSwtpm(work: (tpm: RawTpm) => Promise<void>, end: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
  server = await swtpm.start(`file://${path}`);
  const tpm = await RawTpm.open(server.swtpm);
  await tpm.code(0x144, u16(0));
  await work(tpm);
  if (end === "SIGTERM") expect(await tpm.code(0x145, u16(0))).toBe(0);
  await tpm.close();
  await server.end(end);
  server = undefined;
}

async function storeVolatile(): Promise<void> {
  const control = connect((server?.swtpm.port ?? 0) + 1, "127.0.0.1");
  control.write(u32(STORE_VOLATILE));
  const [answer] = (await once(control, "data")) as [Buffer];
  expect(answer.readUInt32BE(0)).toBe(0);
  control.destroy();
}

async function addIndices(tpm: RawTpm, first: number, count: number): Promise<void> {
  for (let index = first; index < first + count; index++) {
    for (const command of [define(index), write(index)]) expect((await tpm.execute(command)).readUInt32BE(6)).toBe(0);
  }
}

async function expectIndices(tpm: RawTpm, first: number, count: number): Promise<void> {
  for (let index = first; index < first + count; index++) {
    const response = await tpm.execute(read(index));
    expect(response.readUInt32BE(6)).toBe(0);
    expect(response.subarray(16, 716)).toEqual(fillOf(index));
  }
}

/** Writes the same state again, elsewhere and with a journal behind it. What a killed process leaves is the file as it is then. */
async function rewrite(end: "closed" | "killed"): Promise<Bytes> {
  const store = await openLinearStore(path, { unlocked: true, foldByHand: true });
  const { image, deltas } = await store.load(TPM);
  if (image === undefined) throw new Error("there is no state");
  expect(deltas).toEqual([]);
  await store.append([{ tpm: TPM, delta: Uint8Array.of(1), image: () => image }]);
  const running = readFileSync(path);
  await store.close();
  if (end === "killed") writeFileSync(path, running);
  return image;
}

const sectionNumbers = (): number[] => {
  const file = readFileSync(path);
  return [...decodeLinearHeader(file, file.length).keys()];
};

const FIRST = 0x01800001;

declare("a linear store goes back and forth between swtpm and here", () => {
  test("while its state grows past powers of two, whoever writes it, ended or killed", async () => {
    let indices = 0;
    await withSwtpm(async (tpm) => {
      await addIndices(tpm, FIRST, 1);
      indices = 1;
    });
    for (const [end, swtpmEnd] of [
      ["closed", "SIGTERM"],
      ["killed", "SIGTERM"],
      ["closed", "SIGKILL"],
      ["killed", "SIGKILL"],
      ["killed", "SIGTERM"],
    ] as const) {
      const image = await rewrite(end);
      expect(sectionNumbers()).toEqual(end === "closed" ? [0] : [0, 14]);
      expect(Buffer.from(image).readUInt32BE(6)).toBe(image.length);
      await withSwtpm(async (tpm) => {
        await expectIndices(tpm, FIRST, indices);
        await addIndices(tpm, FIRST + indices, 2 * indices);
        indices *= 3;
        await expectIndices(tpm, FIRST, indices);
      }, swtpmEnd);
      if (indices > 50) break;
    }
    await rewrite("closed");
    await withSwtpm((tpm) => expectIndices(tpm, FIRST, indices));
  });

  test("with a volatile state that swtpm adds, moves and takes out", async () => {
    await withSwtpm((tpm) => addIndices(tpm, FIRST, 1));
    await rewrite("killed");
    await withSwtpm(async (tpm) => {
      await storeVolatile();
      expect(sectionNumbers()).toEqual([0, 1, 14]);
      // The permanent state outgrows its section, and those behind it move.
      await addIndices(tpm, FIRST + 1, 5);
      await storeVolatile();
    }, "SIGKILL");
    const store = await openLinearStore(path, { foldByHand: true });
    const volatile = await store.readVolatile(TPM);
    expect(Buffer.from(volatile ?? []).readUInt32BE(6)).toBe(volatile?.length);
    const { image } = await store.load(TPM);
    if (image === undefined || volatile === undefined) throw new Error("there is no state");
    await store.append([{ tpm: TPM, delta: Uint8Array.of(1), image: () => image }]);
    await store.writeVolatile(TPM, volatile);
    expect(sectionNumbers()).toEqual([0, 1, 14]);
    await store.close();
    expect(sectionNumbers()).toEqual([0, 1]);
    // It goes on where it was: no TPM2_Startup is due.
    await withSwtpm(async (tpm) => {
      expect(await tpm.code(0x144, u16(0))).toBe(0x100);
      await expectIndices(tpm, FIRST, 6);
    });
  });
});
