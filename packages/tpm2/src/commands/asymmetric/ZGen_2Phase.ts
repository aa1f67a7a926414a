import { exchangeEcdh, exchangeMqv, exchangeSm2 } from "@vtpm/crypto";
import { EMPTY, UINT16 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_ECC_POINT, TPMI_DH_OBJECT, TPMI_ECC_KEY_EXCHANGE } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { closeCommitment, openCommitment } from "../../subsystems/commitments.ts";
import { curveOf, pointOnCurve, pointToBytes } from "../../subsystems/curves.ts";
import { refuseEccDerivation } from "../../subsystems/ecc-derivation.ts";
import { eccPrivateKeyOf } from "../../subsystems/keys/ecc-key.ts";

const NO_POINT = { x: EMPTY, y: EMPTY };

/**
 * Completes a key exchange in which both sides have a static and an ephemeral key; ours is from TPM2_EC_Ephemeral.
 *
 * The MQV exchange of the reference code always fails; this one follows the standard.
 *
 * @spec Part 3, "TPM2_ZGen_2Phase"
 * @rc TYPE               the profile forbids it
 * @rc KEY (keyA)         not an ECC key
 * @rc ATTRIBUTES (keyA)  the key is restricted, or not for decryption
 * @rc SCHEME (inScheme)  not the scheme of the key, or none
 * @rc ECC_POINT (inQsB)  not on the curve of the key
 * @rc ECC_POINT (inQeB)  not on the curve of the key
 * @rc VALUE (counter)    not that of an unused ephemeral key
 * @rc NO_RESULT          the shared point is at infinity
 */
export const ZGen_2Phase = defineCommand({
  code: TPM_CC.ZGen_2Phase,
  handles: { keyA: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: {
    inQsB: TPM2B_ECC_POINT,
    inQeB: TPM2B_ECC_POINT,
    inScheme: TPMI_ECC_KEY_EXCHANGE,
    counter: UINT16,
  },
  response: { outZ1: TPM2B_ECC_POINT, outZ2: TPM2B_ECC_POINT },
  execute(tpm, { keyA, inQsB, inQeB, inScheme, counter }, at) {
    refuseEccDerivation(tpm);
    const key = tpm.objects.findKey(keyA);
    if (key?.publicArea.type !== TPM_ALG.ECC) throw at("keyA", TPM_RC.KEY);
    const { objectAttributes, parameters } = key.publicArea;
    if (TPMA_OBJECT.has(objectAttributes, "restricted") || !TPMA_OBJECT.has(objectAttributes, "decrypt")) {
      throw at("keyA", TPM_RC.ATTRIBUTES);
    }
    const own = parameters.scheme.scheme;
    if (own !== TPM_ALG.NULL && own !== inScheme) throw at("inScheme", TPM_RC.SCHEME);
    const curve = curveOf(parameters.curveID);
    const staticB = pointOnCurve(curve, inQsB);
    if (staticB === undefined) throw at("inQsB", TPM_RC.ECC_POINT);
    const ephemeralB = pointOnCurve(curve, inQeB);
    if (ephemeralB === undefined) throw at("inQeB", TPM_RC.ECC_POINT);
    const ephemeralA = openCommitment(tpm, curve.name, EMPTY, counter);
    if (ephemeralA === undefined) throw at("counter", TPM_RC.VALUE);

    const staticA = eccPrivateKeyOf(key);
    if (inScheme === TPM_ALG.ECDH) {
      const Z1 = exchangeEcdh(tpm.crypto, curve.name, staticA, staticB);
      const Z2 = exchangeEcdh(tpm.crypto, curve.name, ephemeralA, ephemeralB);
      if (Z1 === undefined || Z2 === undefined) throw new TpmError(TPM_RC.NO_RESULT);
      closeCommitment(tpm, counter);
      return { outZ1: pointToBytes(curve, Z1), outZ2: pointToBytes(curve, Z2) };
    }
    const exchange = inScheme === TPM_ALG.ECMQV ? exchangeMqv : exchangeSm2;
    const Z1 = exchange(tpm.crypto, curve.name, { staticA, ephemeralA, staticB, ephemeralB });
    if (Z1 === undefined) throw new TpmError(TPM_RC.NO_RESULT);
    closeCommitment(tpm, counter);
    return { outZ1: pointToBytes(curve, Z1), outZ2: NO_POINT };
  },
});
