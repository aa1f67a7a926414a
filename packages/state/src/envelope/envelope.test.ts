import { createPortableProvider } from "@vtpm/crypto";
import { createNodeProvider } from "@vtpm/crypto/node";
import { concatBytes, fromHex, toHex, xorBytes } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EnvelopeError, openBlob, openEnvelope, sealBlob, sealEnvelope, stateKey } from "../index.ts";
import { readJsonVector, readVector } from "../testing/vectors.ts";

interface EncryptedVector {
  readonly file: string;
  readonly option: string;
  readonly keyFileContent: string;
  readonly aesKey: string;
  readonly kdf: "pbkdf2" | "sha512" | null;
  readonly headerFlags: number;
  readonly plaintextSha256: string;
  readonly plaintextLength: number;
  readonly EPSeed: string;
  readonly migrationFile?: string;
  readonly migrationKey?: string;
  readonly migrationHeaderFlags?: number;
}

const { vectors } = readJsonVector<{ vectors: EncryptedVector[] }>("libtpms/encrypted-envelopes.json");
const providers = [createPortableProvider(), createNodeProvider()];
const crypto = createNodeProvider();
const entropy = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => 0xa0 + i);
const sealing = { crypto, entropy };
const KEY_16 = fromHex("000102030405060708090a0b0c0d0e0f");
const KEY_32 = fromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
const OTHER_32 = xorBytes(KEY_32, new Uint8Array(32).fill(0x80));
const STATE = Uint8Array.from({ length: 500 }, (_, i) => (i % 3 === 0 ? i % 256 : 0));
/** The bytes with one bit of one of them changed. */
const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const mask = new Uint8Array(bytes.length);
  mask[at] = 0x10;
  return xorBytes(bytes, mask);
};
const flagsOf = (envelope: Uint8Array): number => new DataView(envelope.buffer).getUint16(4);

