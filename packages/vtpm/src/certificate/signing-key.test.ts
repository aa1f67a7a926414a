import { expect, test } from "vitest";
import type { PrivateKey } from "./private-key.ts";
import { type Certified, signingKey } from "./signing-key.ts";

const key = (type: string, modulusLength?: number, namedCurve?: string): PrivateKey => ({
  name: "the key",
  type,
  modulusLength,
  namedCurve,
  sign: (_, data) => data,
  belongsTo: () => true,
});

test.each<[PrivateKey, Certified, string]>([
  // As swtpm_cert 0.11.0 signs: RSA of any size but 2048 with SHA-384.
  [key("rsa", 1024), "tpm2", "1.2.840.113549.1.1.12"],
  [key("rsa", 2048), "tpm2", "1.2.840.113549.1.1.11"],
  [key("rsa", 3072), "tpm2", "1.2.840.113549.1.1.12"],
  [key("rsa", 3072), "authority", "1.2.840.113549.1.1.11"],
  [key("rsa", 3072), "tpm12", "1.2.840.113549.1.1.5"],
  [key("ec", undefined, "prime256v1"), "tpm2", "1.2.840.10045.4.3.2"],
  [key("ec", undefined, "secp256k1"), "tpm2", "1.2.840.10045.4.3.2"],
  [key("ec", undefined, "secp384r1"), "tpm2", "1.2.840.10045.4.3.3"],
  [key("ec", undefined, "brainpoolP384r1"), "tpm2", "1.2.840.10045.4.3.3"],
  [key("ec", undefined, "secp521r1"), "tpm2", "1.2.840.10045.4.3.4"],
  [key("ec", undefined, "brainpoolP512r1"), "tpm2", "1.2.840.10045.4.3.4"],
  [key("ec", undefined, "secp521r1"), "tpm12", "1.2.840.10045.4.1"],
])("%o signs for %s by %s", (signer, certified, oid) => {
  expect(signingKey(signer, certified).algorithm.algorithm).toBe(oid);
});
