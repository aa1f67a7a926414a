import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNodeProvider } from "@vtpm/crypto/node";
import { decodePermanent, decodeVolatile, encodePermanent, openBlob, openEnvelope, sealEnvelope } from "@vtpm/state";
import { durableChanges, encodeChanges } from "@vtpm/tpm2";
import { fromHex, toHex } from "@vtpm/wire";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HostError } from "../../host-error.ts";
import { openDirectoryStore } from "../../store/open-directory-store.ts";
import { openLinearStore } from "../../store/open-linear-store.ts";
import { UsageError } from "../usage-error.ts";
import { runState } from "./state-command.ts";

const STATE_FILE = "tpm2-00.permall";
const crypto = createNodeProvider();
const sealing = { crypto, entropy: (size: number) => new Uint8Array(size).fill(7) };
const KEY = "pwdfile=PASSPHRASE,mode=aes-256-cbc";

function vector(name: string): Uint8Array {
  return fromHex(readFileSync(new URL(`../../../../state/vectors/libtpms/${name}.hex`, import.meta.url), "utf8"));
}
const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(path));
const PLAIN = vector("lib011-default-v1.shutdownstate.permall");
const ENCRYPTED = vector("enc-pwd-pbkdf2-aes256.permall");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vtpm-state-"));
  writeFileSync(join(folder, "passphrase"), "passphrase");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A state directory with this file in it. */
