import { createNodeProvider } from "@vtpm/crypto/node";
import { toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { KeyError, type KeyForm, type KeySize, stateKey } from "../index.ts";

const crypto = createNodeProvider();
const HEX_16 = "000102030405060708090a0b0c0d0e0f";
const HEX_32 = HEX_16 + HEX_16;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe("a key file", () => {
  test.each<[string, Uint8Array, KeyForm, KeySize, string]>([
    ["hex", text(HEX_16), "hex", 16, HEX_16],
    ["hex of the larger size", text(HEX_32), "hex", 32, HEX_32],
    ["hex behind 0x", text(`0x${HEX_16}`), "hex", 16, HEX_16],
    ["hex in capitals and a newline", text(`${HEX_16.toUpperCase()}\n`), "hex", 16, HEX_16],
    ["hex and anything after white space", text(`0x${HEX_16} comment`), "hex", 16, HEX_16],
    ["bytes", new Uint8Array(16).fill(0xab), "binary", 16, "ab".repeat(16)],
    ["bytes of the larger size", new Uint8Array(32).fill(0xab), "binary", 32, "ab".repeat(32)],
    ["bytes of the smaller size for the larger mode", new Uint8Array(16).fill(0xab), "binary", 32, "ab".repeat(16)],
    ["a passphrase whose newline counts", text("passphrase\n"), "sha512", 16, "87e1534bd855b32c243fa064e5b9284f"],
  ])("may hold %s", (_, content, form, size, key) => {
    expect(toHex(stateKey(content, form, size, crypto))).toBe(key);
  });

  test.each<[string, Uint8Array, KeyForm, KeySize]>([
    ["too few digits", text(HEX_16.slice(2)), "hex", 16],
    ["one digit less", text(HEX_16.slice(1)), "hex", 16],
    ["one digit more", text(`${HEX_16}0`), "hex", 16],
    ["digits for the other mode", text(HEX_32), "hex", 16],
    ["digits for the smaller mode", text(HEX_16), "hex", 32],
    ["a digit that is none", text(`${HEX_16.slice(1)}g`), "hex", 16],
    ["white space in front", text(` ${HEX_16}`), "hex", 16],
    ["no digits", text("0x"), "hex", 16],
    ["nothing", text(""), "hex", 16],
    ["no bytes", text(""), "binary", 16],
    ["a byte less", new Uint8Array(15), "binary", 16],
    ["a byte more", new Uint8Array(17), "binary", 16],
    ["more bytes than the mode has", new Uint8Array(32), "binary", 16],
    ["bytes between the sizes", new Uint8Array(24), "binary", 32],
  ])("with %s is refused, and the message repeats none of it", (_, content, form, size) => {
    let error: unknown;
    try {
      stateKey(content, form, size, crypto);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(KeyError);
    expect((error as KeyError).message).not.toMatch(/0001|1e1f|0e0f/);
  });
});
