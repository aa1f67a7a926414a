import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "@vtpm/wire";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { StoreError } from "../../store/store-error.ts";
import {
  createPrimaryRsa,
  defineCounter,
  extendPcr7,
  getRandom,
  increment,
  readPcr7,
  responseCode,
} from "../../testing/commands.ts";
import type { FakeDomain } from "../../testing/fake-xen-domain.ts";
import { XenBackEnds } from "../../testing/xen-back-ends.ts";
import type { DomainTpm, OpenDomainTpm } from "./tpm-by-uuid.ts";
import { PAGE_STATE, pageState } from "./tpmif-page.ts";

const UUID_1 = "00000000-0000-4000-8000-000000000001";
const UUID_2 = "00000000-0000-4000-8000-000000000002";
const INDEX = 0x01800001;

let rig: XenBackEnds;
beforeEach(async () => {
  rig = await XenBackEnds.create();
});
afterEach(async () => {
  await rig.end();
  expect(rig.hypervisor.held).toBe(0);
});

const codeOf = async (domain: FakeDomain, command: Uint8Array): Promise<number> =>
  responseCode(await domain.exchange(command));

/** What the toolstack does when a domain has crashed or is destroyed: its front end is no more, the device is to go. */
function crash(domain: FakeDomain): void {
  rig.xenstored.set(`${domain.backEnd}/online`, "0");
  rig.xenstored.set(`${domain.backEnd}/state`, "5");
  rig.xenstored.remove(domain.frontEnd);
}

/** Opens TPMs of which one does something else than others. */
const withOne =
  (uuid: string, change: (tpm: DomainTpm) => Partial<DomainTpm>) =>
  (open: OpenDomainTpm): OpenDomainTpm =>
  async (which) => {
    const tpm = await open(which);
    return which === uuid ? { ...tpm, ...change(tpm) } : tpm;
  };

const full = new StoreError("STATE_WRITE", "no space left on device");

describe("a domain that crashes", () => {
  test("with a long command in hand is cleaned up after, and finds its state when it is started again", async () => {
    await rig.start();
    const other = await rig.connected(4, UUID_2);
    const domain = await rig.connected(3, UUID_1);
    expect(await codeOf(domain, defineCounter(INDEX))).toBe(0);
    domain.submit(createPrimaryRsa(3072));
    crash(domain);
    // The toolstack creates it anew as soon as the old device is closed, with another number.
    await rig.becomes(domain, "6");
    expect(rig.hypervisor.held).toBe(2); // the other's page and channel
    rig.xenstored.remove(domain.backEnd);
    const again = await rig.connected(5, UUID_1);
    expect(await codeOf(again, increment(INDEX))).toBe(0);
    expect(await codeOf(other, getRandom(4))).toBe(0);
    expect(rig.faults).toEqual([]);
  });

  test("whose device is removed without a word gives its TPM to the next one, even at the same place", async () => {
    let letGo = (): void => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const { backEnd } = await rig.start(undefined, (open) =>
      withOne(UUID_1, (tpm) => ({
        release: async (end) => {
          const released = tpm.release(end);
          await held;
          await released;
        },
      }))(open),
    );
    const domain = await rig.connected(3, UUID_1);
    expect(await codeOf(domain, defineCounter(INDEX))).toBe(0);
    domain.submit(getRandom(4));
    rig.xenstored.remove(domain.frontEnd);
    rig.xenstored.remove(domain.backEnd);
    await vi.waitFor(() => expect(rig.hypervisor.held).toBe(0));
    domain.attach(UUID_1);
    letGo();
    await rig.becomes(domain, "2");
    expect(backEnd.devices).toEqual([domain.backEnd]);
    domain.announce();
    await rig.becomes(domain, "4");
    expect(await codeOf(domain, increment(INDEX))).toBe(0);
  });

  test("is not heard of again when its node was removed while its TPM was shut down", async () => {
    const { backEnd } = await rig.start(undefined, (open) =>
      withOne(UUID_1, (tpm) => ({
        release: async (end) => {
          rig.xenstored.remove(`/local/domain/0/backend/vtpm/3`);
          await tpm.release(end);
        },
      }))(open),
    );
    const domain = await rig.connected(3, UUID_1);
    crash(domain);
    await vi.waitFor(() => expect(backEnd.devices).toEqual([]));
    expect(rig.stateOf(domain)).toBeUndefined();
  });
});

