import { pbkdf2Sync } from "node:crypto";
import { toHex } from "@vtpm/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pbkdf2Sha512 } from "./index.ts";
import { bytesUpTo } from "./testing/arbitraries.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

test("a key as the published test vectors for PBKDF2-HMAC-SHA512 have it", () => {
  expect(toHex(pbkdf2Sha512(text("password"), text("salt"), 1, 64))).toBe(
    "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252" +
      "c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce",
  );
});

test("the same key as OpenSSL makes", () => {
  fc.assert(
    fc.property(
      bytesUpTo(200),
      bytesUpTo(40),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 150 }),
      (passphrase, salt, iterations, size) => {
        const expected = pbkdf2Sync(passphrase, salt, iterations, size, "sha512");
        expect(toHex(pbkdf2Sha512(passphrase, salt, iterations, size))).toBe(expected.toString("hex"));
      },
    ),
  );
});
