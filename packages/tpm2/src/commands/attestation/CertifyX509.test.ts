import { X509Certificate } from "node:crypto";
import { type Bytes, concatBytes, EMPTY, fromHex, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { DEFAULT_V1, parseProfile } from "../../profile.ts";
import { TPM_ALG, TPM_ECC_CURVE } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import type { TPMT_PUBLIC } from "../../spec/structures/index.ts";
import { text as bytesOf, hash } from "../../testing/caller-crypto.ts";
import { toPublicKey } from "../../testing/caller-verify.ts";
import { createKey, eccTemplate, keyedHashTemplate, rsaTemplate } from "../../testing/create-key.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { CertifyX509 } from "./CertifyX509.ts";

const { SHA1, SHA256, SHA384 } = TPM_ALG;
const NONE = { scheme: TPM_ALG.NULL } as const;
const ECDSA = { scheme: TPM_ALG.ECDSA, details: { hashAlg: SHA256 } } as const;
const SIGNS = { sign: true, x509sign: true };

/** An element, written independently of the engine. */
function der(tag: number, ...content: readonly Bytes[]): Bytes {
  const joined = concatBytes(...content);
  const size = joined.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, Math.floor(size / 256), size % 256];
  return concatBytes(Uint8Array.of(tag, ...length), joined);
}
const seq = (...content: readonly Bytes[]): Bytes => der(0x30, ...content);

const name = (text: string): Bytes => seq(der(0x31, seq(fromHex("0603550403"), der(0x0c, bytesOf(text)))));
const VALIDITY = seq(der(0x17, bytesOf("250101000000Z")), der(0x17, bytesOf("450101000000Z")));
const KEY_USAGE = fromHex("0603551d0f");
const TPMA_OBJECT_OID = fromHex("06076781050a010101");
const CRITICAL = fromHex("0101ff");
const bits = (unused: number, ...octets: readonly number[]): Bytes => der(0x03, Uint8Array.of(unused, ...octets));
const extension = (oid: Bytes, value: Bytes): Bytes => seq(oid, CRITICAL, der(0x04, value));
const extensions = (...list: readonly Bytes[]): Bytes => der(0xa3, seq(...list));
const DIGITAL_SIGNATURE = extension(KEY_USAGE, bits(7, 0x80));
const [ISSUER, SUBJECT] = [name("issuer"), name("subject")];
const PARTIAL = seq(ISSUER, VALIDITY, SUBJECT, extensions(DIGITAL_SIGNATURE));

function prepared(
  signing: TPMT_PUBLIC = eccTemplate(SIGNS, ECDSA),
  subject: TPMT_PUBLIC = eccTemplate({ sign: true }),
  profile = DEFAULT_V1,
) {
  const tpm = TestTpm.started({ profile });
  const signer = createKey(tpm, signing);
  const object = createKey(tpm, subject, { hierarchy: TPM_RH.PLATFORM });
  const run = (partialCertificate: Bytes, changes: object = {}) =>
    tpm.run(CertifyX509, {
      objectHandle: object.handle,
      signHandle: signer.handle,
      reserved: EMPTY,
      inScheme: NONE,
      partialCertificate,
      ...changes,
    });
  return { tpm, signer, object, run };
}

/** The elements that fill some bytes. */
function split(bytes: Bytes): Bytes[] {
  const elements: Bytes[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at + 1] ?? 0;
    const header = first < 128 ? 2 : first - 126;
    const size = first < 128 ? first : Number.parseInt(toHex(bytes.slice(at + 2, at + header)), 16);
    elements.push(bytes.slice(at, at + header + size));
    at += header + size;
  }
  return elements;
}
const contentOf = (bytes: Bytes): Bytes => bytes.slice(bytes.length - sizeOf(bytes));
const sizeOf = (bytes: Bytes): number => {
  const first = bytes[1] ?? 0;
  return first < 128 ? first : bytes.length - (first - 126);
};

const integer = (bytes: Bytes): Bytes => {
  const start = bytes.findIndex((byte) => byte !== 0);
  const short = bytes.slice(start);
  return der(0x02, (short[0] ?? 0) < 128 ? short : concatBytes(Uint8Array.of(0), short));
};

interface Certified {
  readonly addedToCertificate: Bytes;
  readonly signature: {
    readonly signature: { readonly sig?: Bytes; readonly signatureR?: Bytes; readonly signatureS?: Bytes };
  };
}

