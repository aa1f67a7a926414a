import { spawnSync } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { peerProgram } from "../../bench/swtpm-programs.ts";
import { loopDevice, NO_LOOP_DEVICE } from "../loop-device.ts";
import { command, type RawTpm, u16, u32 } from "../raw-tpm.ts";
import { answered, authorized, debians, executed, type Owner, ours, PlacedTpm, sized } from "./placed-tpm.ts";

const declare = inject("missingPrograms").includes("swtpm") ? describe.skip : describe;

const OWNER = 0x40000001;
const SRK = 0x81000001;
const EKS = [0x81010001, 0x81010016];
const INDEX = 0x01800010;
const COUNTER = 0x01800011;
const OWNER_PASSWORD = "owner";
const INDEX_PASSWORD = "index";
const SECRET = "what is sealed";
const TPM_PT_LOCKOUT_COUNTER = 0x20e;
const TPM_RC_AUTH_FAIL = 0x98e;

let folder: string;
let running: PlacedTpm[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vtpm-interchange-"));
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((tpm) => tpm.kill()));
  rmSync(folder, { recursive: true });
});

async function start(
  owner: Owner,
  uri: string,
  options: Parameters<typeof PlacedTpm.start>[2] = {},
): Promise<PlacedTpm> {
  const tpm = await PlacedTpm.start(owner, uri, options);
  running.push(tpm);
  return tpm;
}
async function end(tpm: PlacedTpm): Promise<void> {
  running = running.filter((other) => other !== tpm);
  await tpm.end();
}

/** An ECC storage key. */
const STORAGE_KEY = sized(
  Buffer.from("0023 000b 00030072 0000 0006 0080 0043 0010 0003 0010 0000 0000".replaceAll(" ", ""), "hex"),
);
const SEALED_DATA = sized(Buffer.from("0008 000b 00000052 0000 0010 0000".replaceAll(" ", ""), "hex"));
const startup = (tpm: RawTpm): Promise<Buffer> => answered(tpm, command(0x144, u16(0)));
const publicOf = (tpm: RawTpm, handle: number): Promise<Buffer> => answered(tpm, command(0x173, u32(handle)));
const flush = (tpm: RawTpm, handle: number): Promise<Buffer> => answered(tpm, command(0x165, u32(handle)));
async function property(tpm: RawTpm, name: number): Promise<number> {
  return (await answered(tpm, command(0x17a, u32(6), u32(name), u32(1)))).readUInt32BE(13);
}

/** What a TPM of this test has beside what swtpm_setup gives it. */
interface Treasure {
  readonly sealed: Buffer;
  readonly publics: ReadonlyMap<number, Buffer>;
}

/** Sets passwords, makes keys and NV Indices, seals data. */
async function furnish(tpm: RawTpm, handles: readonly number[]): Promise<Treasure> {
  await answered(tpm, authorized(0x129, [OWNER], [""], sized(Buffer.from(OWNER_PASSWORD))));
  const primary = await answered(
    tpm,
    authorized(0x131, [OWNER], [OWNER_PASSWORD], sized(Buffer.from("00000000", "hex")), STORAGE_KEY, u16(0), u32(0)),
  );
  const transient = primary.readUInt32BE(0);
  await answered(tpm, authorized(0x120, [OWNER, transient], [OWNER_PASSWORD], u32(SRK)));
  await flush(tpm, transient);
  const sensitive = Buffer.concat([u16(0), sized(Buffer.from(SECRET))]);
  const created = await answered(tpm, authorized(0x153, [SRK], [""], sized(sensitive), SEALED_DATA, u16(0), u32(0)));
  // Behind the size of the parameters: private and public area.
  const privateSize = 2 + created.readUInt16BE(4);
  const sealed = created.subarray(4, 4 + privateSize + 2 + created.readUInt16BE(4 + privateSize));
  const index = Buffer.concat([u32(INDEX), u16(0x000b), u32(0x00040004), u16(0), u16(16)]);
  await answered(tpm, authorized(0x12a, [OWNER], [OWNER_PASSWORD], sized(Buffer.from(INDEX_PASSWORD)), sized(index)));
  const counter = Buffer.concat([u32(COUNTER), u16(0x000b), u32(0x02040014), u16(0), u16(8)]);
  await answered(tpm, authorized(0x12a, [OWNER], [OWNER_PASSWORD], u16(0), sized(counter)));
  const publics = new Map<number, Buffer>();
  for (const handle of [SRK, ...handles]) publics.set(handle, await publicOf(tpm, handle));
  return { sealed, publics };
}