function refusal(action: () => unknown): EnvelopeError {
  try {
    action();
  } catch (error) {
    if (error instanceof EnvelopeError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

describe.each(providers)("envelopes written by swtpm, with the $name provider", (provider) => {
  test.each(vectors)("$file opens with its key", (vector) => {
    const { file, aesKey, plaintextLength, plaintextSha256, EPSeed, headerFlags } = vector;
    const bytes = readVector(`libtpms/${file}`);
    expect(flagsOf(bytes)).toBe(headerFlags);
    const data = openEnvelope(bytes, { key: fromHex(aesKey), crypto: provider });
    expect(data.length).toBe(plaintextLength);
    expect(toHex(provider.hash("SHA256", data))).toBe(plaintextSha256);
    expect(toHex(data)).toContain(EPSeed);
  });

  test.each(vectors)("$file: the key is made of the key file's content", ({ keyFileContent, aesKey, kdf }) => {
    const size = aesKey.length === 32 ? 16 : 32;
    const key = stateKey(new TextEncoder().encode(keyFileContent), kdf ?? "hex", size, provider);
    expect(toHex(key)).toBe(aesKey);
  });

  test.each(vectors.filter((vector) => vector.migrationFile !== undefined))(
    "$migrationFile opens with the migration key",
    (vector) => {
      const { migrationFile = "", migrationKey = "", migrationHeaderFlags, plaintextSha256, aesKey } = vector;
      const bytes = readVector(`libtpms/${migrationFile}`);
      expect(flagsOf(bytes)).toBe(migrationHeaderFlags);
      const keys = { key: fromHex(aesKey), migrationKey: fromHex(migrationKey) };
      const data = openBlob(bytes, { ...keys, crypto: provider });
      expect(toHex(provider.hash("SHA256", data))).toBe(plaintextSha256);
    },
  );
});

describe.each(vectors)("$file", ({ file, aesKey, plaintextLength }) => {
  const bytes = readVector(`libtpms/${file}`);
  const key = fromHex(aesKey);

  test("is written again, byte for byte, from its data and its IV", () => {
    const data = openEnvelope(bytes, { key, crypto });
    const iv = bytes.slice(-key.length);
    expect(toHex(sealEnvelope(data, { key, crypto, entropy: () => iv }))).toBe(toHex(bytes));
  });

  test("says that another key is the wrong one, whichever bit of it differs", () => {
    for (let at = 0; at < key.length; at++) {
      expect(refusal(() => openEnvelope(bytes, { key: flipped(key, at), crypto }))).toMatchObject({
        code: "WRONG_KEY",
        result: 33,
      });
    }
  });

  test("says that it is damaged wherever a byte of data, HMAC or IV is changed", () => {
    for (let at = 16; at < bytes.length; at++) {
      const { code, result } = refusal(() => openEnvelope(flipped(bytes, at), { key, crypto }));
      const [dataEnd, macStart] = [16 + plaintextLength + key.length - (plaintextLength % key.length), 22];
      const isTag = (at >= dataEnd && at < dataEnd + 6) || (at >= dataEnd + 6 + 32 && at < dataEnd + macStart + 22);
      if (isTag) expect(["PARTS", "DAMAGED"], `at ${at}`).toContain(code);
      else expect(`${at} ${code} ${result}`).toBe(`${at} DAMAGED 33`);
    }
  });
});

describe("an envelope", () => {
  test("of plain data has swtpm's bytes", () => {
    expect(toHex(sealEnvelope(Uint8Array.of(1, 2, 3), sealing))).toBe(`0201000a000000000013${"000100000003"}010203`);
  });

  test("gives back what was put into it, with and without a key", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(undefined, KEY_16, KEY_32), (data, key) => {
        expect(openEnvelope(sealEnvelope(data, { ...sealing, key }), { key, crypto })).toEqual(data);
      }),
    );
  });

  test("pads to a multiple of the size of the key", () => {
    expect(sealEnvelope(new Uint8Array(32), { ...sealing, key: KEY_32 }).length).toBe(10 + 6 + 64 + 6 + 32 + 6 + 32);
    expect(sealEnvelope(new Uint8Array(31), { ...sealing, key: KEY_32 }).length).toBe(10 + 6 + 32 + 6 + 32 + 6 + 32);
    expect(sealEnvelope(new Uint8Array(32), { ...sealing, key: KEY_16 }).length).toBe(10 + 6 + 48 + 6 + 32 + 6 + 16);
  });

  test("without an IV was encrypted under an IV of zeros", () => {
    const data = crypto.encrypt("AES", "CBC", KEY_16, new Uint8Array(16), new Uint8Array(16).fill(16)).data;
    const mac = crypto.hmac("SHA256", KEY_16, data);
    const bytes = concatBytes(fromHex("0201000a000100000046 000200000010"), data, fromHex("000300000020"), mac);
    expect(openEnvelope(bytes, { key: KEY_16, crypto })).toEqual(new Uint8Array(0));
  });

  test("may have its parts in any order, and parts of kinds that are not known", () => {
    const bytes = fromHex("0201000a00000000001a 00630000000155 0001000000033132 33");
    expect(toHex(openEnvelope(bytes, { crypto }))).toBe("313233");
  });

  const plain = sealEnvelope(STATE, sealing);
  const small = sealEnvelope(STATE, { ...sealing, key: KEY_16 });
  const large = sealEnvelope(STATE, { ...sealing, key: KEY_32 });
  const patched = (bytes: Uint8Array, at: number, hex: string): Uint8Array => {
    const result = bytes.slice();
    result.set(fromHex(hex), at);
    return result;
  };
  test.each<[string, Uint8Array, Uint8Array | undefined, string, number]>([
    ["nothing at all", new Uint8Array(0), undefined, "SIZE", 3],
    ["less than a header", plain.slice(0, 9), undefined, "SIZE", 3],
    ["one byte less", plain.slice(0, -1), undefined, "SIZE", 3],
    ["one byte more", concatBytes(plain, Uint8Array.of(0)), undefined, "SIZE", 3],
    ["a later format", patched(plain, 0, "0303"), undefined, "VERSION", 46],
    ["a version before the first", patched(plain, 0, "00"), undefined, "VERSION", 46],
    ["another size of header", patched(plain, 2, "000b"), undefined, "HEADER_SIZE", 43],
    ["a part longer than the envelope", patched(plain, 12, "ffffffff"), undefined, "PARTS", 9],
    ["a part shorter than what follows", patched(plain, 12, "00000001"), undefined, "PARTS", 9],
    ["no part with data", patched(plain, 10, "0009"), undefined, "PARTS", 9],
    ["a header and nothing else", fromHex("0201000a00000000000a"), undefined, "PARTS", 9],
    ["the same part twice", fromHex("0201000a000000000016 000100000000 000100000000"), undefined, "PARTS", 9],
    ["encrypted data without a key", small, undefined, "KEY_MISSING", 13],
    ["plain data with a key", plain, KEY_16, "NOT_ENCRYPTED", 9],
    ["a key too long", small, KEY_32, "KEY_SIZE", 40],
    ["a key too short", large, KEY_16, "KEY_SIZE", 40],
    ["another key", large, OTHER_32, "WRONG_KEY", 33],
    ["a changed byte", flipped(large, 100), KEY_32, "DAMAGED", 33],
    [
      "encrypted data of no whole blocks",
      fromHex(`0201000a000100000037 000200000001 00 000300000020${"00".repeat(32)}`),
      KEY_16,
      "DAMAGED",
      33,
    ],
  ])("with %s is refused", (_, bytes, key, code, result) => {
    const error = refusal(() => openEnvelope(bytes, { key, crypto }));
    expect([error.code, error.result]).toEqual([code, result]);
    expect(error.message).not.toBe("");
  });

  test("of a later version whose readers may be of version 2 is taken", () => {
    expect(openEnvelope(patched(plain, 0, "0302"), { crypto })).toEqual(STATE);
  });

  test("whose padding is irregular under a right HMAC is refused", () => {
    const padded = new Uint8Array(32).fill(17);
    const data = crypto.encrypt("AES", "CBC", KEY_16, new Uint8Array(16), padded).data;
    const mac = crypto.hmac("SHA256", KEY_16, data);
    const bytes = concatBytes(fromHex("0201000a000100000056 000200000020"), data, fromHex("000300000020"), mac);
    expect(refusal(() => openEnvelope(bytes, { key: KEY_16, crypto })).code).toBe("DAMAGED");
  });

  test("of any bytes is opened or refused, never anything else", () => {
    const from = [plain, small, large, sealBlob(STATE, { ...sealing, migrationKey: KEY_32 })];
    const mutated = fc
      .tuple(fc.constantFrom(...from), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
      .map(([bytes, changes]) => {
        const result = bytes.slice(0, 60 + ((changes[0]?.[0] ?? 0) % bytes.length));
        for (const [at, value] of changes) result[at % result.length] = value;
        return result;
      });
    const anyKey = fc.constantFrom(undefined, KEY_16, KEY_32);
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated), anyKey, anyKey, (bytes, key, migrationKey) => {
        for (const open of [openEnvelope, openBlob]) {
          try {
            open(bytes, { key, migrationKey, crypto } as Parameters<typeof openBlob>[1]);
          } catch (error) {
            expect(error).toBeInstanceOf(EnvelopeError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a version 1 envelope", () => {
  /** No file of swtpm's first versions is at hand: this is the layout as its later versions read it. */
  function version1(data: Uint8Array, key?: Uint8Array): Uint8Array {
    let body = data;
    if (key !== undefined) {
      const content = concatBytes(crypto.hash("SHA256", data), data);
      const padding = key.length - (content.length % key.length);
      const padded = concatBytes(content, new Uint8Array(padding).fill(padding));
      body = crypto.encrypt("AES", "CBC", key, new Uint8Array(16), padded).data;
    }
    const header = Uint8Array.of(1, 1, 0, 10, 0, key === undefined ? 0 : key.length === 32 ? 9 : 1, 0, 0, 0, 0);
    new DataView(header.buffer).setUint32(6, 10 + body.length);
    return concatBytes(header, body);
  }

  test.each<[string, Uint8Array | undefined]>([
    ["plain", undefined],
    ["with 128 bits", KEY_16],
    ["with 256 bits", KEY_32],
  ])("%s is read", (_, key) => {
    expect(openEnvelope(version1(STATE, key), { key, crypto })).toEqual(STATE);
  });

  test("tells a wrong key from damage", () => {
    const bytes = version1(STATE, KEY_32);
    expect(refusal(() => openEnvelope(bytes, { key: OTHER_32, crypto })).code).toBe("WRONG_KEY");
    for (let at = 10; at < bytes.length; at++) {
      expect(refusal(() => openEnvelope(flipped(bytes, at), { key: KEY_32, crypto })).code).toBe("DAMAGED");
    }
  });
});

describe("a blob", () => {
  test("without keys has swtpm's bytes", () => {
    expect(toHex(sealBlob(Uint8Array.of(1, 2, 3), sealing))).toBe(
      "0201000a000400000019 000400000009 000100000003 010203".replaceAll(" ", ""),
    );
  });

  const anyKey = fc.constantFrom(undefined, KEY_16, KEY_32);
  test("gives back what was put into it, with all keys", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), anyKey, anyKey, (data, key, migrationKey) => {
        expect(openBlob(sealBlob(data, { ...sealing, key, migrationKey }), { key, migrationKey, crypto })).toEqual(
          data,
        );
      }),
    );
  });

  test("in the clear is taken where there are keys", () => {
    expect(openBlob(sealBlob(STATE, sealing), { key: KEY_32, migrationKey: KEY_16, crypto })).toEqual(STATE);
  });

  const inner = sealBlob(STATE, { ...sealing, key: KEY_32 });
  const outer = sealBlob(STATE, { ...sealing, migrationKey: KEY_32 });
  const open = { crypto };
  test.each<[string, Uint8Array, Parameters<typeof openBlob>[1], string, number]>([
    ["encrypted state without a key", inner, open, "KEY_MISSING", 13],
    ["encrypted state with another key", inner, { crypto, key: OTHER_32 }, "WRONG_KEY", 33],
    ["encrypted state with a shorter key", inner, { crypto, key: KEY_16 }, "KEY_SIZE", 40],
    ["an encrypted blob without a migration key", outer, { crypto, key: KEY_32 }, "KEY_MISSING", 13],
    ["an encrypted blob with another migration key", outer, { crypto, migrationKey: OTHER_32 }, "WRONG_KEY", 33],
    ["an encrypted blob with a shorter migration key", outer, { crypto, migrationKey: KEY_16 }, "KEY_SIZE", 40],
    ["a damaged blob", flipped(outer, 200), { crypto, migrationKey: KEY_32 }, "DAMAGED", 33],
    [
      "plain state that the sender calls encrypted",
      sealBlob(STATE, sealing),
      { crypto, key: KEY_16, encrypted: true },
      "PARTS",
      9,
    ],
    [
      "plain state that the sender calls encrypted, without a key",
      sealBlob(STATE, sealing),
      { crypto, encrypted: true },
      "KEY_MISSING",
      13,
    ],
    ["a stored state in place of a blob", sealEnvelope(STATE, sealing), open, "PARTS", 9],
    ["a blob cut off", outer.slice(0, 100), { crypto, migrationKey: KEY_32 }, "SIZE", 3],
  ])("with %s is refused", (_, bytes, options, code, result) => {
    const error = refusal(() => openBlob(bytes, options));
    expect([error.code, error.result]).toEqual([code, result]);
  });
});

test.each<readonly [string, (bytes: Uint8Array) => Uint8Array]>([
  ["an envelope", (bytes) => openEnvelope(bytes, { crypto })],
  ["a blob", (bytes) => openBlob(bytes, { crypto })],
])("what was in %s shares no memory with it, though it be a Buffer", (what, open) => {
  const sealed = Buffer.from(what === "a blob" ? sealBlob(STATE, sealing) : sealEnvelope(STATE, sealing));
  const version1 = Buffer.concat([sealed.subarray(0, 10), STATE]);
  version1.writeUInt8(1, 0);
  version1.writeUInt32BE(version1.length, 6);
  for (const bytes of [sealed, version1]) {
    const opened = open(bytes);
    bytes.fill(0xee);
    expect(toHex(opened)).toBe(toHex(STATE));
    expect(Object.getPrototypeOf(opened)).toBe(Uint8Array.prototype);
  }
});

test("what was encrypted comes as plain bytes", () => {
  for (const key of [KEY_16, KEY_32]) {
    const opened = openEnvelope(Buffer.from(sealEnvelope(STATE, { ...sealing, key })), { key, crypto });
    expect(Object.getPrototypeOf(opened)).toBe(Uint8Array.prototype);
  }
});

test("a binary key is a copy of what its file held", () => {
  const content = Buffer.from(KEY_16);
  const key = stateKey(content, "binary", 16, crypto);
  content.fill(0);
  expect(toHex(key)).toBe(toHex(KEY_16));
});