/** The whole certificate, put together as the caller does. */
function certificate(out: Certified, algorithmOfCaller?: Bytes): { tbs: Bytes; whole: Bytes } {
  const { addedToCertificate, signature } = out;
  const added = split(contentOf(addedToCertificate));
  const [version = EMPTY, serial = EMPTY, ...rest] = added;
  const algorithm = algorithmOfCaller ?? rest[0] ?? EMPTY;
  const publicKey = rest.at(-1) ?? EMPTY;
  const usage = extensions(DIGITAL_SIGNATURE);
  const tbs = seq(version, serial, algorithm, ISSUER, VALIDITY, SUBJECT, publicKey, usage);
  const { sig, signatureR, signatureS } = signature.signature;
  const value = sig ?? seq(integer(signatureR ?? EMPTY), integer(signatureS ?? EMPTY));
  return { tbs, whole: seq(tbs, algorithm, der(0x03, Uint8Array.of(0), value)) };
}

const rsa = (scheme: "RSASSA" | "RSAPSS", hashAlg: typeof SHA1 | typeof SHA256 | typeof SHA384) =>
  rsaTemplate(SIGNS, { scheme: TPM_ALG[scheme], details: { hashAlg } });

describe("OpenSSL reads and verifies certificates", () => {
  test.each([
    ["ECDSA with SHA-256", eccTemplate(SIGNS, ECDSA)],
    ["ECDSA with SHA-384", eccTemplate(SIGNS, { ...ECDSA, details: { hashAlg: SHA384 } }, TPM_ECC_CURVE.NIST_P384)],
    ["RSASSA with SHA-1", rsa("RSASSA", SHA1)],
    ["RSASSA with SHA-256", rsa("RSASSA", SHA256)],
    ["RSAPSS with SHA-256", rsa("RSAPSS", SHA256)],
    ["RSAPSS with SHA-384", rsa("RSAPSS", SHA384)],
  ])("signed by %s", (_, signing) => {
    for (const subject of [eccTemplate({ sign: true }), rsaTemplate({ sign: true })]) {
      const { signer, object, run } = prepared(signing, subject);
      const { text, out } = run(PARTIAL);
      expect(text).toBe("TPM_RC_SUCCESS");
      const { tbs, whole } = certificate(out);
      const hashAlg = out.signature.signature.hash;
      expect(out.tbsDigest).toEqual(hash(hashAlg, tbs));
      const x509 = new X509Certificate(whole);
      expect(x509.verify(toPublicKey(signer.publicArea))).toBe(true);
      expect(x509.subject).toBe("CN=subject");
      expect(x509.publicKey.export({ format: "jwk" })).toEqual(
        toPublicKey(object.publicArea).export({ format: "jwk" }),
      );
    }
  });
});

