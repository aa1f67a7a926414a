import { createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { AsnConvert } from "@peculiar/asn1-schema";
import { SubjectPublicKeyInfo } from "@peculiar/asn1-x509";
import type { Bytes } from "@vtpm/wire";
import { nameOfAttributes } from "../certificate/distinguished-name.ts";
import {
  authorityKeyIdentifier,
  basicConstraints,
  issueCertificate,
  keyIdentifierOf,
  keyUsage,
  randomSerial,
  subjectKeyIdentifier,
} from "../certificate/issue-certificate.ts";
import type { Issuer } from "../certificate/issuer.ts";
import { keyInMemory } from "../certificate/private-key.ts";
import { signingKey } from "../certificate/signing-key.ts";

const KEY_BITS = 3072;
const VALID_DAYS = 36500;
const DAY_MS = 24 * 60 * 60 * 1000;
const COMMON_NAME = "2.5.4.3";

const generate = promisify(generateKeyPair);

/** A new key of an authority. */
export async function createAuthorityKey(): Promise<KeyObject> {
  const { privateKey } = await generate("rsa", { modulusLength: KEY_BITS });
  return privateKey;
}

/** The certificate of an authority: its own issuer unless there is one above it. */
export function createAuthority(commonName: string, privateKey: KeyObject, above: Issuer | undefined): Bytes {
  const name = nameOfAttributes([[COMMON_NAME, commonName]]);
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const publicKey = AsnConvert.parse(spki, SubjectPublicKeyInfo);
  const notBefore = new Date();
  const extensions = [
    basicConstraints(true),
    keyUsage("keyCertSign"),
    subjectKeyIdentifier(keyIdentifierOf(publicKey)),
  ];
  if (above !== undefined) extensions.push(authorityKeyIdentifier(above.keyIdentifier));
  return issueCertificate(
    {
      serial: randomSerial(),
      issuer: above?.name ?? name,
      subject: name,
      notBefore,
      notAfter: new Date(notBefore.getTime() + VALID_DAYS * DAY_MS),
      publicKey,
      extensions,
    },
    signingKey(above?.key ?? keyInMemory(`the key of ${commonName}`, privateKey), "authority"),
  );
}
