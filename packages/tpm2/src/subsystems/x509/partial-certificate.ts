import type { Bytes } from "@vtpm/wire";
import { type Element, readElements, TAG } from "./der.ts";

/** What a caller of TPM2_CertifyX509 brings of a certificate: the rest is the TPM's. */
export interface PartialCertificate {
  /** The signature algorithm, if the caller wants to name it. */
  readonly signature: Bytes | undefined;
  readonly issuer: Bytes;
  readonly validity: Bytes;
  readonly subject: Bytes;
  readonly extensions: Element;
}

/** `[3]` of a TBSCertificate. */
const EXTENSIONS = TAG.CONTEXT + 3;

/** Takes the content of the outer SEQUENCE apart: three or four sequences and the extensions. */
export function readPartialCertificate(content: Bytes): PartialCertificate | undefined {
  const elements = readElements(content);
  const sequences = elements?.filter(({ tag }) => tag === TAG.SEQUENCE).map(({ bytes }) => bytes) ?? [];
  const [extensions, ...others] = elements?.filter(({ tag }) => tag !== TAG.SEQUENCE) ?? [];
  if (extensions?.tag !== EXTENSIONS || others.length > 0 || sequences.length > 4) return undefined;
  const [subject, validity, issuer, signature] = sequences.reverse();
  if (issuer === undefined || validity === undefined || subject === undefined) return undefined;
  return { signature, issuer, validity, subject, extensions };
}
