import { type Bytes, equalBytes } from "@vtpm/wire";
import { TPMA_OBJECT, TPMA_X509_KEY_USAGE } from "../../spec/attributes.ts";
import { type FormatOneRc, TPM_RC } from "../../spec/response-codes.ts";
import { bitsOf, type Element, readElement, readElements, TAG } from "./der.ts";
import { OID } from "./oids.ts";

const SIGNING = TPMA_X509_KEY_USAGE.of({ digitalSignature: true, keyCertSign: true, cRLSign: true });
const DECRYPTING = TPMA_X509_KEY_USAGE.of({
  keyEncipherment: true,
  dataEncipherment: true,
  keyAgreement: true,
  encipherOnly: true,
  decipherOnly: true,
});

/**
 * Why the extensions of a certificate do not suit the key that it is about; `undefined` if they do.
 *
 * @spec Part 3, "TPM2_CertifyX509"
 * @rc VALUE          not the encoding of extensions; no key usage, or one that the key cannot serve
 * @rc ATTRIBUTES     the certificate tells other attributes than those of the key
 * @rc RESERVED_BITS  a key usage that does not exist
 */
export function checkExtensions({ content }: Element, objectAttributes: number): FormatOneRc | undefined {
  const list = readElement(content);
  // As in libtpms, what follows the extensions is looked at as if it belonged to them.
  const extensions = list?.tag === TAG.SEQUENCE ? readElements(content.slice(headerSize(list))) : undefined;
  if (extensions === undefined || extensions.some(({ tag }) => tag !== TAG.SEQUENCE)) return TPM_RC.VALUE;

  const attributes = find(extensions, OID.tcgTpmaObject);
  if (attributes !== undefined) {
    const word = bitsIn(attributes);
    if (word === undefined) return TPM_RC.VALUE;
    if (word !== objectAttributes) return TPM_RC.ATTRIBUTES;
  }
  const usage = find(extensions, OID.keyUsage);
  const word = usage === undefined ? undefined : bitsIn(usage);
  if (word === undefined) return TPM_RC.VALUE;
  return checkKeyUsage(word, objectAttributes);
}

const headerSize = ({ bytes, content }: Element): number => bytes.length - content.length;

function find(extensions: readonly Element[], oid: Bytes): Element | undefined {
  return extensions.find(({ content }) => equalBytes(content.slice(0, oid.length), oid));
}

/** The bits in the octet string of an extension; there may be a flag between that and the identifier. */
function bitsIn({ content }: Element): number | undefined {
  const octets = readElements(content)?.find(({ tag }) => tag === TAG.OCTET_STRING);
  const bits = octets === undefined ? undefined : readElement(octets.content);
  return bits === undefined ? undefined : bitsOf(bits);
}

function checkKeyUsage(usage: number, objectAttributes: number): FormatOneRc | undefined {
  const has = (name: Parameters<typeof TPMA_OBJECT.has>[1]): boolean => TPMA_OBJECT.has(objectAttributes, name);
  if (usage % 2 ** 23 !== 0) return TPM_RC.RESERVED_BITS;
  const unsuitable =
    (TPMA_X509_KEY_USAGE.intersects(usage, SIGNING) && !has("sign")) ||
    (TPMA_X509_KEY_USAGE.intersects(usage, DECRYPTING) && !has("decrypt")) ||
    (TPMA_X509_KEY_USAGE.has(usage, "nonrepudiation") && !has("fixedTPM")) ||
    (TPMA_X509_KEY_USAGE.has(usage, "keyEncipherment") && !has("restricted"));
  return unsuitable ? TPM_RC.VALUE : undefined;
}
