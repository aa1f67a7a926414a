import { concatBytes, fromHex } from "@vtpm/wire";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeXenstored } from "../../testing/fake-xenstored.ts";
import { Xenstore } from "./xenstore.ts";
import { decodeTexts, encodeTexts, encodeXenstoreMessage, takeXenstoreMessage } from "./xenstore-message.ts";

describe("a message", () => {
  const read = fromHex("02000000 07000000 00000000 06000000 646f6d696400");

  test("is laid out as xs_wire.h says", () => {
    expect(encodeXenstoreMessage({ type: 2, requestId: 7, payload: encodeTexts("domid") })).toEqual(read);
    const message = { type: 2, requestId: 7, payload: encodeTexts("domid") };
    expect(takeXenstoreMessage(Uint8Array.from([...read, 1, 2]))).toEqual({ message, size: 22 });
  });

  test("is waited for until it is complete", () => {
    for (let size = 0; size < read.length; size++) expect(takeXenstoreMessage(read.subarray(0, size))).toBeUndefined();
  });

  test("that announces more than the protocol allows is refused", () => {
    expect(() => takeXenstoreMessage(fromHex("02000000 07000000 00000000 01100000"))).toThrow(RangeError);
    expect(() => encodeXenstoreMessage({ type: 2, requestId: 7, payload: new Uint8Array(4097) })).toThrow(RangeError);
  });

  test("arrives whole however it is cut, and none is lost", () => {
    const message = fc.record({
      type: fc.nat(0xffff_ffff),
      requestId: fc.nat(0xffff_ffff),
      payload: fc.uint8Array({ maxLength: 64 }),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), fc.integer({ min: 1, max: 40 }), (messages, piece) => {
        const stream = concatBytes(...messages.map(encodeXenstoreMessage));
        const taken: unknown[] = [];
        let input: Uint8Array = new Uint8Array(0);
        for (let at = 0; at < stream.length; at += piece) {
          input = concatBytes(input, stream.subarray(at, at + piece));
          for (let next = takeXenstoreMessage(input); next !== undefined; next = takeXenstoreMessage(input)) {
            taken.push(next.message);
            input = input.subarray(next.size);
          }
        }
        expect(taken).toEqual(messages);
        expect(input.length).toBe(0);
      }),
    );
  });

  test("that is any bytes is one, is waited for, or is refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          const taken = takeXenstoreMessage(bytes);
          if (taken === undefined) return;
          expect(taken.size).toBe(16 + taken.message.payload.length);
          expect(taken.size).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  test.each([
    ["", []],
    ["6100", ["a"]],
    ["61006200", ["a", "b"]],
    ["6100 62", ["a", "b"]],
    ["00", [""]],
  ])("of texts %s", (hex, texts) => {
    expect(decodeTexts(fromHex(hex))).toEqual(texts);
  });
});