describe("a front end", () => {
  test("that starts anew before anybody has seen it close is connected by what it names now", async () => {
    await rig.start();
    const domain = await rig.connected(3, UUID_1);
    const page = domain.replacePage(9, 6);
    rig.xenstored.set(`${domain.frontEnd}/state`, "6");
    domain.announce();
    await vi.waitFor(() => expect(rig.hypervisor.isBound(3, 6)).toBe(true));
    expect(rig.hypervisor.isBound(3, 5)).toBe(false);
    expect(await codeOf(domain, getRandom(4))).toBe(0);
    expect(pageState(page)).toBe(PAGE_STATE.FINISH);
  });

  test("whose driver is loaded again is connected again", async () => {
    await rig.start();
    const domain = await rig.connected(3, UUID_1);
    domain.setState(6);
    await rig.becomes(domain, "2"); // and not "6", which the driver would take for the end
    domain.announce();
    await rig.becomes(domain, "4");
    expect(await codeOf(domain, getRandom(4))).toBe(0);
  });

  test("that is closed while the back end is another one is served when it comes back", async () => {
    const first = await rig.start();
    const domain = await rig.connected(3, UUID_1);
    domain.setState(6);
    await rig.becomes(domain, "2");
    await first.stop();
    rig.xenstored.set(`${domain.backEnd}/state`, "6"); // as a back end that was killed in between may have left it
    await rig.start();
    domain.announce();
    await rig.becomes(domain, "4");
    expect(await codeOf(domain, getRandom(4))).toBe(0);
  });

  test("that forgets its page while it is connected keeps it", async () => {
    await rig.start();
    const domain = await rig.connected(3, UUID_1);
    rig.xenstored.remove(`${domain.frontEnd}/ring-ref`);
    domain.setState(4);
    await vi.waitFor(async () => expect(await codeOf(domain, getRandom(4))).toBe(0));
    expect(rig.faults).toEqual([]);
  });

  test("that submits again and again without a pause keeps nobody else waiting", async () => {
    await rig.start();
    const hostile = await rig.connected(3, UUID_1);
    const other = await rig.connected(4, UUID_2);
    let served = 0;
    let answered = false;
    hostile.onEvent = () => {
      served++;
      // As another processor of the domain does, that looks at nothing else than the page.
      if (!answered && served < 100_000) hostile.page[4] = PAGE_STATE.SUBMIT;
    };
    hostile.submit(Uint8Array.of(0), { length: 0xffff_ffff });
    await new Promise((resolve) => setImmediate(resolve)); // the turn of everything else in this process
    expect(await codeOf(other, getRandom(4))).toBe(0);
    answered = true;
    expect(served).toBeLessThan(100_000);
  });
});

describe("where the disk of one TPM is full,", () => {
  test("the end of its device is told all the same, and the others go on", async () => {
    await rig.start(undefined, (open) =>
      withOne(UUID_1, (tpm) => ({ release: (end) => tpm.release(end).then(() => Promise.reject(full)) }))(open),
    );
    const other = await rig.connected(4, UUID_2);
    const domain = await rig.connected(3, UUID_1);
    crash(domain);
    await rig.becomes(domain, "6");
    expect(rig.faults).toEqual([full]);
    expect(await codeOf(other, getRandom(4))).toBe(0);
  });

  test("the others are left in order when the back end ends, and itself shut down", async () => {
    const started = await rig.start();
    const domain = await rig.connected(3, UUID_1);
    const other = await rig.connected(4, UUID_2);
    expect(await codeOf(domain, defineCounter(INDEX))).toBe(0);
    expect(await codeOf(other, extendPcr7)).toBe(0);
    const pcr = toHex(await other.exchange(readPcr7));
    const inTheWay = join(rig.directory, UUID_1, "tpm2-00.volatilestate");
    mkdirSync(inTheWay);
    await expect(started.stop()).rejects.toMatchObject({ code: "STATE_WRITE" });
    rmdirSync(inTheWay);
    await rig.start();
    expect(toHex(await other.exchange(readPcr7))).toBe(pcr);
    expect(await codeOf(domain, increment(INDEX))).toBe(0);
  });
});

describe("a back end", () => {
  test("that ends while a TPM is being opened leaves that in order, too", async () => {
    let asked = (): void => {};
    const opening = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const started = await rig.start(undefined, (open) => async (uuid) => {
      asked();
      return open(uuid);
    });
    const domain = rig.domain(3);
    domain.attach(UUID_1);
    await opening;
    await started.stop();
    expect(rig.faults).toEqual([]);
    await rig.start(); // finds the TPM's state given up
    domain.announce();
    await rig.becomes(domain, "4");
    expect(await codeOf(domain, getRandom(4))).toBe(0);
  });

  test("serves more domains than one answer of xenstored names, and looks at one of them when that changes", async () => {
    const tpm: DomainTpm = {
      execute: async (command) => command,
      cancel: () => {},
      release: async () => {},
      suspend: async () => {},
    };
    const domains = Array.from({ length: 750 }, (_, n) => rig.domain(n + 10_000));
    for (const [n, domain] of domains.entries()) domain.attach(`${UUID_1.slice(0, -4)}${String(n).padStart(4, "0")}`);
    const { backEnd } = await rig.start(undefined, () => async () => tpm);
    await vi.waitFor(() => expect(domains.every((domain) => rig.stateOf(domain) === "2")).toBe(true), {
      timeout: 120_000,
    });
    expect(backEnd.devices.length).toBe(750);
    const before = rig.xenstored.requests;
    domains[500]?.announce();
    await vi.waitFor(() => expect(rig.xenstored.get(`${domains[500]?.backEnd}/state`)).toBe("4"));
    expect(rig.xenstored.requests - before).toBeLessThan(100);
  });

  test("gives a device up once, however often its node changes", async () => {
    await rig.start();
    const domain = rig.domain(3);
    domain.attach("no UUID");
    await rig.becomes(domain, "6");
    for (let n = 0; n < 5; n++) rig.xenstored.set(`${domain.backEnd}/online`, "1");
    await rig.connected(4, UUID_2);
    expect(rig.faults.length).toBe(1);
    // The toolstack takes it away and makes another one there.
    rig.xenstored.remove(domain.backEnd);
    domain.attach(UUID_1);
    await rig.becomes(domain, "2");
    expect(readdirSync(rig.directory).sort()).toEqual([UUID_1, UUID_2]);
  });

  test("tells the reason of what it gives up, as long as xenstore takes it", async () => {
    await rig.start();
    const domain = rig.domain(3);
    domain.attach("u".repeat(4000));
    await rig.becomes(domain, "6");
    expect(rig.xenstored.get(`${domain.backEnd.replace("/backend/", "/error/backend/")}/error`)).toMatch(/^its uuid/);
  });
});
