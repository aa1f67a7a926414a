import { cmac, cmacFinish, cmacStart, cmacUpdate, hmacFinish, hmacStart } from "@vtpm/crypto";
import { type Bytes, buffer, decode, EMPTY, encode, struct, UINT8, UINT16 } from "@vtpm/wire";
import type { At } from "../dispatch/command.ts";
import type { Engine } from "../engine.ts";
import { TPMA_OBJECT } from "../spec/attributes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import {
  TPMI_ALG_HASH,
  type TPMI_ALG_MAC_SCHEME_NULLABLE,
  type TPMT_PUBLIC_NULLABLE,
} from "../spec/structures/index.ts";
import { OBJECT_ATTRIBUTES, type SEQUENCE_SLOT, SLOT } from "../state/object.ts";
import { cipherOf } from "./ciphers.ts";
import { hashNameOf } from "./hash-algorithms.ts";
import { updateHash } from "./running-hash.ts";

/** How a MAC is made: an HMAC with a hash, or a CMAC with a block cipher. */
export type Mac =
  | { readonly kind: "hmac"; readonly hashAlg: number; readonly key: Bytes }
  | { readonly kind: "cmac"; readonly algorithm: number; readonly key: Bytes };

/**
 * The MAC that a key makes: its own, or the one that the command names, which must be the same if both are there.
 *
 * @rc TYPE (handle)        the key makes no MACs
 * @rc VALUE (inScheme)     not the scheme of the key, or none
 * @rc SCHEME (inScheme)    not a scheme for this kind of key
 * @rc HASH (inScheme)      the key's scheme has SHA-1, with which the profile makes no MACs
 * @rc ATTRIBUTES (handle)  the key is restricted
 * @rc KEY (handle)         the key does not sign
 */
export function selectMac(
  tpm: Engine,
  handle: number,
  inScheme: TPMI_ALG_MAC_SCHEME_NULLABLE,
  at: At<"handle" | "inScheme">,
): Mac {
  const key = tpm.objects.findKey(handle);
  const own = key === undefined ? undefined : ownMac(key.publicArea);
  if (key === undefined || own === undefined) throw at("handle", TPM_RC.TYPE);
  const differs = own !== TPM_ALG.NULL && inScheme !== TPM_ALG.NULL && own !== inScheme;
  const algorithm = inScheme === TPM_ALG.NULL ? own : inScheme;
  if (differs || algorithm === TPM_ALG.NULL) throw at("inScheme", TPM_RC.VALUE);

  const { publicArea, sensitive } = key;
  const fits = publicArea.type === TPM_ALG.SYMCIPHER ? algorithm === TPM_ALG.CMAC : TPMI_ALG_HASH.includes(algorithm);
  if (!fits) throw at("inScheme", TPM_RC.SCHEME);
  // As in libtpms the key's own scheme decides: a key without one may be used with SHA-1 by naming it.
  if (own === TPM_ALG.SHA1 && tpm.profile.attributes.has("no-sha1-hmac-creation")) throw at("inScheme", TPM_RC.HASH);
  if (TPMA_OBJECT.has(publicArea.objectAttributes, "restricted")) throw at("handle", TPM_RC.ATTRIBUTES);
  if (!TPMA_OBJECT.has(publicArea.objectAttributes, "sign")) throw at("handle", TPM_RC.KEY);
  if (sensitive?.sensitiveType === TPM_ALG.KEYEDHASH) {
    return { kind: "hmac", hashAlg: algorithm, key: sensitive.sensitive };
  }
  if (sensitive?.sensitiveType !== TPM_ALG.SYMCIPHER || publicArea.type !== TPM_ALG.SYMCIPHER) {
    throw new RangeError("the MAC key has no private part");
  }
  return { kind: "cmac", algorithm: publicArea.parameters.sym.algorithm, key: sensitive.sensitive };
}

/** The hash of an HMAC key, the mode of a symmetric key; `undefined` for other keys. */
function ownMac({ type, parameters }: TPMT_PUBLIC_NULLABLE): number | undefined {
  switch (type) {
    case TPM_ALG.KEYEDHASH:
      return parameters.scheme.scheme === TPM_ALG.NULL ? TPM_ALG.NULL : parameters.scheme.details.hashAlg;
    case TPM_ALG.SYMCIPHER:
      return parameters.sym.mode;
    default:
      return undefined;
  }
}

/** The MAC of data in one piece. */
export function macOf(tpm: Engine, mac: Mac, data: Bytes): Bytes {
  return mac.kind === "hmac"
    ? tpm.crypto.hmac(hashNameOf(mac.hashAlg), mac.key, data)
    : cmac(tpm.crypto, cipherOf(mac.algorithm).name, mac.key, data);
}

/** A CMAC computation at rest; its key is kept where an HMAC sequence has its own. */
const CMAC_STATE = struct("CMAC_STATE", { algorithm: UINT16, iv: buffer("iv", { max: 16 }), count: UINT8 });

/** A sequence that will give a MAC. */
export function startMac(tpm: Engine, mac: Mac, auth: Bytes): SEQUENCE_SLOT {
  const attributes = OBJECT_ATTRIBUTES.of({ temporary: true, hmacSeq: true });
  if (mac.kind === "hmac") {
    const { hash, key } = hmacStart(tpm.crypto, hashNameOf(mac.hashAlg), mac.key);
    const hashes = [{ ...hash, hashAlg: mac.hashAlg }];
    return { kind: SLOT.SEQUENCE, attributes, auth, hashes, hmacKey: key, mac: EMPTY };
  }
  const { algorithm } = mac;
  const { key, iv, count } = cmacStart(cipherOf(algorithm).name, mac.key);
  const state = encode(CMAC_STATE, { algorithm, iv, count });
  return { kind: SLOT.SEQUENCE, attributes, auth, hashes: [], hmacKey: key, mac: state };
}

/** The MAC sequence after more data. */
export function updateMac(tpm: Engine, sequence: SEQUENCE_SLOT, data: Bytes): SEQUENCE_SLOT {
  if (sequence.mac.length === 0) {
    return { ...sequence, hashes: sequence.hashes.map((state) => updateHash(tpm.crypto, state, data)) };
  }
  const { algorithm, ...rest } = decode(CMAC_STATE, sequence.mac);
  const before = { ...rest, cipher: cipherOf(algorithm).name, key: sequence.hmacKey };
  const { iv, count } = cmacUpdate(tpm.crypto, before, data);
  return { ...sequence, mac: encode(CMAC_STATE, { algorithm, iv, count }) };
}

/** The MAC of everything that the sequence was given. */
export function finishMac(tpm: Engine, { hashes, hmacKey, mac }: SEQUENCE_SLOT): Bytes {
  if (mac.length > 0) {
    const { algorithm, iv, count } = decode(CMAC_STATE, mac);
    return cmacFinish(tpm.crypto, { cipher: cipherOf(algorithm).name, key: hmacKey, iv, count });
  }
  const [state] = hashes;
  if (state === undefined) throw new RangeError("a MAC sequence without a state");
  return hmacFinish(tpm.crypto, { hash: { ...state, hashAlg: hashNameOf(state.hashAlg) }, key: hmacKey });
}
