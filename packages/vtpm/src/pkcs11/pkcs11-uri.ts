import type { Bytes } from "@vtpm/wire";
import { Pkcs11Error } from "./pkcs11-error.ts";

const SCHEME = "pkcs11:";

/** Attributes of the path, which say where a key is. `type` is none of ours: it is always a private key that is looked for. */
const PATH = [
  ...["token", "manufacturer", "serial", "model"],
  ...["slot-id", "slot-description", "slot-manufacturer"],
  ...["object", "id", "type"],
] as const;
type PathAttribute = (typeof PATH)[number];

/** Attributes of the query, which say how to get at it; others are for others. */
const QUERY = ["module-path", "module-name", "pin-value", "pin-source"] as const;
type QueryAttribute = (typeof QUERY)[number];

/** Where a key in a token is. @spec RFC 7512 */
export interface Pkcs11Uri {
  /** What can be shown: without the query, which may have a PIN. */
  readonly text: string;
  readonly path: ReadonlyMap<PathAttribute, Bytes>;
  readonly query: ReadonlyMap<QueryAttribute, Bytes>;
}

/** Whether what names a key means one in a token rather than a file. */
export function isTokenKey(source: string): boolean {
  if (/^tpmkey:(file|uuid)=/.test(source)) {
    throw new Pkcs11Error(
      "PKCS11_URI",
      `the signing key ${source} cannot be used: keys of a TPM 1.2 behind tcsd (tpmkey:) are not supported: give a PEM file, or a pkcs11: URI of tpm2-pkcs11`,
    );
  }
  return source.startsWith(SCHEME);
}

/** Reads a URI; throws a `Pkcs11Error` that does not show its query. */
export function parsePkcs11Uri(uri: string): Pkcs11Uri {
  const [text = "", ...query] = uri.split("?");
  const refuse = (why: string): Pkcs11Error => new Pkcs11Error("PKCS11_URI", `${text} is no PKCS #11 URI: ${why}`);
  if (!uri.startsWith(SCHEME)) throw refuse(`it does not begin with ${SCHEME}`);
  if (query.length > 1) throw refuse("it has more than one question mark");

  const read = <Name extends string>(part: string, separator: string, known: readonly Name[], strict: boolean) => {
    const attributes = new Map<Name, Bytes>();
    for (const attribute of part.split(separator)) {
      if (attribute === "") continue;
      const at = attribute.indexOf("=");
      const given = attribute.slice(0, at);
      if (at < 1)
        throw refuse(strict ? `${JSON.stringify(attribute)} has no value` : "a part of its query has no value");
      const name = known.find((each) => each === given);
      // An attribute of the path that is not understood might tell two keys apart.
      if (name === undefined && strict) throw refuse(`there is no attribute ${JSON.stringify(given)}`);
      if (name === undefined) continue;
      if (attributes.has(name)) throw refuse(`${name} is there twice`);
      const value = decoded(attribute.slice(at + 1));
      if (value === undefined) throw refuse(`a percent sign in ${name} has no two hexadecimal digits behind it`);
      attributes.set(name, value);
    }
    return attributes;
  };
  return {
    text,
    path: read(text.slice(SCHEME.length), ";", PATH, true),
    query: read(query[0] ?? "", "&", QUERY, false),
  };
}

function decoded(text: string): Bytes | undefined {
  const bytes = Buffer.from(text).toString("latin1");
  if (/%(?![0-9a-f]{2})/i.test(bytes)) return undefined;
  const plain = bytes.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return new Uint8Array(Buffer.from(plain, "latin1"));
}