/** Checks that everything is as the last owner has left it, and changes what a counter, an Index and the lockout tell. */
async function useAndChange(tpm: RawTpm, { sealed, publics }: Treasure, round: number): Promise<void> {
  for (const [handle, area] of publics) expect(await publicOf(tpm, handle)).toEqual(area);
  const loaded = await answered(tpm, authorized(0x157, [SRK], [""], sealed));
  const object = loaded.readUInt32BE(0);
  const unsealed = await answered(tpm, authorized(0x15e, [object], [""]));
  expect(unsealed.subarray(6, 6 + SECRET.length).toString()).toBe(SECRET);
  await flush(tpm, object);

  const read = authorized(0x14e, [INDEX, INDEX], [INDEX_PASSWORD], u16(16), u16(0));
  if (round > 0) expect((await answered(tpm, read))[6]).toBe(round);
  const data = Buffer.alloc(16, round + 1);
  await answered(tpm, authorized(0x137, [INDEX, INDEX], [INDEX_PASSWORD], sized(data), u16(0)));
  await answered(tpm, authorized(0x134, [COUNTER, COUNTER], [""]));
  const counted = await answered(tpm, authorized(0x14e, [COUNTER, COUNTER], [""], u16(8), u16(0)));
  expect(Number(counted.readBigUInt64BE(6))).toBe(round + 1);

  // The second wrong password locks no one out yet; more than two are not tried.
  expect(await property(tpm, TPM_PT_LOCKOUT_COUNTER)).toBe(Math.min(round, 2));
  if (round < 2) {
    const wrong = authorized(0x14e, [INDEX, INDEX], ["wrong"], u16(16), u16(0));
    expect((await executed(tpm, wrong)).readUInt32BE(6)).toBe(TPM_RC_AUTH_FAIL);
  }
  expect((await tpm.execute(authorized(0x129, [OWNER], ["wrong"], u16(0)))).readUInt32BE(6)).toBe(0x9a2);
}

async function handOn(uri: string, args: readonly string[], handles: readonly number[]): Promise<void> {
  const first = await start(debians, uri, { args });
  await startup(first.tpm);
  const treasure = await furnish(first.tpm, handles);
  await end(first);
  const owners = [ours, debians, ours, ours, debians];
  for (const [round, owner] of owners.entries()) {
    const tpm = await start(owner, uri, { args });
    await startup(tpm.tpm);
    await useAndChange(tpm.tpm, treasure, round);
    await end(tpm);
  }
}

declare("a TPM at rest goes from one owner to the next and back, several times", () => {
  const keyArgs = (): string[] => {
    const file = join(folder, "passphrase");
    writeFileSync(file, "a passphrase");
    return ["--key", `pwdfile=${file},mode=aes-256-cbc`];
  };

  test.each([
    ["a directory", false],
    ["an encrypted directory", true],
  ])("in %s that swtpm_setup has made", async (_, encrypted) => {
    const directory = join(folder, "state");
    mkdirSync(directory);
    const args = encrypted ? keyArgs() : [];
    const setup = [
      "--tpm2",
      "--tpmstate",
      directory,
      "--createek",
      "--overwrite",
      "--tpm",
      `${peerProgram("swtpm")} socket`,
    ];
    const key = encrypted ? ["--pwdfile", join(folder, "passphrase"), "--cipher", "aes-256-cbc"] : [];
    const { status, stdout } = spawnSync(peerProgram("swtpm_setup"), [...setup, ...key], { encoding: "utf8" });
    expect({ status, stdout }).toMatchObject({ status: 0 });
    await handOn(`dir://${directory}`, args, EKS);
  });

  test.each([
    ["a linear file", false],
    ["an encrypted linear file", true],
  ])("in %s", async (_, encrypted) => {
    await handOn(`file://${join(folder, "linear")}`, encrypted ? keyArgs() : [], []);
  });

  test("in a block device", async (context) => {
    const device = loopDevice(join(folder, "device"), 0x20_0000);
    if (device === undefined) return context.skip(NO_LOOP_DEVICE);
    try {
      await handOn(`file://${device.path}`, [], []);
    } finally {
      device.detach();
    }
  });
});

