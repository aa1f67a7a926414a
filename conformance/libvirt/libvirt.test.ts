import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Libvirtd } from "./libvirtd.ts";

const missing = inject("missingPrograms");
/** Its daemon for whole machines is root's. */
const isRoot = process.geteuid?.() === 0;
const STATES = "/var/lib/libvirt/swtpm";

describe.skipIf(missing.includes("libvirt") || !isRoot)("Debian's libvirt", () => {
  const libvirt = new Libvirtd();
  const uuids: string[] = [];
  beforeAll(() => libvirt.start());
  afterAll(async () => {
    await libvirt.stop();
    for (const uuid of uuids) rmSync(join(STATES, uuid), { recursive: true, force: true });
  });

  /** A machine of which nothing is needed but its TPM. */
  async function define(backend: string): Promise<{ readonly name: string; readonly state: string }> {
    const uuid = randomUUID();
    uuids.push(uuid);
    const name = `vtpm-${uuid.slice(0, 8)}`;
    const path = join(libvirt.directory, `${name}.xml`);
    writeFileSync(
      path,
      `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><tpm model='tpm-crb'>${backend}</tpm></devices></domain>`,
    );
    await libvirt.must("define", path);
    return { name, state: join(STATES, uuid, "tpm2/tpm2-00.permall") };
  }

  const flagsOf = (state: string): number => readFileSync(state).readUInt16BE(4);

  test("makes, starts, stops and starts again a TPM that stays", async () => {
    const { name, state } = await define(
      `<backend type='emulator' version='2.0' persistent_state='yes'>
         <active_pcr_banks><sha256/><sha384/></active_pcr_banks></backend>`,
    );
    await libvirt.must("start", name);
    expect(await libvirt.must("domstate", name)).toMatch(/running/);
    expect(flagsOf(state)).toBe(0);
    await libvirt.must("destroy", name);
    const made = readFileSync(state);
    await libvirt.must("start", name);
    await libvirt.must("destroy", name);
    expect(readFileSync(state).length).toBeGreaterThan(made.length / 2);
    await libvirt.must("undefine", name);
    expect(existsSync(state)).toBe(true);

    const commands = libvirt.commands();
    for (const command of [
      /^swtpm_setup --print-capabilities$/,
      /^swtpm_setup --tpm2 --tpm-state .* --createek --create-ek-cert --create-platform-cert --lock-nvram --not-overwrite$/,
      /^swtpm_setup --tpm2 .* --pcr-banks sha256,sha384 --reconfigure$/,
      /^swtpm socket --ctrl type=unixio,path=.*,mode=0600 --tpmstate dir=.*,mode=0600 --log file=.* --terminate --tpm2/,
    ]) {
      expect(commands.some((line) => command.test(line))).toBe(true);
    }
    expect(libvirt.errors()).toEqual([]);
  });

  test("encrypts a TPM with a secret of its own", async () => {
    const secret = randomUUID();
    const path = join(libvirt.directory, "secret.xml");
    writeFileSync(
      path,
      `<secret ephemeral='yes' private='yes'><uuid>${secret}</uuid><usage type='vtpm'><name>${secret}</name></usage></secret>`,
    );
    await libvirt.must("secret-define", path);
    await libvirt.must("secret-set-value", secret, "--base64", Buffer.from("a passphrase").toString("base64"));
    const { name, state } = await define(
      `<backend type='emulator' version='2.0' persistent_state='yes'><encryption secret='${secret}'/></backend>`,
    );
    for (let round = 0; round < 2; round++) {
      await libvirt.must("start", name);
      await libvirt.must("destroy", name);
      // Encrypted with the state key, which has 256 bits.
      expect(flagsOf(state)).toBe(0x09);
    }
    await libvirt.must("undefine", name, "--tpm");
    expect(existsSync(state)).toBe(false);
    await libvirt.must("secret-undefine", secret);
    expect(libvirt.errors()).toEqual([]);
  });
});
