import { readdirSync } from "node:fs";
import { TPM_RC } from "@vtpm/tpm2";
import { concatBytes, fromHex, toHex } from "@vtpm/wire";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TPM_SU } from "../../host/tpm2-messages.ts";
import {
  counterValue,
  createPrimaryRsa,
  defineCounter,
  extendPcr7,
  extendPcr17,
  getRandom,
  increment,
  readCounter,
  readPcr7,
  readPcr17,
  responseCode,
} from "../../testing/commands.ts";
import type { FakeDomain, FakeHypervisor } from "../../testing/fake-xen-domain.ts";
import type { FakeXenstored } from "../../testing/fake-xenstored.ts";
import { XenBackEnds } from "../../testing/xen-back-ends.ts";
import { PAGE_STATE, pageState } from "./tpmif-page.ts";

const UUID_1 = "00000000-0000-4000-8000-000000000001";
const UUID_2 = "00000000-0000-4000-8000-000000000002";
const INDEX = 0x01800001;

let rig: XenBackEnds;
let xenstored: FakeXenstored;
let hypervisor: FakeHypervisor;
let directory: string;

beforeEach(async () => {
  rig = await XenBackEnds.create();
  ({ xenstored, hypervisor, directory } = rig);
});
afterEach(async () => {
  await rig.end();
  expect(hypervisor.held).toBe(0);
});

const codeOf = async (domain: FakeDomain, command: Uint8Array, locality = 0): Promise<number> =>
  responseCode(await domain.exchange(command, locality));

describe("a vtpm device", () => {
  test("is connected, answers, and is closed by the toolstack", async () => {
    await rig.start();
    const domain = await rig.connected(3, UUID_1);
    expect(await codeOf(domain, getRandom(8))).toBe(0);
    xenstored.set(`${domain.backEnd}/online`, "0");
    xenstored.set(`${domain.backEnd}/state`, "5");
    domain.setState(6);
    await rig.becomes(domain, "6");
    expect(hypervisor.held).toBe(0);
    expect(readdirSync(directory)).toEqual([UUID_1]);
  });

  test("answers a command that was submitted before the event channel was bound", async () => {
    await rig.start();
    const domain = rig.domain(3);
    domain.attach(UUID_1);
    await rig.becomes(domain, "2");
    domain.submit(getRandom(4));
    domain.announce();
    expect(responseCode(await domain.response())).toBe(0);
  });

  test("that was there before the back end is taken up", async () => {
    const domain = rig.domain(3);
    domain.attach(UUID_1);
    domain.announce();
    domain.submit(getRandom(4));
    await rig.start();
    expect(responseCode(await domain.response())).toBe(0);
    await rig.becomes(domain, "4");
  });

  test("is taken up again by the next back end, and what was submitted in between is answered", async () => {
    const first = await rig.start();
    const domain = await rig.connected(3, UUID_1);
    expect(await codeOf(domain, defineCounter(INDEX))).toBe(0);
    expect(await codeOf(domain, increment(INDEX))).toBe(0);
    const value = counterValue(await domain.exchange(readCounter(INDEX)));
    expect(await codeOf(domain, extendPcr17, 2)).toBe(0);
    const pcr = toHex(await domain.exchange(readPcr17));
    await first.stop();
    expect(rig.stateOf(domain)).toBe("4");
    domain.submit(increment(INDEX));
    expect(pageState(domain.page)).toBe(PAGE_STATE.SUBMIT);
    await rig.start();
    expect(responseCode(await domain.response())).toBe(0);
    expect(counterValue(await domain.exchange(readCounter(INDEX)))).toBe(value + 1);
    expect(toHex(await domain.exchange(readPcr17))).toBe(pcr);
  });

  test("keeps its TPM by UUID: a domain's next life finds it, another domain has another", async () => {
    await rig.start();
    const first = await rig.connected(3, UUID_1);
    const other = await rig.connected(4, UUID_2);
    expect(await codeOf(first, defineCounter(INDEX))).toBe(0);
    expect(await codeOf(first, increment(INDEX))).toBe(0);
    expect(await codeOf(other, increment(INDEX))).not.toBe(0);
    // Reboot: the front end closes, the toolstack takes the device away and makes another at once.
    xenstored.set(`${first.backEnd}/online`, "0");
    first.setState(6);
    const again = await rig.connected(5, UUID_1);
    expect(await codeOf(again, increment(INDEX))).toBe(0);
    expect(await codeOf(other, getRandom(4))).toBe(0);
  });

  test("goes on when its front end starts anew on the same nodes", async () => {
    await rig.start();
    const domain = await rig.connected(3, UUID_1);
    expect(await codeOf(domain, defineCounter(INDEX))).toBe(0);
    domain.setState(5);
    await rig.becomes(domain, "5");
    domain.setState(6);
    await rig.becomes(domain, "2");
    domain.setState(1);
    await rig.becomes(domain, "2");
    domain.announce();
    await rig.becomes(domain, "4");
    expect(await codeOf(domain, increment(INDEX))).toBe(0);
  });

  test.each([
    ["a domain that was saved finds its PCRs where it resumes", TPM_SU.STATE, false, true],
    ["a domain that was rebooted does not", TPM_SU.STATE, true, false],
    ["nor one that was saved, unless told so", TPM_SU.CLEAR, false, false],
  ])("%s", async (_, startup, closes, resumes) => {
    await rig.start(startup);
    const domain = await rig.connected(3, UUID_1);
    const fresh = toHex(await domain.exchange(readPcr7));
    expect(await codeOf(domain, extendPcr7)).toBe(0);
    const extended = toHex(await domain.exchange(readPcr7));
    // The toolstack takes the device away: of a domain that has ended, or of one that is still connected, since it is in a file now.
    if (closes) {
      domain.setState(5);
      await rig.becomes(domain, "5");
    }
    xenstored.set(`${domain.backEnd}/online`, "0");
    xenstored.set(`${domain.backEnd}/state`, "5");
    xenstored.remove(domain.frontEnd);
    await rig.becomes(domain, "6");
    // The driver's resume is a probe, in a domain with another number.
    const again = await rig.connected(4, UUID_1);
    expect(toHex(await again.exchange(readPcr7)).slice(-64)).toBe((resumes ? extended : fresh).slice(-64));
  });

  test("vanishes with its domain", async () => {
    const { backEnd } = await rig.start();
    const domain = await rig.connected(3, UUID_1);
    xenstored.remove(domain.frontEnd);
    xenstored.remove(domain.backEnd);
    await vi.waitFor(() => expect(backEnd.devices).toEqual([]));
    expect(hypervisor.held).toBe(0);
    expect(rig.stateOf(domain)).toBeUndefined();
  });
});