declare("a TPM of a later libtpms' profile", () => {
  test("goes on in Debian's swtpm when it has been converted to that one's, and comes back", async () => {
    const [from, to] = [join(folder, "default-v1"), join(folder, "null")];
    mkdirSync(from);
    const first = await start(ours, `dir://${from}`, { args: ["--profile", "name=default-v1"] });
    await startup(first.tpm);
    const treasure = await furnish(first.tpm, []);
    await useAndChange(first.tpm, treasure, 0);
    await end(first);
    // Debian's swtpm knows nothing of profiles.
    const vtpm = fileURLToPath(new URL("../../node_modules/.bin/vtpm", import.meta.url));
    const convert = ["state", "convert", from, to, "--profile", "null"];
    const { status, stderr } = spawnSync(process.execPath, [vtpm, ...convert], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const [round, owner] of [debians, ours, debians].entries()) {
      const tpm = await start(owner, `dir://${to}`);
      await startup(tpm.tpm);
      await useAndChange(tpm.tpm, treasure, round + 1);
      await end(tpm);
    }
  });
});

/** The other side's half of an HMAC session. */
interface HmacSession {
  readonly handle: number;
  readonly sessionKey: Buffer;
  readonly nonceTPM: Buffer;
}

const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer =>
  createHmac("sha256", key).update(Buffer.concat(parts)).digest();
const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash("sha256").update(Buffer.concat(parts)).digest();
const CONTINUE_SESSION = Buffer.of(1);
const NONCE_SIZE = 32;
const TPM_CC_PCR_EXTEND = 0x182;

/** A session bound to the owner, whose password makes its key. */
async function bindToOwner(tpm: RawTpm): Promise<HmacSession> {
  const nonceCaller = Buffer.alloc(NONCE_SIZE, 9);
  const rest = Buffer.concat([sized(nonceCaller), u16(0), Buffer.of(0), u16(0x0010), u16(0x000b)]);
  const started = await answered(tpm, command(0x176, u32(0x40000007), u32(OWNER), rest));
  const nonceTPM = started.subarray(6, 6 + NONCE_SIZE);
  // KDFa of one block.
  const sessionKey = hmac(Buffer.from(OWNER_PASSWORD), u32(1), Buffer.from("ATH\0"), nonceTPM, nonceCaller, u32(256));
  return { handle: started.readUInt32BE(0), sessionKey, nonceTPM };
}

/** Extends a PCR with the session's authorization, and checks that of the response. */
async function extendIn(tpm: RawTpm, session: HmacSession, pcr: number, fill: number): Promise<HmacSession> {
  const { handle, sessionKey, nonceTPM } = session;
  const nonceCaller = Buffer.alloc(NONCE_SIZE, fill);
  const parameters = Buffer.concat([u32(1), u16(0x000b), Buffer.alloc(32, fill)]);
  const cpHash = sha256(u32(TPM_CC_PCR_EXTEND), u32(pcr), parameters);
  const proof = hmac(sessionKey, cpHash, nonceCaller, nonceTPM, CONTINUE_SESSION);
  const area = Buffer.concat([u32(handle), sized(nonceCaller), CONTINUE_SESSION, sized(proof)]);
  const body = Buffer.concat([u32(pcr), u32(area.length), area, parameters]);
  const response = await answered(
    tpm,
    Buffer.concat([u16(0x8002), u32(10 + body.length), u32(TPM_CC_PCR_EXTEND), body]),
  );
  const newNonceTPM = response.subarray(6, 6 + NONCE_SIZE);
  const expected = hmac(sessionKey, sha256(u32(0), u32(TPM_CC_PCR_EXTEND)), newNonceTPM, nonceCaller, CONTINUE_SESSION);
  expect(response.subarray(-32)).toEqual(expected);
  return { ...session, nonceTPM: newNonceTPM };
}

