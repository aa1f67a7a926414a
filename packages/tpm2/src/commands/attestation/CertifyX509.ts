import { type Bytes, concatBytes } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DATA,
  TPM2B_DIGEST,
  TPM2B_MAX_BUFFER,
  TPMI_DH_OBJECT,
  TPMI_DH_OBJECT_NULLABLE,
  TPMT_SIG_SCHEME_NULLABLE,
  TPMT_SIGNATURE,
} from "../../spec/structures/index.ts";
import { signerOf } from "../../subsystems/attestation.ts";
import { hashNameOf } from "../../subsystems/hash-algorithms.ts";
import { sign } from "../../subsystems/signatures.ts";
import { signatureAlgorithm, subjectPublicKeyInfo } from "../../subsystems/x509/algorithm-identifiers.ts";
import { element, integer, readElement, sequence, smallInteger, TAG } from "../../subsystems/x509/der.ts";
import { checkExtensions } from "../../subsystems/x509/extensions.ts";
import { readPartialCertificate } from "../../subsystems/x509/partial-certificate.ts";

const SERIAL_NUMBER_SIZE = 20;
/** What version 3 is called in a certificate. */
const VERSION_3 = element(TAG.CONTEXT, smallInteger(2));

/**
 * Completes and signs a certificate for a loaded key: version, serial number and public key are the TPM's, and the key usage
 * must suit the key.
 *
 * libtpms crashes where signHandle is TPM_RH_NULL, or a key without a nameAlg: here neither is a signing key, as soon as nothing
 * else is wrong that libtpms finds before.
 *
 * @spec Part 3, "TPM2_CertifyX509"
 * @rc SIZE (reserved)             is not empty
 * @rc KEY (signHandle)            not a signing key, none, or one without a nameAlg
 * @rc SCHEME (inScheme)           not a scheme that the key signs with
 * @rc ASYMMETRIC (objectHandle)   not a key that a certificate can hold
 * @rc VALUE (partialCertificate)  empty; not three or four sequences and the extensions in DER; no suitable key usage
 * @rc SIZE (partialCertificate)   not one sequence
 * @rc SCHEME (signHandle)         a scheme that a certificate cannot name
 * @rc ATTRIBUTES (objectHandle)   the certificate tells other attributes than those of the object
 * @rc RESERVED_BITS (partialCertificate)  a key usage that does not exist
 * @rc HASH  the profile does not sign with SHA-1
 */
export const CertifyX509 = defineCommand({
  code: TPM_CC.CertifyX509,
  handles: {
    objectHandle: authorized(TPMI_DH_OBJECT, "ADMIN"),
    signHandle: authorized(TPMI_DH_OBJECT_NULLABLE, "USER"),
  },
  parameters: { reserved: TPM2B_DATA, inScheme: TPMT_SIG_SCHEME_NULLABLE, partialCertificate: TPM2B_MAX_BUFFER },
  response: { addedToCertificate: TPM2B_MAX_BUFFER, tbsDigest: TPM2B_DIGEST, signature: TPMT_SIGNATURE },
  execute(tpm, { objectHandle, signHandle, reserved, inScheme, partialCertificate }, at) {
    if (reserved.length !== 0) throw at("reserved", TPM_RC.SIZE);
    const signer = signerOf(tpm, signHandle, inScheme, at);
    const object = tpm.objects.findKey(objectHandle);
    const publicKey = object && subjectPublicKeyInfo(object.publicArea);
    if (object === undefined || publicKey === undefined) throw at("objectHandle", TPM_RC.ASYMMETRIC);

    if (partialCertificate.length === 0) throw at("partialCertificate", TPM_RC.VALUE);
    const outer = readElement(partialCertificate);
    if (outer?.tag !== TAG.SEQUENCE || outer.bytes.length !== partialCertificate.length) {
      throw at("partialCertificate", TPM_RC.SIZE);
    }
    const partial = readPartialCertificate(outer.content);
    if (partial === undefined) throw at("partialCertificate", TPM_RC.VALUE);
    if (signer === undefined || signer.key.publicArea.nameAlg === TPM_ALG.NULL) throw at("signHandle", TPM_RC.KEY);
    const { key, scheme } = signer;
    const { issuer, validity, subject, extensions } = partial;
    const ownAlgorithm = partial.signature === undefined ? signatureAlgorithm(key.publicArea, scheme) : undefined;
    const algorithm = partial.signature ?? ownAlgorithm;
    if (algorithm === undefined) throw at("signHandle", TPM_RC.SCHEME);
    const refusal = checkExtensions(extensions, object.publicArea.objectAttributes);
    if (refusal === TPM_RC.ATTRIBUTES) throw at("objectHandle", refusal);
    if (refusal !== undefined) throw at("partialCertificate", refusal);

    const rest = [algorithm, issuer, validity, subject, publicKey, extensions.bytes];
    const serial = tpm.crypto.hash(hashNameOf(key.publicArea.nameAlg), ...rest, key.name, object.name);
    const serialNumber = integer(serial.slice(0, SERIAL_NUMBER_SIZE));
    const added = [VERSION_3, serialNumber, ownAlgorithm, publicKey].filter(
      (part): part is Bytes => part !== undefined,
    );
    const tbsDigest = tpm.crypto.hash(
      hashNameOf(scheme.details.hashAlg),
      sequence(concatBytes(VERSION_3, serialNumber, ...rest)),
    );
    return {
      addedToCertificate: sequence(...added),
      tbsDigest,
      signature: sign(tpm, key, scheme, tbsDigest),
    };
  },
});
