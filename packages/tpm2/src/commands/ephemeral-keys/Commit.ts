import { bigIntToBytes, bytesToBigInt, type Curve, commitEcdaa, type Point } from "@vtpm/crypto";
import { EMPTY, UINT16 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_ECC_PARAMETER,
  TPM2B_ECC_POINT,
  TPM2B_SENSITIVE_DATA,
  TPMI_DH_OBJECT,
  type TPMS_ECC_POINT,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { addCommitment, nextCommitment } from "../../subsystems/commitments.ts";
import { curveOf, pointOnCurve, pointToBytes } from "../../subsystems/curves.ts";
import { refuseEccDerivation } from "../../subsystems/ecc-derivation.ts";
import { hashNameOf } from "../../subsystems/hash-algorithms.ts";
import { eccPrivateKeyOf } from "../../subsystems/keys/ecc-key.ts";
import { isAnonymous } from "../../subsystems/schemes.ts";

/**
 * Makes the first half of an anonymous signature; TPM2_Sign and the attestations make the second with its counter.
 *
 * @spec Part 3, "TPM2_Commit"
 * @rc TYPE                 the profile forbids it
 * @rc KEY (signHandle)     not an ECC key
 * @rc SCHEME (signHandle)  the scheme of the key is not anonymous
 * @rc SIZE (y2)            only one of s2 and y2 is there
 * @rc HASH (signHandle)    s2 is to be hashed, and the key has no nameAlg
 * @rc ECC_POINT (s2)       the point of s2 and y2 is not on the curve
 * @rc ECC_POINT (P1)       not on the curve
 * @rc NO_RESULT            a point of the result is at infinity
 */
export const Commit = defineCommand({
  code: TPM_CC.Commit,
  handles: { signHandle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: { P1: TPM2B_ECC_POINT, s2: TPM2B_SENSITIVE_DATA, y2: TPM2B_ECC_PARAMETER },
  response: { K: TPM2B_ECC_POINT, L: TPM2B_ECC_POINT, E: TPM2B_ECC_POINT, counter: UINT16 },
  execute(tpm, { signHandle, P1, s2, y2 }, at) {
    refuseEccDerivation(tpm);
    const key = tpm.objects.findKey(signHandle);
    if (key?.publicArea.type !== TPM_ALG.ECC) throw at("signHandle", TPM_RC.KEY);
    const { nameAlg, parameters } = key.publicArea;
    if (!isAnonymous(parameters.scheme.scheme)) throw at("signHandle", TPM_RC.SCHEME);
    if ((s2.length === 0) !== (y2.length === 0)) throw at("y2", TPM_RC.SIZE);
    const curve = curveOf(parameters.curveID);

    let B: Point | undefined;
    if (s2.length > 0) {
      if (nameAlg === TPM_ALG.NULL) throw at("signHandle", TPM_RC.HASH);
      const x2 = bytesToBigInt(tpm.crypto.hash(hashNameOf(nameAlg), s2)) % curve.p;
      B = pointOnCurve(curve, { x: bigIntToBytes(x2, curve.fieldSize), y: y2 });
      if (B === undefined) throw at("s2", TPM_RC.ECC_POINT);
    }
    let M: Point | undefined;
    if (P1.x.length + P1.y.length > 0) {
      M = pointOnCurve(curve, P1);
      if (M === undefined) throw at("P1", TPM_RC.ECC_POINT);
    }

    const d = eccPrivateKeyOf(key);
    const r = nextCommitment(tpm, curve.name, key.name);
    const { K, L, E } = commitEcdaa(tpm.crypto, curve.name, { d, r, B, M });
    const wantsE = M !== undefined || B === undefined;
    return {
      K: result(curve, K, B !== undefined),
      L: result(curve, L, B !== undefined),
      E: result(curve, E, wantsE),
      counter: addCommitment(tpm),
    };
  },
});

/** A point of the response; empty if it was not asked for. */
function result(curve: Curve, point: Point | undefined, wanted: boolean): TPMS_ECC_POINT {
  if (!wanted) return { x: EMPTY, y: EMPTY };
  if (point === undefined) throw new TpmError(TPM_RC.NO_RESULT);
  return pointToBytes(curve, point);
}
