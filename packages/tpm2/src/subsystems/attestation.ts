import { bytesToBigInt } from "@vtpm/crypto";
import { type Bytes, concatBytes, EMPTY, encode } from "@vtpm/wire";
import type { At } from "../dispatch/command.ts";
import type { Engine } from "../engine.ts";
import { uint32 } from "../integer-bytes.ts";
import { TPM_ALG, TPM_GENERATED_VALUE } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import {
  TPMS_ATTEST,
  type TPMS_CLOCK_INFO,
  type TPMT_SIG_SCHEME,
  type TPMT_SIG_SCHEME_NULLABLE,
  type TPMT_SIGNATURE_NULLABLE,
} from "../spec/structures/index.ts";
import { type KEY_SLOT, OBJECT_ATTRIBUTES } from "../state/object.ts";
import { hashNameOf } from "./hash-algorithms.ts";
import { kdfa } from "./kdfa.ts";
import { isAnonymous, isSigningKey, selectSignScheme } from "./schemes.ts";
import { sign } from "./signatures.ts";

/** A key that signs and the scheme it does it with. */
export interface Signer {
  readonly key: KEY_SLOT;
  readonly scheme: TPMT_SIG_SCHEME;
}

/**
 * Finds what a handle signs with; nothing for TPM_RH_NULL, whose attestations go out without a signature.
 *
 * @rc KEY (signHandle)   not a signing key
 * @rc SCHEME (inScheme)  not a scheme that the key signs with
 */
export function signerOf(
  tpm: Engine,
  signHandle: number,
  inScheme: TPMT_SIG_SCHEME_NULLABLE,
  at: At<"signHandle" | "inScheme">,
): Signer | undefined {
  if (signHandle === TPM_RH.NULL) return undefined;
  const key = tpm.objects.findKey(signHandle);
  if (key === undefined || !isSigningKey(key.publicArea)) throw at("signHandle", TPM_RC.KEY);
  const scheme = selectSignScheme(key.publicArea, inScheme);
  if (scheme === undefined) throw at("inScheme", TPM_RC.SCHEME);
  return { key, scheme };
}

type PartOf<A> = A extends TPMS_ATTEST ? Pick<A, "type" | "attested"> : never;

/** What is attested: the part of TPMS_ATTEST that differs from command to command. */
export type Statement = PartOf<TPMS_ATTEST>;

/** An attestation, as it was signed, and its signature. */
export interface Attestation {
  readonly attest: Bytes;
  readonly signature: TPMT_SIGNATURE_NULLABLE;
}

/** Whether signing must not tell who signs. */
export const hidesSigner = (signer: Signer | undefined): boolean =>
  signer !== undefined && isAnonymous(signer.scheme.scheme);

/** Makes and signs an attestation. @spec Part 1, "Attestation" */
export function attest(
  tpm: Engine,
  signer: Signer | undefined,
  qualifyingData: Bytes,
  statement: Statement,
): Attestation {
  const anonymous = hidesSigner(signer);
  const qualifiedSigner = nameOfSigner(signer);
  const bytes = encode(TPMS_ATTEST, {
    magic: TPM_GENERATED_VALUE,
    qualifiedSigner,
    extraData: anonymous ? EMPTY : qualifyingData,
    ...clockAndFirmware(tpm, signer, qualifiedSigner),
    ...statement,
  });
  if (signer === undefined) return { attest: bytes, signature: { sigAlg: TPM_ALG.NULL } };

  const hash = hashNameOf(signer.scheme.details.hashAlg);
  const content = tpm.crypto.hash(hash, bytes);
  // An anonymous attestation must not show the qualifying data, so it is bound to them in this way.
  const bound = anonymous && qualifyingData.length > 0;
  const digest = bound ? tpm.crypto.hash(hash, concatBytes(qualifyingData, content)) : content;
  const signature = sign(tpm, signer.key, signer.scheme, digest);
  tpm.clearOrderly();
  return { attest: bytes, signature };
}

function nameOfSigner(signer: Signer | undefined): Bytes {
  if (signer === undefined) return uint32(TPM_RH.NULL);
  return isAnonymous(signer.scheme.scheme) ? EMPTY : signer.key.qualifiedName;
}

interface ClockAndFirmware {
  readonly clockInfo: TPMS_CLOCK_INFO;
  readonly firmwareVersion: bigint;
}

/**
 * Boot counts and firmware version, which together would identify the TPM: signers outside of the endorsement and platform
 * hierarchies see them shifted by amounts of their own.
 *
 * @spec Part 1, "Obfuscation of Attestation"
 */
function clockAndFirmware(tpm: Engine, signer: Signer | undefined, qualifiedSigner: Bytes): ClockAndFirmware {
  const { clockInfo } = tpm.clock.timeInfo();
  const firmwareVersion = firmwareVersionOf(tpm);
  if (signer !== undefined && mayIdentify(signer.key.attributes)) return { clockInfo, firmwareVersion };
  const shifts = kdfa(tpm, {
    hashAlg: "SHA512",
    key: tpm.persistent.shProof,
    label: "OBFUSCATE",
    contextU: qualifiedSigner,
    contextV: EMPTY,
    bits: 128,
  });
  // libtpms takes the bytes as numbers of the machine, which is little-endian.
  const forFirmware = bytesToBigInt(shifts.slice(0, 8).reverse());
  const forRestarts = Number(bytesToBigInt(shifts.slice(8, 12).reverse()));
  const forResets = Number(bytesToBigInt(shifts.slice(12, 16).reverse()));
  return {
    clockInfo: {
      ...clockInfo,
      resetCount: (clockInfo.resetCount + forResets) % 2 ** 32,
      restartCount: (clockInfo.restartCount + forRestarts) % 2 ** 32,
    },
    firmwareVersion: BigInt.asUintN(64, firmwareVersion + forFirmware),
  };
}

function mayIdentify(attributes: number): boolean {
  return OBJECT_ATTRIBUTES.has(attributes, "epsHierarchy") || OBJECT_ATTRIBUTES.has(attributes, "ppsHierarchy");
}

/** The firmware version as one number. */
export function firmwareVersionOf({ persistent }: Engine): bigint {
  return BigInt(persistent.firmwareV1) * 2n ** 32n + BigInt(persistent.firmwareV2);
}