describe("TPM2_CertifyX509", () => {
  test("makes the serial number from the content and both Names", () => {
    const { signer, object, run } = prepared();
    const { out } = run(PARTIAL);
    const [, serial = EMPTY, algorithm = EMPTY, publicKey = EMPTY] = split(contentOf(out.addedToCertificate));
    const parts = [algorithm, ISSUER, VALIDITY, SUBJECT, publicKey, extensions(DIGITAL_SIGNATURE)];
    const expected = hash(SHA256, ...parts, signer.name, object.name).slice(0, 20);
    expect(serial).toEqual(integer(expected));
  });

  test("takes the signature algorithm from the caller, and does not return it then", () => {
    const { signer, run } = prepared();
    const algorithm = seq(fromHex("06082a8648ce3d040302"));
    const { out } = run(seq(algorithm, ISSUER, VALIDITY, SUBJECT, extensions(DIGITAL_SIGNATURE)));
    expect(split(contentOf(out.addedToCertificate)).length).toBe(3);
    expect(new X509Certificate(certificate(out, algorithm).whole).verify(toPublicKey(signer.publicArea))).toBe(true);
  });

  test("takes the attributes of the key as an extension, if they are true", () => {
    const { object, run } = prepared();
    const word = object.publicArea.objectAttributes;
    const octets = [24, 16, 8, 0].map((shift) => Math.floor(word / 2 ** shift) % 256);
    const withAttributes = (...value: number[]) =>
      seq(ISSUER, VALIDITY, SUBJECT, extensions(extension(TPMA_OBJECT_OID, bits(0, ...value)), DIGITAL_SIGNATURE));
    expect(run(withAttributes(...octets)).text).toBe("TPM_RC_SUCCESS");
    expect(run(withAttributes(0, 0, 0, 2)).text).toBe("TPM_RC_ATTRIBUTES (handle 1)");
  });

  const fixed = { fixedTPM: true };
  const loose = { fixedTPM: false, fixedParent: false };
  test.each([
    ["digitalSignature of a signing key", bits(7, 0x80), { sign: true }, "TPM_RC_SUCCESS"],
    ["keyCertSign and cRLSign of a signing key", bits(1, 0x06), { sign: true }, "TPM_RC_SUCCESS"],
    ["digitalSignature of a decryption key", bits(7, 0x80), { decrypt: true }, "TPM_RC_VALUE (parameter 3)"],
    ["cRLSign of a decryption key", bits(1, 0x02), { decrypt: true }, "TPM_RC_VALUE (parameter 3)"],
    ["dataEncipherment of a decryption key", bits(4, 0x10), { decrypt: true }, "TPM_RC_SUCCESS"],
    ["keyAgreement of a signing key", bits(3, 0x08), { sign: true }, "TPM_RC_VALUE (parameter 3)"],
    ["decipherOnly of a signing key", bits(7, 0x80, 0x80), { sign: true }, "TPM_RC_VALUE (parameter 3)"],
    ["keyEncipherment of an unrestricted key", bits(5, 0x20), { decrypt: true }, "TPM_RC_VALUE (parameter 3)"],
    ["nonrepudiation of a key that stays", bits(6, 0x40), { sign: true, ...fixed }, "TPM_RC_SUCCESS"],
    ["nonrepudiation of a key that may leave", bits(6, 0x40), { sign: true, ...loose }, "TPM_RC_VALUE (parameter 3)"],
    ["a bit that does not exist", bits(6, 0x80, 0x40), { sign: true }, "TPM_RC_RESERVED_BITS (parameter 3)"],
    ["a usage of nothing", bits(0), { sign: true }, "TPM_RC_SUCCESS"],
    ["more than 32 bits", bits(0, 0x80, 0, 0, 0, 0), { sign: true }, "TPM_RC_VALUE (parameter 3)"],
    ["too many unused bits", bits(8, 0x80), { sign: true }, "TPM_RC_VALUE (parameter 3)"],
    ["an octet string for a bit string", der(0x04, Uint8Array.of(0x80)), { sign: true }, "TPM_RC_VALUE (parameter 3)"],
  ])("and key usage: %s", (_, usage, attributes, text) => {
    const { run } = prepared(undefined, eccTemplate(attributes));
    expect(run(seq(ISSUER, VALIDITY, SUBJECT, extensions(extension(KEY_USAGE, usage)))).text).toBe(text);
  });
});