/** What a running TPM has, by handles and what is to come out. */
interface Load {
  readonly key: number;
  readonly keyPublic: Buffer;
  readonly policy: number;
  readonly policyDigest: Buffer;
  readonly session: HmacSession;
  readonly sequence: number;
  readonly hashed: string;
  readonly pcr: Buffer;
}

const READ_PCR = command(0x17e, u32(1), u16(0x000b), Buffer.from("03000001", "hex"));

async function load(tpm: RawTpm): Promise<Load> {
  await startup(tpm);
  const primary = await answered(
    tpm,
    authorized(0x131, [OWNER], [""], sized(Buffer.from("00000000", "hex")), STORAGE_KEY, u16(0), u32(0)),
  );
  const key = primary.readUInt32BE(0);
  const policySession = Buffer.concat([
    sized(Buffer.alloc(16, 1)),
    u16(0),
    Buffer.from("01", "hex"),
    u16(0x0010),
    u16(0x000b),
  ]);
  const policy = (await answered(tpm, command(0x176, u32(0x40000007), u32(0x40000007), policySession))).readUInt32BE(0);
  await answered(tpm, command(0x16c, u32(policy), u32(0x14e)));
  await answered(tpm, authorized(0x129, [OWNER], [""], sized(Buffer.from(OWNER_PASSWORD))));
  const bound = await bindToOwner(tpm);
  const sequence = (await answered(tpm, command(0x186, u16(0), u16(0x000b)))).readUInt32BE(0);
  await answered(tpm, authorized(0x15c, [sequence], [""], sized(Buffer.from("one"))));
  const session = await extendIn(tpm, bound, 16, 7);
  const policyDigest = await answered(tpm, command(0x189, u32(policy)));
  const [keyPublic, pcr] = [await publicOf(tpm, key), await answered(tpm, READ_PCR)];
  return { key, keyPublic, policy, policyDigest, session, sequence, hashed: "one", pcr };
}

/** Goes on with it, as if it had never been elsewhere. */
async function goOn(tpm: RawTpm, at: Load, round: number): Promise<Load> {
  expect(await publicOf(tpm, at.key)).toEqual(at.keyPublic);
  expect(await answered(tpm, command(0x189, u32(at.policy)))).toEqual(at.policyDigest);
  expect(await answered(tpm, READ_PCR)).toEqual(at.pcr);
  // It has been started already.
  expect(await tpm.code(0x144, u16(0))).toBe(0x100);
  await answered(tpm, authorized(0x15c, [at.sequence], [""], sized(Buffer.from(`and ${round}`))));
  await answered(tpm, command(0x16b, u32(at.policy)));
  const session = await extendIn(tpm, at.session, 0, round);
  const policyDigest = await answered(tpm, command(0x189, u32(at.policy)));
  return { ...at, session, hashed: `${at.hashed}and ${round}`, policyDigest, pcr: await answered(tpm, READ_PCR) };
}

declare("a running TPM", () => {
  test("moves by state blobs from swtpm to vtpm and back, with sessions, keys and hash sequences", async () => {
    const place = (name: string): string => {
      mkdirSync(join(folder, name));
      return `dir://${join(folder, name)}`;
    };
    let from = await start(debians, place("0"));
    let at = await load(from.tpm);
    for (const [round, owner] of [ours, debians, ours, debians].entries()) {
      const blobs = { permanent: await from.blob("permanent"), volatile: await from.blob("volatile") };
      await from.kill();
      running = [];
      const to = await start(owner, place(String(round + 1)), { off: true });
      await to.setBlob("permanent", blobs.permanent);
      await to.setBlob("volatile", blobs.volatile);
      await to.powerOn();
      at = await goOn(to.tpm, at, round);
      from = to;
    }
    const completed = await answered(
      from.tpm,
      authorized(0x13e, [at.sequence], [""], sized(Buffer.from("end")), u32(0x40000007)),
    );
    expect(completed.subarray(6, 38)).toEqual(createHash("sha256").update(`${at.hashed}end`).digest());
    await end(from);
  });
});