function directoryWith(name: string, permall: Uint8Array): string {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, STATE_FILE), permall);
  return join(folder, name);
}

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the program does with these arguments, in this process. */
async function state(...args: readonly string[]): Promise<Ended> {
  const written = { stdout: "", stderr: "" };
  const into = (stream: keyof typeof written) => ({
    write(text: string): boolean {
      written[stream] += text;
      return true;
    },
  });
  const streams = { stdout: into("stdout"), stderr: into("stderr") };
  const known = args.map((arg) => arg.replace("PASSPHRASE", join(folder, "passphrase")));
  try {
    const status = await runState(known, streams);
    return { status, ...written };
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return { status: error instanceof UsageError ? 2 : 1, ...written, stderr: `vtpm: ${error.message}\n` };
  }
}
async function printed(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await state(...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}
async function refusal(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await state(...args);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toMatch(/^vtpm: .+\n$/);
  return stderr.slice("vtpm: ".length, -1);
}

/** All that is secret in a state and not too short to be there by chance. */
function secretsIn(permall: Uint8Array): string[] {
  const { persistent, objects, indices } = decodePermanent(openEnvelope(permall, { crypto }));
  const found: Uint8Array[] = [persistent.EPSeed, persistent.SPSeed, persistent.PPSeed, persistent.ehProof];
  for (const { sensitive } of objects.values()) {
    if (sensitive === undefined) continue;
    found.push(sensitive.seedValue, sensitive.sensitive);
  }
  for (const { data } of indices.values()) found.push(data);
  return found.filter((bytes) => new Set(bytes).size > 6).map(toHex);
}

describe("vtpm state inspect", () => {
  test("shows what is in a state, and nothing secret unless asked", async () => {
    const where = directoryWith("state", PLAIN);
    const secrets = secretsIn(PLAIN);
    expect(secrets.length).toBeGreaterThan(10);
    for (const options of [[], ["--all"], ["--json"]]) {
      const text = await printed("inspect", where, ...options);
      expect(text).toContain("default-v1");
      expect(text).toMatch(/0x81010001/);
      expect(text).toMatch(/EPSeed.*hidden \(66 bytes\)/);
      for (const secret of secrets) expect(text).not.toContain(secret);
    }
    const all = await printed("inspect", where, "--show-secrets");
    for (const secret of secrets.slice(0, 4)) expect(all).toContain(secret);
    expect(readdirSync(where)).toEqual([STATE_FILE]);
    expect(await printed("inspect", join(where, STATE_FILE))).toBe(
      (await printed("inspect", where)).replace(where, join(where, STATE_FILE)),
    );
  });

  test("shows a state as far as it can be opened with a key, and says how it is encrypted", async () => {
    const where = directoryWith("state", ENCRYPTED);
    expect(await printed("inspect", where, "--key", KEY)).toContain(
      "permanent state  1404 bytes, encrypted with a key of 256 bits, envelope version 2\n",
    );
    writeFileSync(join(folder, "blob"), vector("enc-hexkey-aes256.migration"));
    writeFileSync(join(folder, "mkey"), "f1e1d1c1b1a191817161514131211101f0e0d0c0b0a090807060504030201000\n");
    const options = ["--migration-key", `file=${join(folder, "mkey")},mode=aes-256-cbc`];
    expect(await printed("inspect", join(folder, "blob"), ...options)).toContain(
      "permanent state  1404 bytes, not encrypted, on its way with a migration key of 256 bits, blob version 2\n",
    );
  });

  test("shows with the state what a journal says beyond it", async () => {
    const before = decodePermanent(openEnvelope(PLAIN, { crypto }));
    const after = { ...before, persistent: { ...before.persistent, totalResetCount: 77n } };
    const delta = sealEnvelope(encodeChanges(durableChanges(before, after)), sealing);
    const image = (nv: typeof before) => () => sealEnvelope(encodePermanent(nv), sealing);
    const whole = sealEnvelope(encodeChanges(durableChanges(undefined, before)), sealing);
    const directory = join(folder, "state");
    const linear = join(folder, "linear");
    const stores = [
      await openDirectoryStore(directory, { foldByHand: true }),
      await openLinearStore(linear, { foldByHand: true }),
    ];
    for (const store of stores) {
      await store.load("tpm2-00");
      await store.append([{ tpm: "tpm2-00", delta: whole, image: image(before) }]);
      await store.append([{ tpm: "tpm2-00", delta, image: image(after) }]);
      expect(await refusal("inspect", store.locate("").startsWith(linear) ? linear : directory)).toContain("is in use");
    }
    // What a killed process leaves is what is there now.
    const copy = join(folder, "copy");
    cpSync(directory, copy, { recursive: true });
    writeFileSync(join(folder, "copied"), readFileSync(linear));
    for (const store of stores) await store.close();
    for (const [where, changes] of [
      [copy, 2],
      [join(folder, "copied"), 1],
    ] as const) {
      const text = await printed("inspect", where);
      expect(text).toContain(`journal          ${changes} changes since that was written`);
      expect(text).toContain("totalResetCount: 77 (0x4d)");
    }
    expect(await printed("inspect", join(folder, "copied"), "--ignore-journal")).not.toContain("totalResetCount: 77");
  });
});

describe("a running TPM's state", () => {
  const stored = (name: string): Uint8Array => sealEnvelope(openBlob(vector(name), { crypto }), sealing);
  function running(): string {
    const where = directoryWith("running", stored("lib011-default-v1.live.permanent"));
    writeFileSync(join(where, "tpm2-00.volatilestate"), stored("lib011-default-v1.live.volatile"));
    return where;
  }

  test("is shown without its secrets, verified, compared and moved", async () => {
    const where = running();
    const nv = decodePermanent(openEnvelope(stored("lib011-default-v1.live.permanent"), { crypto }));
    const volatile = openEnvelope(stored("lib011-default-v1.live.volatile"), { crypto });
    const { nullSeed, nullProof } = decodeVolatile(volatile, nv, { monotonicMs: 0n, wallClockMs: 0n, crypto }).ram
      .stateReset;
    const text = await printed("inspect", where, "--all");
    expect(text).toMatch(/sessionKey: empty/);
    for (const secret of [nullSeed, nullProof, nv.persistent.EPSeed].map(toHex)) expect(text).not.toContain(secret);
    expect(await printed("verify", where)).toBe(`${where}: permanent state, volatile state: good\n`);
    await printed("convert", where, `file://${join(folder, "linear")}`);
    expect(await printed("diff", where, join(folder, "linear"))).toBe("");
    expect(await refusal("convert", where, join(folder, "other"), "--profile", "null")).toContain("has volatile state");
    await printed("convert", where, join(folder, "stopped"), "--without-volatile");
    expect((await state("diff", where, join(folder, "stopped"))).stdout).toMatch(/^volatile: version 4 -> absent\n$/);
  });

  test("that does not fit the permanent one is refused by verify", async () => {
    const where = running();
    writeFileSync(join(where, STATE_FILE), vector("lib092-null.permall"));
    expect(await refusal("verify", where)).toMatch(/^volatile state of .*running: VOLATILE_STATE/);
  });
});

describe("vtpm state verify", () => {
  test("says what is good", async () => {
    const where = directoryWith("state", PLAIN);
    expect(await printed("verify", where)).toBe(`${where}: permanent state: good\n`);
    expect(JSON.parse(await printed("verify", where, "--json"))).toEqual({
      location: where,
      permanent: true,
      changesInJournal: 0,
      volatile: false,
    });
  });

  test("names what is wrong, and where", async () => {
    const where = directoryWith("state", PLAIN);
    const file = join(where, STATE_FILE);
    const damaged = (at: number): void =>
      writeFileSync(
        file,
        PLAIN.map((byte, i) => (i === at ? 0xff - byte : byte)),
      );
    damaged(10 + 6 + 3);
    expect(await refusal("verify", where)).toMatch(
      new RegExp(`^permanent state of ${where}: PERSISTENT_ALL.*magic.* at offset 2: `),
    );
    writeFileSync(file, PLAIN.slice(0, -1));
    expect(await refusal("verify", where)).toBe(
      `permanent state of ${where}: the header says 10627 bytes in all, there are 10626`,
    );
    writeFileSync(file, ENCRYPTED);
    expect(await refusal("verify", where)).toBe(
      `permanent state of ${where}: it is encrypted with a key of 256 bits, and none is given`,
    );
    writeFileSync(join(folder, "passphrase"), "another");
    expect(await refusal("verify", where, "--key", KEY)).toBe(
      `permanent state of ${where}: the HMAC is wrong: it was encrypted with another key or passphrase`,
    );
  });

  test("names what is no state", async () => {
    mkdirSync(join(folder, "empty"));
    expect(await refusal("verify", join(folder, "empty"))).toMatch(/there is no TPM in it$/);
    writeFileSync(join(folder, "empty", "tpm-00.permall"), "x");
    expect(await refusal("verify", join(folder, "empty"))).toMatch(
      /there is a TPM 1.2 in it, which vtpm does not know$/,
    );
    expect(await refusal("verify", join(folder, "none"))).toMatch(/no such file or directory \(ENOENT\)$/);
    writeFileSync(join(folder, "text"), sealEnvelope(Uint8Array.of(1, 2, 3), sealing));
    expect(await refusal("verify", join(folder, "text"))).toMatch(/it is no state of a TPM 2.0$/);
    expect(await refusal("verify", "/dev/null")).not.toBe("");
  });
});

describe("vtpm state diff", () => {
  test("names the parts that differ, and of secrets nothing but that", async () => {
    const nv = decodePermanent(openEnvelope(PLAIN, { crypto }));
    const persistent = { ...nv.persistent, failedTries: 2, EPSeed: new Uint8Array(64).fill(9) };
    const [index] = nv.indices.keys();
    const indices = new Map([...nv.indices].filter(([handle]) => handle !== index));
    const [a, b] = [directoryWith("a", PLAIN), join(folder, "b")];
    directoryWith("b", sealEnvelope(encodePermanent({ ...nv, persistent, indices }), sealing));
    expect(await printed("diff", a, a)).toBe("");
    const { status, stdout } = await state("diff", a, b);
    expect(status).toBe(3);
    expect(stdout.split("\n").filter((line) => line.startsWith("PERSISTENT_DATA"))).toEqual([
      "PERSISTENT_DATA.EPSeed: hidden (66 bytes) -> hidden (66 bytes)",
      "PERSISTENT_DATA.failedTries: 0 (0x00000000) -> 2 (0x00000002)",
    ]);
    expect(stdout).toMatch(new RegExp(`USER_NVRAM.nv.0x${index?.toString(16)}: .* -> absent\n`));
    expect((await state("diff", a, b, "--show-secrets")).stdout).toContain(`-> ${"09".repeat(64)}`);
    const found = JSON.parse((await state("diff", b, a, "--json")).stdout) as object[];
    expect(found).toContainEqual({
      path: "PERSISTENT_DATA.failedTries",
      a: "2 (0x00000002)",
      b: "0 (0x00000000)",
    });
  });
});

describe("vtpm state convert", () => {
  test("moves a TPM between places and keys without changing a bit of it", async () => {
    const plain = openEnvelope(ENCRYPTED, {
      key: fromHex("b3bf8d524dbd024cca06eb6e75f96ff1db6b109ffc23e5e9e2079f2ed4522903"),
      crypto,
    });
    const source = directoryWith("source", ENCRYPTED);
    const [linear, directory, last] = ["linear", "directory", "last"].map((name) => join(folder, name));
    await printed("convert", source, `file://${linear}`, "--key", KEY);
    expect(await refusal("verify", `${linear}`)).toContain("none is given");
    await printed("convert", `${linear}`, `${directory}`, "--key", KEY, "--decrypt");
    expect(openEnvelope(bytesOf(join(`${directory}`, STATE_FILE)), { crypto })).toEqual(plain);
    writeFileSync(join(folder, "key"), `0x${"11".repeat(16)}`);
    await printed("convert", `${directory}`, `${last}`, "--new-key", `file=${join(folder, "key")}`);
    const file = bytesOf(join(`${last}`, STATE_FILE));
    expect(openEnvelope(file, { key: new Uint8Array(16).fill(0x11), crypto })).toEqual(plain);
    expect(readFileSync(join(source, STATE_FILE))).toEqual(Buffer.from(ENCRYPTED));
  });

  test("makes a TPM of another profile, if that can have all that the TPM has", async () => {
    const source = directoryWith("source", PLAIN);
    await printed("convert", source, join(folder, "target"), "--profile", "null");
    const nv = decodePermanent(openEnvelope(bytesOf(join(folder, "target", STATE_FILE)), { crypto }));
    expect(nv.profile.name).toBe("null");
    const before = decodePermanent(openEnvelope(PLAIN, { crypto }));
    expect(nv.persistent.EPSeed).toEqual(before.persistent.EPSeed);
    expect([...nv.objects.keys()]).toEqual([...before.objects.keys()]);
  });

  test("overwrites nothing", async () => {
    const [source, target] = [directoryWith("source", PLAIN), directoryWith("target", ENCRYPTED)];
    expect(await refusal("convert", source, target)).toBe(
      `${target} has a state already: remove it first, or choose another place`,
    );
    expect(await refusal("convert", source, source)).toContain("has a state already");
    expect(readFileSync(join(target, STATE_FILE))).toEqual(Buffer.from(ENCRYPTED));
  });
});

test("vtpm state refuses what it does not understand, and teaches", async () => {
  for (const [args, message] of [
    [[], 'what to do with which state? See "vtpm state --help"'],
    [["look", "x"], 'vtpm state takes inspect, verify, diff, convert, not "look"'],
    [["diff", "x"], 'vtpm state diff needs STATE and STATE: see "vtpm state --help"'],
    [["verify", "x", "y"], 'unexpected argument "y": see "vtpm state --help"'],
    [["verify", "x", "--decrypt"], '--decrypt means nothing to vtpm state verify: see "vtpm state --help"'],
    [["inspect", "ftp://x"], 'the state takes a directory, dir://DIRECTORY or file://FILE, not "ftp://x"'],
  ] as const) {
    expect(await state(...args)).toMatchObject({ status: 2, stdout: "", stderr: `vtpm: ${message}\n` });
  }
  for (const args of [["--help"], ["inspect", "--help"]]) {
    expect(await printed(...args)).toMatch(/^vtpm state - look at stored state/);
  }
});
