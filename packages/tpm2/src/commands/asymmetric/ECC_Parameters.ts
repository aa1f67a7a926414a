import { bigIntToBytes, type Curve } from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import {
  TPMI_ECC_CURVE,
  TPMS_ALGORITHM_DETAIL_ECC,
  type TPMT_KDF_SCHEME_NULLABLE,
} from "../../spec/structures/index.ts";
import { curveOf } from "../../subsystems/curves.ts";

/**
 * Returns the parameters of a curve.
 *
 * @spec Part 3, "TPM2_ECC_Parameters"
 */
export const ECC_Parameters = defineCommand({
  code: TPM_CC.ECC_Parameters,
  parameters: { curveID: TPMI_ECC_CURVE },
  response: { parameters: TPMS_ALGORITHM_DETAIL_ECC },
  execute(_tpm, { curveID }) {
    const curve = curveOf(curveID);
    const { p, a, b, G, n, h, bits, fieldSize, orderSize } = curve;
    const inField = (value: bigint): Bytes => bigIntToBytes(value, fieldSize);
    return {
      parameters: {
        curveID,
        keySize: bits,
        kdf: kdfOf(curve),
        sign: { scheme: TPM_ALG.NULL },
        p: inField(p),
        // Nothing but 0 is shorter than the field.
        a: a === 0n ? bigIntToBytes(a, 1) : inField(a),
        b: inField(b),
        gX: inField(G.x),
        gY: inField(G.y),
        n: bigIntToBytes(n, orderSize),
        h: bigIntToBytes(h, 1),
      },
    };
  },
});

/** The hash that goes with the strength of a curve; that of SM2 is told even by a TPM that does not have it. */
function kdfOf({ name, bits }: Curve): TPMT_KDF_SCHEME_NULLABLE {
  const kdf = (hashAlg: Extract<TPMT_KDF_SCHEME_NULLABLE, { details: object }>["details"]["hashAlg"]) =>
    ({ scheme: TPM_ALG.KDF1_SP800_56A, details: { hashAlg } }) as const;
  if (name === "BN_P256" || name === "BN_P638") return { scheme: TPM_ALG.NULL };
  if (name === "SM2_P256") return kdf(TPM_ALG.SM3_256);
  if (bits > 384) return kdf(TPM_ALG.SHA512);
  return kdf(bits > 256 ? TPM_ALG.SHA384 : TPM_ALG.SHA256);
}