describe("the shared page", () => {
  test("is answered according to its locality", async () => {
    await rig.start();
    const domain = await rig.connected(3, UUID_1);
    expect(await codeOf(domain, extendPcr17, 0)).toBe(TPM_RC.LOCALITY);
    expect(await codeOf(domain, extendPcr17, 2)).toBe(0);
    expect(await codeOf(domain, getRandom(4), 4)).toBe(TPM_RC.LOCALITY);
  });

  test("may be followed by more pages", async () => {
    await rig.start();
    const domain = await rig.connected(3, UUID_1);
    const extra = new Uint8Array(4096);
    domain.grant(9, extra);
    // As much random data as a command can bring, so that it reaches into the second page.
    const data = new Uint8Array(4096);
    data.set(fromHex("8001 00001000 0000017b 0008"));
    domain.page.set(fromHex("00100000 01 00 00 01 09000000"));
    domain.page.set(data.subarray(0, 4084), 12);
    extra.set(data.subarray(4084));
    domain.notify();
    // The surplus is what is wrong with it; without the second page it would be TPM_RC_COMMAND_SIZE.
    expect(responseCode(await domain.response())).toBe(TPM_RC.SIZE);
    domain.submit(getRandom(8), { extra: [9] });
    await vi.waitFor(() => expect(pageState(domain.page)).toBe(PAGE_STATE.FINISH));
    expect(toHex(domain.page.slice(12, 22))).toBe("80010000001400000000");
  });

  test("is given back without a response where there is no room for one", async () => {
    await rig.start();
    const domain = await rig.connected(3, UUID_1);
    domain.submit(getRandom(8), { extra: [99] });
    await domain.pageIs(PAGE_STATE.IDLE);
    expect(await codeOf(domain, getRandom(8))).toBe(0);
  });

  test("may be longer than it says, but not shorter", async () => {
    await rig.start();
    const domain = await rig.connected(3, UUID_1);
    domain.submit(getRandom(8), { length: 0xffff_ffff });
    expect(responseCode(await domain.response())).toBe(TPM_RC.COMMAND_SIZE);
    domain.submit(getRandom(8), { length: 4 });
    expect(responseCode(await domain.response())).not.toBe(0);
    domain.submit(getRandom(8), { length: 0 });
    expect(responseCode(await domain.response())).not.toBe(0);
  });

  test("cancels a long command, and an idle one at once", async () => {
    await rig.start();
    const domain = await rig.connected(3, UUID_1);
    domain.submit(getRandom(4), { state: PAGE_STATE.CANCEL });
    await domain.pageIs(PAGE_STATE.IDLE);
    for (let unique = 0, cancelled = false; !cancelled; unique++) {
      domain.submit(createPrimaryRsa(3072, unique));
      await new Promise((resolve) => setImmediate(resolve));
      if (pageState(domain.page) === PAGE_STATE.SUBMIT) {
        domain.page[4] = PAGE_STATE.CANCEL;
        domain.notify();
      }
      cancelled = responseCode(await domain.response()) === TPM_RC.CANCELED;
    }
  });

  test("full of nonsense hurts nobody else", async () => {
    await rig.start();
    const hostile = await rig.connected(3, UUID_1);
    const other = await rig.connected(4, UUID_2);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 64, maxLength: 64 }), async (header) => {
        hostile.page.set(header);
        hostile.notify();
        expect(await codeOf(other, getRandom(4))).toBe(0);
      }),
      { numRuns: 200 },
    );
    expect(await codeOf(other, getRandom(4))).toBe(0);
  });
});

