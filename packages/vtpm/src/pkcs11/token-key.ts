import { createHash, randomBytes, verify, type X509Certificate } from "node:crypto";
import { type Bytes, toHex } from "@vtpm/wire";
import { Integer, Sequence } from "asn1js";
import type { PrivateKey } from "../certificate/private-key.ts";
import { hostStruct } from "../native/host-struct.ts";
import { koffi } from "../native/koffi.ts";
import { CKR } from "./cryptoki.ts";
import { Pkcs11Error } from "./pkcs11-error.ts";
import { type Pkcs11Uri, parsePkcs11Uri } from "./pkcs11-uri.ts";
import { Token } from "./token.ts";

/** @spec PKCS #11 Base Specification, "CK_ATTRIBUTE", "CK_MECHANISM" */
const ATTRIBUTE = hostStruct({ type: "u64", value: "u64", size: "u64" });
const MECHANISM = hostStruct({ mechanism: "u64", parameter: "u64", size: "u64" });
const ULONG = hostStruct({ value: "u64" });

interface Attribute {
  readonly type: bigint;
  readonly value: Bytes;
}

const CKA = {
  CLASS: 0x0n,
  LABEL: 0x3n,
  KEY_TYPE: 0x100n,
  ID: 0x102n,
  MODULUS: 0x120n,
  EC_PARAMS: 0x180n,
  ALWAYS_AUTHENTICATE: 0x202n,
} as const;
const CKO_PRIVATE_KEY = 3n;
/** What keys are called by modules, and how they sign. */
const KEY_TYPES: ReadonlyMap<bigint, { readonly type: "rsa" | "ec" | "ed25519"; readonly mechanism: bigint }> = new Map(
  [
    [0x0n, { type: "rsa", mechanism: 0x1n }],
    [0x3n, { type: "ec", mechanism: 0x1041n }],
    [0x40n, { type: "ed25519", mechanism: 0x1057n }],
  ] as const,
);
/** Curves by their object identifiers in DER. */
const CURVES: ReadonlyMap<string, string> = new Map([
  ["06082a8648ce3d030107", "prime256v1"],
  ["06052b81040022", "secp384r1"],
  ["06052b81040023", "secp521r1"],
]);
/** What stands before a hash that is signed with RSA. @spec RFC 8017, "EMSA-PKCS1-v1_5" */
const DIGEST_INFO: ReadonlyMap<string, string> = new Map([
  ["sha1", "3021300906052b0e03021a05000414"],
  ["sha256", "3031300d060960864801650304020105000420"],
  ["sha384", "3041300d060960864801650304020205000430"],
]);

/** Of RSA with 16384 bits. */
const MAX_SIGNATURE_SIZE = 2048;
const MAX_ATTRIBUTE_SIZE = 4096;
/** As many keys as a message shows. */
const MAX_KEYS = 8;

/** Opens the private key of a PKCS #11 token. Throws a `Pkcs11Error`, or a `NativeError` without koffi. */
export function openTokenKey(text: string, pin: string | undefined): PrivateKey {
  const uri = parsePkcs11Uri(text);
  const token = Token.open(uri, pin);
  return new TokenKey(token, findKey(token, uri), uri.text);
}

class TokenKey implements PrivateKey {
  readonly name: string;
  readonly type: "rsa" | "ec" | "ed25519";
  readonly modulusLength: number | undefined;
  readonly namedCurve: string | undefined;
  readonly #token: Token;
  readonly #handle: bigint;
  readonly #mechanism: bigint;
  readonly #wantsPin: boolean;

  constructor(token: Token, handle: bigint, name: string) {
    this.name = name;
    this.#token = token;
    this.#handle = handle;
    const keyType = attribute(token, handle, CKA.KEY_TYPE);
    const known = keyType && KEY_TYPES.get(ULONG.decode(keyType).value);
    if (known === undefined) {
      throw new Pkcs11Error(
        "PKCS11_KEY",
        `the key ${name} is neither RSA nor EC nor Ed25519, and cannot sign certificates`,
      );
    }
    this.type = known.type;
    this.#mechanism = known.mechanism;
    const modulus = known.type === "rsa" ? attribute(token, handle, CKA.MODULUS) : undefined;
    this.modulusLength = modulus && 8 * modulus.length;
    this.namedCurve = CURVES.get(toHex(attribute(token, handle, CKA.EC_PARAMS) ?? new Uint8Array(0)));
    this.#wantsPin = attribute(token, handle, CKA.ALWAYS_AUTHENTICATE)?.[0] === 1;
    if (known.type === "ec" && this.namedCurve === undefined) {
      throw new Pkcs11Error("PKCS11_KEY", `the key ${name} is on another curve than P-256, P-384 or P-521`);
    }
  }

  sign(hash: string | null, data: Uint8Array): Uint8Array {
    const digest = hash === null ? data : createHash(hash).update(data).digest();
    if (this.type !== "rsa") {
      const signature = this.#sign(digest);
      return this.type === "ec" ? ecdsaSignature(signature) : signature;
    }
    const prefix = DIGEST_INFO.get(hash ?? "");
    if (prefix === undefined) throw new RangeError(`no DigestInfo is known for ${hash}`);
    return this.#sign(Buffer.concat([Buffer.from(prefix, "hex"), digest]));
  }

