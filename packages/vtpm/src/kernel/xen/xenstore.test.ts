import { fromHex } from "@vtpm/wire";
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

  test("watches, once at first and at each change, until it is told to stop", async () => {
    const onChange = vi.fn();
    const stop = await xenstore.watch("/a", onChange);
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(1));
    xenstored.set("/a/b", "1");
    xenstored.set("/b", "1");
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2));
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
