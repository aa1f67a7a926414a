import { pssSaltSize } from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";
import { uint32 } from "../../integer-bytes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import type { TPMT_PUBLIC_NULLABLE, TPMT_SIG_SCHEME } from "../../spec/structures/index.ts";
import { curveOf } from "../curves.ts";
import { hashNameOf } from "../hash-algorithms.ts";
import { rsaPublicKeyOf } from "../keys/rsa-key.ts";
import { bitString, DER_NULL, element, integer, sequence, smallInteger, TAG } from "./der.ts";
import { CURVE_OID, ECDSA_OID, HASH_OID, OID, RSASSA_OID } from "./oids.ts";

/** Precedes the coordinates of a point that is not compressed. */
const UNCOMPRESSED = Uint8Array.of(4);

/** How a certificate names its subject's key; `undefined` for keys that it cannot hold. @spec RFC 5280, "Subject Public Key Info" */
export function subjectPublicKeyInfo(publicArea: TPMT_PUBLIC_NULLABLE): Bytes | undefined {
  switch (publicArea.type) {
    case TPM_ALG.RSA: {
      const { modulus, exponent } = rsaPublicKeyOf(publicArea);
      const key = sequence(integer(modulus), integer(uint32(exponent)));
      return sequence(sequence(OID.rsaEncryption, DER_NULL), bitString(key));
    }
    case TPM_ALG.ECC: {
      const curve = CURVE_OID[curveOf(publicArea.parameters.curveID).name];
      if (curve === undefined) return undefined;
      const { x, y } = publicArea.unique;
      return sequence(sequence(OID.ecPublicKey, curve), bitString(UNCOMPRESSED, x, y));
    }
    default:
      return undefined;
  }
}

/** How a certificate names the signature scheme; `undefined` for those that it cannot. @spec RFC 5280, "Signature" */
export function signatureAlgorithm(signer: TPMT_PUBLIC_NULLABLE, scheme: TPMT_SIG_SCHEME): Bytes | undefined {
  const hash = hashNameOf(scheme.details.hashAlg);
  switch (scheme.scheme) {
    case TPM_ALG.RSASSA:
      return sequence(RSASSA_OID[hash], DER_NULL);
    case TPM_ALG.ECDSA:
      return sequence(ECDSA_OID[hash]);
    case TPM_ALG.RSAPSS: {
      // SHA-1 with 20 bytes of salt is what no parameters stand for.
      if (hash === "SHA1") return sequence(OID.rsassaPss, DER_NULL);
      const algorithm = sequence(HASH_OID[hash], DER_NULL);
      const saltSize = pssSaltSize(hash, signer.type === TPM_ALG.RSA ? signer.unique.length : 0);
      const parameters = sequence(
        element(TAG.CONTEXT, algorithm),
        element(TAG.CONTEXT + 1, sequence(OID.mgf1, algorithm)),
        element(TAG.CONTEXT + 2, smallInteger(saltSize)),
      );
      return sequence(OID.rsassaPss, parameters);
    }
    default:
      return undefined;
  }
}