describe("a client of xenstored", () => {
  let xenstored: FakeXenstored;
  let xenstore: Xenstore;
  beforeEach(async () => {
    xenstored = await FakeXenstored.start();
    xenstore = await Xenstore.connect(xenstored.path);
  });
  afterEach(async () => {
    xenstore.close();
    await xenstored.stop();
  });

  test("reads, lists and writes", async () => {
    xenstored.set("/a/b", "1");
    xenstored.set("/a/c/d", "2");
    expect(
      await Promise.all([xenstore.read("/a/b"), xenstore.read("/a/x"), xenstore.list("/a"), xenstore.list("/b")]),
    ).toEqual(["1", undefined, ["b", "c"], []]);
    await xenstore.write("/a/b", "new");
    expect(await xenstore.read("/a/b")).toBe("new");
  });

  test("lists more children than one answer holds, as they are at one moment", async () => {
    const names = Array.from({ length: 3000 }, (_, n) => String(n));
    for (const name of names) xenstored.set(`/a/${name}/b`, "1");
    expect(await xenstore.list("/a")).toEqual(names);
    let parts = 0;
    xenstored.onPart = () => {
      if (++parts === 3) xenstored.set("/a/one-more/b", "1");
    };
    expect(await xenstore.list("/a")).toEqual([...names, "one-more"]);
  });

  test("watches, once at first and at each change, until it is told to stop", async () => {
    const onChange = vi.fn();
    const stop = await xenstore.watch("/a", onChange);
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(1));
    xenstored.set("/a/b", "1");
    xenstored.set("/b", "1");
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2));
    expect(onChange.mock.calls).toEqual([["/a"], ["/a/b"]]);
    await stop();
    xenstored.set("/a/b", "2");
    await xenstore.read("/a/b");
    expect(onChange).toHaveBeenCalledTimes(2);
  });

  test("tells what xenstored refuses", async () => {
    await expect(xenstore.write("/x".repeat(2100), "")).rejects.toThrow(RangeError);
    // An error that is no absence: the fake knows no request 99.
    xenstored.inject(fromHex("10000000 63000000 00000000 07000000 454143434553 00")); // an answer to nobody is ignored
    expect(await xenstore.read("/a")).toBeUndefined();
  });

  test.each([
    ["an answer to a request that nobody made", "02000000 ff000000 00000000 01000000 41"],
    ["a refusal without a reason, to nobody", "10000000 ff000000 00000000 00000000"],
    ["a change that nobody watches", "0f000000 00000000 00000000 05000000 2f6100 7800"],
    ["a change without a token", "0f000000 00000000 00000000 03000000 2f6100"],
    ["a change of nothing", "0f000000 00000000 00000000 00000000"],
    ["a kind of message that there is not", "ffffffff 00000000 00000000 00000000"],
  ])("goes on after %s", async (_, hex) => {
    xenstored.set("/a", "1");
    const onChange = vi.fn();
    await xenstore.watch("/a", onChange);
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(1));
    xenstored.inject(fromHex(hex));
    expect(await xenstore.read("/a")).toBe("1");
    expect(onChange).toHaveBeenCalledTimes(1);
  });

  test.each([
    ["a refusal without a reason", "10000000", "00000000"],
    ["a refusal for another reason than absence", "10000000", "07000000 454143434553 00"],
  ])("passes on %s", async (_, type, payload) => {
    xenstored.silent = true;
    const answer = xenstore.read("/a");
    xenstored.inject(fromHex(`${type} 01000000 00000000 ${payload}`));
    await expect(answer).rejects.toMatchObject({ code: "XENSTORE_REFUSED" });
  });

  test("takes any bytes for messages or for the end of xenstored", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const client = await Xenstore.connect(xenstored.path);
        const answer = client.read("/a").catch((error: unknown) => error);
        xenstored.inject(bytes);
        xenstored.hangUp();
        expect(await client.lost).toMatchObject({ code: "XENSTORE_UNAVAILABLE" });
        const given = await answer;
        if (given instanceof Error) expect(given).toHaveProperty("code", expect.stringMatching(/^XENSTORE_/));
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ["ends the connection", () => xenstored.hangUp()],
    ["sends nonsense", () => xenstored.inject(fromHex("ffffffff ffffffff ffffffff ffffffff"))],
  ])("rejects everything once xenstored %s", async (_, act) => {
    act();
    expect(await xenstore.lost).toMatchObject({ code: "XENSTORE_UNAVAILABLE" });
    await expect(xenstore.read("/a")).rejects.toMatchObject({ code: "XENSTORE_UNAVAILABLE" });
  });

  test("says what to do where there is no xenstored", async () => {
    await expect(Xenstore.connect(`${xenstored.path}.none`)).rejects.toThrow(
      /^cannot reach xenstored at .*\.none: .*\(?ENOENT\)?.*; this must run in a domain with Xen's tools, after xenstored was started$/,
    );
  });
});