describe("a front end that makes no sense", () => {
  test.each([
    ["an old protocol", { "feature-protocol-v2": "0" }, /version 2/],
    ["no page", { "ring-ref": "" }, /no page/],
    ["a page it has not granted", { "ring-ref": "77" }, /no grant 77/],
    ["a number that is none", { "event-channel": "5x" }, /no event channel/],
    ["a number that is too large", { "event-channel": "99999999999" }, /no event channel/],
    ["an event channel of somebody else", { "event-channel": "6" }, /cannot be bound/],
  ])("is given up, with the reason: %s", async (_, values, reason) => {
    await rig.start();
    const other = await rig.connected(4, UUID_2);
    const domain = rig.domain(3);
    domain.attach(UUID_1);
    await rig.becomes(domain, "2");
    domain.announce(values);
    await rig.becomes(domain, "6");
    expect(xenstored.get(`${domain.backEnd.replace("/backend/", "/error/backend/")}/error`)).toMatch(reason);
    expect(await codeOf(other, getRandom(4))).toBe(0);
  });

  test.each([
    ["without a UUID", ""],
    ["with one that leads elsewhere", "../../../../tmp/x"],
  ])("device %s is closed", async (_, uuid) => {
    await rig.start();
    const domain = rig.domain(3);
    domain.attach(uuid);
    await rig.becomes(domain, "6");
    expect(readdirSync(directory)).toEqual([]);
  });

  test("two devices cannot have one TPM", async () => {
    await rig.start();
    const first = await rig.connected(3, UUID_1);
    const second = rig.domain(4);
    second.attach(UUID_1);
    await rig.becomes(second, "6");
    expect(await codeOf(first, getRandom(4))).toBe(0);
  });

  test("states in any order are survived", async () => {
    await rig.start();
    const other = await rig.connected(4, UUID_2);
    const domain = await rig.connected(3, UUID_1);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("1", "3", "4", "5", "6", "0", "7", "x", ""), { maxLength: 8 }),
        async (states) => {
          for (const state of states) xenstored.set(`${domain.frontEnd}/state`, state);
          expect(await codeOf(other, getRandom(4))).toBe(0);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe("the requests of Linux' driver, which is one for TPM 1.2,", () => {
  const tpm12 = (ordinal: string, parameters = ""): Uint8Array => {
    const body = fromHex(ordinal + parameters);
    return concatBytes(fromHex("00c1"), fromHex((6 + body.length).toString(16).padStart(8, "0")), body);
  };
  test("are answered by means of the TPM 2.0", async () => {
    await rig.start();
    const domain = await rig.connected(3, UUID_1);
    const answer = async (command: Uint8Array): Promise<string> => toHex(await domain.exchange(command));
    expect(await answer(tpm12("00000065", "00000005 00000004 00000115"))).toBe(
      `00c40000001e0000000000000010${"001e8480".repeat(4)}`,
    );
    expect(await answer(tpm12("00000065", "00000005 00000004 00000120"))).toMatch(
      /^00c40000001a000000000000000c(.{24})$/,
    );
    expect(await answer(tpm12("00000046", "00000020"))).toMatch(/^00c40000002e0000000000000020(.{64})$/);
    expect(await answer(tpm12("00000015", "0000000a"))).toBe(`00c40000001e00000000${"00".repeat(20)}`);
    expect(await answer(tpm12("00000014", `0000000a ${"11".repeat(20)}`))).toMatch(/^00c40000001e00000000(?!0{40})/);
    expect(await answer(tpm12("00000015", "0000000a"))).not.toMatch(/0{40}$/);
    expect(await answer(tpm12("00000015", "00000018"))).toBe("00c40000000a00000009");
    expect(await answer(tpm12("00000053"))).toBe("00c40000000a00000000");
    expect(await answer(tpm12("00000098"))).toBe("00c40000000a00000000");
    expect(await answer(tpm12("0000000d"))).toBe("00c40000000a0000000a");
    expect(await answer(tpm12("00000046"))).toBe("00c40000000a00000019");
  });
});