  #sign(data: Uint8Array): Bytes {
    const { module, session } = this.#token;
    module.call("C_SignInit", session, MECHANISM.encode({ mechanism: this.#mechanism }), this.#handle);
    if (this.#wantsPin) this.#token.confirm();
    const signature = new Uint8Array(MAX_SIGNATURE_SIZE);
    const size = ULONG.encode({ value: BigInt(signature.length) });
    module.call("C_Sign", session, Uint8Array.from(data), BigInt(data.length), signature, size);
    return signature.slice(0, Number(ULONG.decode(size).value));
  }

  /** Tokens do not tell the public key of every private one: so it signs, and the certificate's key must know it. */
  belongsTo({ publicKey }: X509Certificate): boolean {
    if (publicKey.asymmetricKeyType !== this.type) return false;
    const challenge = randomBytes(32);
    const hash = this.type === "ed25519" ? null : "sha256";
    return verify(hash, challenge, publicKey, this.sign(hash, challenge));
  }
}

/** Two numbers of equal size as DER. @spec RFC 3279, "ECDSA Signature Algorithm" */
function ecdsaSignature(signature: Bytes): Uint8Array {
  const half = signature.length / 2;
  const value = [signature.slice(0, half), signature.slice(half)].map((number) =>
    Integer.fromBigInt(BigInt(`0x${toHex(number)}`)),
  );
  return new Uint8Array(new Sequence({ value }).toBER());
}

/** The only private key that the URI means. */
function findKey(token: Token, uri: Pkcs11Uri): bigint {
  const { path, text } = uri;
  const wanted = [
    [CKA.LABEL, path.get("object")],
    [CKA.ID, path.get("id")],
  ] as const;
  const found = privateKeys(
    token,
    wanted.flatMap(([type, value]) => (value === undefined ? [] : [{ type, value }])),
  );
  const [key] = found;
  if (key !== undefined && found.length === 1) return key;
  const where = `the PKCS #11 token ${JSON.stringify(token.label)}`;
  // Tokens tell their objects in no order: an error reads the same each time.
  const names = (keys: readonly bigint[]): string =>
    keys
      .map((each) => keyName(token, each))
      .sort()
      .join(", ");
  if (key !== undefined) {
    throw new Pkcs11Error("PKCS11_KEY", `${where} has several private keys that match ${text}: ${names(found)}`);
  }
  const others = privateKeys(token, []);
  const has = others.length === 0 ? "it has none at all" : `it has ${names(others)}`;
  throw new Pkcs11Error("PKCS11_KEY", `${where} has no private key that matches ${text}: ${has}`);
}

function keyName(token: Token, key: bigint): string {
  const label = Buffer.from(attribute(token, key, CKA.LABEL) ?? []).toString();
  const id = toHex(attribute(token, key, CKA.ID) ?? new Uint8Array(0));
  return `object=${encodeURIComponent(label)};id=${id.replace(/../g, "%$&")}`;
}

function privateKeys(token: Token, more: readonly Attribute[]): bigint[] {
  const { module, session } = token;
  const template = [{ type: CKA.CLASS, value: ULONG.encode({ value: CKO_PRIVATE_KEY }) }, ...more];
  module.call("C_FindObjectsInit", session, attributeBlock(template), BigInt(template.length));
  const objects = new Uint8Array(MAX_KEYS * ULONG.size);
  const count = ULONG.encode({});
  module.call("C_FindObjects", session, objects, BigInt(MAX_KEYS), count);
  module.call("C_FindObjectsFinal", session);
  const found = Math.min(MAX_KEYS, Number(ULONG.decode(count).value));
  return Array.from({ length: found }, (_, i) => ULONG.decode(objects, i * ULONG.size).value);
}

/** What an object says of itself; `undefined` if it does not. */
function attribute({ module, session }: Token, object: bigint, type: bigint): Bytes | undefined {
  const block = attributeBlock([{ type, value: new Uint8Array(MAX_ATTRIBUTE_SIZE) }]);
  const status = module.status("C_GetAttributeValue", session, object, block, 1n);
  if (status === CKR.ATTRIBUTE_TYPE_INVALID || status === CKR.ATTRIBUTE_SENSITIVE) return undefined;
  if (status !== CKR.OK) module.call("C_GetAttributeValue", session, object, block, 1n);
  const { size } = ATTRIBUTE.decode(block);
  return size > BigInt(MAX_ATTRIBUTE_SIZE) ? undefined : block.slice(ATTRIBUTE.size, ATTRIBUTE.size + Number(size));
}

/** Attributes in one piece of memory with their values, which they point at. */
function attributeBlock(attributes: readonly Attribute[]): Bytes {
  const block = new Uint8Array(attributes.reduce((size, { value }) => size + ATTRIBUTE.size + value.length, 0));
  const base = koffi().address(block);
  let valueAt = attributes.length * ATTRIBUTE.size;
  for (const [i, { type, value }] of attributes.entries()) {
    const header = ATTRIBUTE.encode({ type, value: base + BigInt(valueAt), size: BigInt(value.length) });
    block.set(header, i * ATTRIBUTE.size);
    block.set(value, valueAt);
    valueAt += value.length;
  }
  return block;
}
