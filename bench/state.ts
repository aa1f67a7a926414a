/**
 * What durability costs: writes of one TPM and of 64 that share a store, next to what the disk itself takes, and the writing of
 * the state file as NV memory fills. `npm run bench:state -- DIR` measures on the disk of a folder.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JobPool, NodePlatform, openDirectoryStore, openHost, StoreOwner, TPM_SU, type TpmHost } from "vtpm";
import { Disk, type DiskTiming } from "./disk.ts";
import { median } from "./median.ts";
import { empty, sized, u16, u32 } from "./tpm/bytes.ts";
import { authorized, RH, succeeded } from "./tpm/commands.ts";

const TPMS = 64;
const SECONDS = 2;
const INDEX = 0x01800000;
const DATA_SIZE = 32;
/** What one NV Index may hold in profile default-v1. */
const LARGE_SIZE = 2048;
const NV_SPACE = 0x14b;

const parent = process.argv[2] ?? tmpdir();

const define = (index: number, size: number): Uint8Array =>
  authorized(0x12a, [RH.OWNER], 1, empty, sized(u32(index), u16(0x000b), u32(0x00060006), empty, u16(size)));

/** The same content again would change nothing. */
const write = (index: number, size: number, content: number): Uint8Array => {
  const data = Buffer.alloc(size);
  data.writeUInt32BE(content);
  return authorized(0x137, [RH.OWNER, index], 1, sized(data), u16(0));
};

async function run(host: TpmHost, request: Uint8Array): Promise<void> {
  succeeded(Buffer.from(await host.execute(request)));
}

/** TPMs that share a directory, each with an Index. */
async function openTpms(directory: string, count: number, mayBlock: boolean) {
  const owner = new StoreOwner(() => openDirectoryStore(directory, { mayBlock }));
  const jobs = new JobPool();
  const hosts: TpmHost[] = [];
  for (let i = 0; i < count; i++) {
    const host = await openHost({ name: `tpm2-${i}`, owner, platform: new NodePlatform(), jobs });
    await host.init();
    if ((await host.startup(TPM_SU.CLEAR)) !== 0) throw new Error("TPM2_Startup failed");
    await run(host, define(INDEX, DATA_SIZE));
    hosts.push(host);
  }
  const close = async (): Promise<void> => {
    for (const host of hosts) await host.stop();
    await jobs.close();
    await owner.release();
  };
  return { hosts, close };
}

/** Every TPM writes as fast as it is answered; the microseconds of each write. */
async function writes(hosts: readonly TpmHost[]): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + 1000 * SECONDS;
  await Promise.all(
    hosts.map(async (host) => {
      for (let i = 1; performance.now() < end; i++) {
        const request = write(INDEX, DATA_SIZE, i);
        const start = performance.now();
        await run(host, request);
        times.push(1000 * (performance.now() - start));
      }
    }),
  );
  return times;
}

/** What the disk takes, as often as fits into the time. */
function measuredDisk(): DiskTiming {
  const disk = new Disk(parent);
  const end = performance.now() + 1000 * SECONDS;
  while (performance.now() < end) disk.turn();
  disk.close();
  return disk.timing();
}

async function growth(directory: string): Promise<void> {
  const { hosts, close } = await openTpms(directory, 1, true);
  const [host] = hosts;
  if (host === undefined) throw new Error("no TPM");
  console.log(
    "\nstate file as NV memory fills\n  Indices of 2 KB   bytes   image ms   durable NV_Write of 32 bytes µs, p50",
  );
  for (let indices = 0; ; indices++) {
    if (indices % 8 === 0) {
      const image = (await host.permanentImage()) ?? new Uint8Array(0);
      const times: number[] = [];
      for (let i = 0; i < 20; i++) {
        const start = performance.now();
        await host.permanentImage();
        times.push(performance.now() - start);
      }
      const p50 = median(await writes([host]));
      const cells = [String(indices).padStart(17), String(image.length).padStart(7)];
      console.log(`${cells.join(" ")} ${median(times).toFixed(2).padStart(10)} ${p50.toFixed(0).padStart(39)}`);
    }
    const code = Buffer.from(await host.execute(define(INDEX + 1 + indices, LARGE_SIZE))).readUInt32BE(6);
    if (code === NV_SPACE) break;
    if (code !== 0) throw new Error(`NV_DefineSpace answered 0x${code.toString(16)}`);
    await run(host, write(INDEX + 1 + indices, 1024, 1));
  }
  await close();
}

const directory = mkdtempSync(join(parent, "vtpm-bench-state-"));
try {
  const { sync, replace } = measuredDisk();
  console.log(
    `the disk: write and fdatasync ${sync.toFixed(0)} µs; new file and rename, not durable, ${replace.toFixed(0)} µs`,
  );
  for (const count of [1, TPMS]) {
    const { hosts, close } = await openTpms(join(directory, `of-${count}`), count, count === 1);
    const times = await writes(hosts);
    await close();
    const rate = times.length / SECONDS;
    const each = `p50 ${median(times).toFixed(0)} µs, ${rate.toFixed(0)} a second`;
    console.log(
      `durable NV_Write, ${count} TPM${count === 1 ? "" : "s"}: ${each}, ${((rate * sync) / 1e6).toFixed(1)} for each sync that the disk could do`,
    );
  }
  await growth(join(directory, "growth"));
} finally {
  rmSync(directory, { recursive: true });
}
