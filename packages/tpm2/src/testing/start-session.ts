import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import { StartAuthSession } from "../commands/session/StartAuthSession.ts";
import { TPM_ALG, TPM_SE } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import type { TPMT_SYM_DEF_NULLABLE } from "../spec/structures/index.ts";
import { hash, text } from "./caller-crypto.ts";
import { TestSession } from "./test-session.ts";
import type { TestTpm } from "./test-tpm.ts";

/** AES-128 in CFB, what most callers encrypt parameters with. */
export const AES_128_CFB = { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CFB } as const;

/** What kind of session to start; by default an unbound, unsalted HMAC session with SHA-256. */
export interface StartOptions {
  readonly sessionType?: number;
  readonly hashAlg?: number;
  readonly symmetric?: TPMT_SYM_DEF_NULLABLE;
  /** The entity to bind to, and its authValue. */
  readonly bind?: number;
  readonly bindAuth?: Bytes;
  /** The key that decrypts the salt, the salt, and how it is sent. */
  readonly tpmKey?: number;
  readonly salt?: Bytes;
  readonly encryptedSalt?: Bytes;
  readonly nonceSize?: number;
}

let started = 0;

/** Starts a session and derives its key on the caller's side. */
export function startSession(test: TestTpm, options: StartOptions = {}): TestSession {
  const { hashAlg = TPM_ALG.SHA256, symmetric = { algorithm: TPM_ALG.NULL }, bind = TPM_RH.NULL } = options;
  const { bindAuth = EMPTY, tpmKey = TPM_RH.NULL, salt = EMPTY, encryptedSalt = EMPTY, nonceSize = 20 } = options;
  const nonceCaller = hash(TPM_ALG.SHA512, text(`nonce ${started++}`)).slice(0, nonceSize);
  const answer = test.run(StartAuthSession, {
    tpmKey,
    bind,
    nonceCaller,
    encryptedSalt,
    sessionType: options.sessionType ?? TPM_SE.HMAC,
    symmetric,
    authHash: hashAlg,
  });
  if (answer.rc !== 0) throw new Error(`TPM2_StartAuthSession: ${answer.text}`);
  const { sessionHandle: handle, nonceTPM } = answer.out;
  const session = new TestSession({ handle, hashAlg, nonceTPM, nonceCaller, symmetric });
  const isKeyless = bind === TPM_RH.NULL && salt.length === 0;
  return isKeyless ? session : session.deriveKey(concatBytes(bindAuth, salt));
}

/** Starts a policy session; without TPM2_PolicyAuthValue its HMACs need no authValue. */
export function startPolicy(test: TestTpm, options: StartOptions = {}): TestSession {
  const session = startSession(test, { sessionType: TPM_SE.POLICY, ...options });
  session.leavesOutAuthValue = true;
  return session;
}

/** Starts a trial session. */
export function startTrial(test: TestTpm, options: StartOptions = {}): TestSession {
  return startPolicy(test, { ...options, sessionType: TPM_SE.TRIAL });
}
