import type { Bytes, HashName } from "@vtpm/crypto";
import { StartAuthSession } from "@vtpm/tpm2/commands";
import { TPM_ALG, TPM_RH, TPM_SE, type TPMT_PUBLIC, type TPMT_SYM_DEF_NULLABLE } from "@vtpm/tpm2/spec";
import { concatBytes, EMPTY } from "@vtpm/wire";
import type { CallerCrypto } from "./caller-crypto.ts";
import { createSalt } from "./salt.ts";
import { Session, withoutTrailingZeros } from "./session.ts";
import type { TpmClient } from "./tpm-client.ts";

/** AES-128 in CFB mode: the cipher that every TPM has. */
const AES_128_CFB = { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CFB } as const;
/** The least that the specification asks for. */
const NONCE_SIZE = 16;

export interface StartSessionOptions extends CallerCrypto {
  /** An HMAC session unless given. */
  readonly type?: "hmac" | "policy" | "trial";
  /** The loaded key that a salt is encrypted to. Without one, whoever knows the authValues knows the session's key. */
  readonly salt?: { readonly handle: number; readonly publicArea: TPMT_PUBLIC };
  /** The entity that the session is bound to, with its authValue. */
  readonly bind?: { readonly handle: number; readonly authValue: Bytes };
  /** The cipher of parameters; AES-128 unless given. */
  readonly symmetric?: TPMT_SYM_DEF_NULLABLE;
  /** SHA-256 unless given. */
  readonly hashAlg?: HashName;
}

const TYPES = { hmac: TPM_SE.HMAC, policy: TPM_SE.POLICY, trial: TPM_SE.TRIAL } as const;

/**
 * Starts a session; TPM2_FlushContext, or `end` with its last command, ends it.
 *
 * @example
 * const session = await startSession(client, { provider, random, salt: { handle, publicArea } });
 * const { data } = await client.call(NV_Read, input, [session.authorize(authValue, { encrypt: true })]);
 *
 * @spec Part 1, "Session Creation"
 */
export async function startSession(client: TpmClient, options: StartSessionOptions): Promise<Session> {
  const { type = "hmac", salt: saltKey, bind, symmetric = AES_128_CFB, hashAlg = "SHA256" } = options;
  const bound = bind && {
    name: await client.nameOf(bind.handle),
    authValue: withoutTrailingZeros(bind.authValue),
  };
  const salt = saltKey && createSalt(options, saltKey.publicArea);
  const nonceCaller = options.random.generate(NONCE_SIZE);
  const { sessionHandle, nonceTPM } = await client.call(StartAuthSession, {
    tpmKey: saltKey?.handle ?? TPM_RH.NULL,
    bind: bind?.handle ?? TPM_RH.NULL,
    nonceCaller,
    encryptedSalt: salt?.encrypted ?? EMPTY,
    sessionType: TYPES[type],
    symmetric,
    authHash: TPM_ALG[hashAlg],
  });
  return new Session(options, {
    handle: sessionHandle,
    isPolicy: type !== "hmac",
    hashAlg,
    symmetric,
    nonceTPM,
    nonceCaller,
    secret: concatBytes(bound?.authValue ?? EMPTY, salt?.secret ?? EMPTY),
    bound,
  });
}