describe("TPM2_CertifyX509 refuses", () => {
  const usage = extensions(DIGITAL_SIGNATURE);
  const four = [ISSUER, VALIDITY, SUBJECT, name("more")] as const;
  const indefinite = concatBytes(Uint8Array.of(0x30, 0x80), contentOf(PARTIAL), Uint8Array.of(0, 0));
  const longLength = (bytes: Bytes): Bytes =>
    concatBytes(Uint8Array.of(bytes[0] ?? 0, 0x81, bytes.length - 2), bytes.slice(2));
  const longerLength = (bytes: Bytes): Bytes =>
    concatBytes(Uint8Array.of(bytes[0] ?? 0, 0x82, 0, bytes.length - 2), bytes.slice(2));
  const VALUE = "TPM_RC_VALUE (parameter 3)";
  const SIZE = "TPM_RC_SIZE (parameter 3)";

  test.each([
    ["nothing", EMPTY, VALUE],
    ["a lone tag", Uint8Array.of(0x30), SIZE],
    ["what is no sequence", der(0x31, contentOf(PARTIAL)), SIZE],
    ["a truncated certificate", PARTIAL.slice(0, -1), SIZE],
    ["bytes behind the certificate", concatBytes(PARTIAL, Uint8Array.of(0)), SIZE],
    ["an indefinite length outside", indefinite, SIZE],
    ["a length that is not minimal outside", longLength(seq(ISSUER, usage)), SIZE],
    ["two sequences", seq(ISSUER, VALIDITY, usage), VALUE],
    ["five sequences", seq(...four, SUBJECT, usage), VALUE],
    ["six sequences", seq(...four, SUBJECT, SUBJECT, usage), VALUE],
    ["a hundred sequences", seq(...Array.from({ length: 100 }, () => seq()), usage), VALUE],
    ["no extensions", seq(ISSUER, VALIDITY, SUBJECT), VALUE],
    ["extensions twice", seq(ISSUER, VALIDITY, SUBJECT, usage, usage), VALUE],
    ["extensions under another tag", seq(ISSUER, VALIDITY, SUBJECT, der(0xa2, contentOf(usage))), VALUE],
    ["an element of another kind", seq(ISSUER, VALIDITY, SUBJECT, usage, fromHex("020101")), VALUE],
    ["an inner length past the end", seq(ISSUER, VALIDITY, SUBJECT, usage.slice(0, -1)), VALUE],
    ["an inner indefinite length", seq(ISSUER, VALIDITY, fromHex("30800000"), usage), VALUE],
    ["an inner length that is not minimal", seq(ISSUER, VALIDITY, longLength(SUBJECT), usage), VALUE],
    ["an inner length of two bytes that is not minimal", seq(ISSUER, VALIDITY, longerLength(SUBJECT), usage), VALUE],
    ["an inner length of three bytes", seq(ISSUER, VALIDITY, fromHex("308300000100"), usage), VALUE],
    ["a tag of many bytes", seq(ISSUER, VALIDITY, SUBJECT, fromHex("3f210100"), usage), VALUE],
    ["a tag without length at the end", seq(ISSUER, VALIDITY, SUBJECT, usage, Uint8Array.of(0x30)), VALUE],
    ["empty extensions", seq(ISSUER, VALIDITY, SUBJECT, der(0xa3)), VALUE],
    ["extensions that are no sequence", seq(ISSUER, VALIDITY, SUBJECT, der(0xa3, der(0x31))), VALUE],
    ["extensions without key usage", seq(ISSUER, VALIDITY, SUBJECT, extensions()), VALUE],
    ["an extension that is no sequence", seq(ISSUER, VALIDITY, SUBJECT, extensions(der(0x31))), VALUE],
    ["a key usage without value", seq(ISSUER, VALIDITY, SUBJECT, extensions(seq(KEY_USAGE))), VALUE],
  ])("%s", (_, partialCertificate, text) => {
    const { tpm, run } = prepared();
    expect(run(partialCertificate).text).toBe(text);
    expect(tpm.faults).toEqual([]);
  });

  test("any truncation of a certificate, whatever its outer length says", () => {
    const { tpm, run } = prepared();
    const content = contentOf(PARTIAL);
    for (let size = 0; size < content.length; size++) {
      expect(run(seq(content.slice(0, size))).text).toBe(VALUE);
    }
    expect(tpm.faults).toEqual([]);
  });

  test("reserved bytes first of all", () => {
    const { run } = prepared();
    const changes = { reserved: Uint8Array.of(1), signHandle: TPM_RH.NULL };
    expect(run(EMPTY, changes).text).toBe("TPM_RC_SIZE (parameter 1)");
  });

  test("refuses SHA-1 where the profile does not sign with it", () => {
    const profile = parseProfile('{"Name":"custom:strict","Attributes":"no-sha1-signing"}');
    const sha1 = eccTemplate(SIGNS, { ...ECDSA, details: { hashAlg: TPM_ALG.SHA1 } });
    expect(prepared(sha1, undefined, profile).run(PARTIAL).text).toBe("TPM_RC_HASH");
  });

  test("to sign without a key", () => {
    const { run } = prepared();
    expect(run(PARTIAL, { signHandle: TPM_RH.NULL }).text).toBe("TPM_RC_KEY (handle 2)");
    // Measured with libtpms 0.11.0.
    expect(run(fromHex("0402"), { signHandle: TPM_RH.NULL }).text).toBe("TPM_RC_SIZE (parameter 3)");
  });

  test("a key that does not sign, and a scheme that is not the key's", () => {
    expect(prepared(rsaTemplate({ decrypt: true })).run(PARTIAL).text).toBe("TPM_RC_KEY (handle 2)");
    const wrong = { inScheme: { scheme: TPM_ALG.ECSCHNORR, details: { hashAlg: SHA256 } } };
    expect(prepared().run(PARTIAL, wrong).text).toBe("TPM_RC_SCHEME (parameter 2)");
  });

  test("a subject that certificates cannot hold", () => {
    const hmacKey = keyedHashTemplate({ sign: true, decrypt: true });
    expect(prepared(undefined, hmacKey).run(EMPTY).text).toBe("TPM_RC_ASYMMETRIC (handle 1)");
    const onBarreto = eccTemplate({ sign: true }, NONE, TPM_ECC_CURVE.BN_P256);
    expect(prepared(undefined, onBarreto).run(EMPTY).text).toBe("TPM_RC_ASYMMETRIC (handle 1)");
  });

  test("a scheme that certificates cannot name, unless the caller does", () => {
    const schnorr = eccTemplate(SIGNS, { scheme: TPM_ALG.ECSCHNORR, details: { hashAlg: SHA256 } });
    const { run } = prepared(schnorr);
    expect(run(PARTIAL).text).toBe("TPM_RC_SCHEME (handle 2)");
    expect(run(seq(seq(), ISSUER, VALIDITY, SUBJECT, extensions(DIGITAL_SIGNATURE))).text).toBe("TPM_RC_SUCCESS");
  });
});
