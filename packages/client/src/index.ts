export type { CallerCrypto } from "./caller-crypto.ts";
export { ClientError, type ClientErrorCode, TpmRefusal } from "./client-error.ts";
export type { Session, SessionOptions, SessionUse } from "./session.ts";
export { type StartSessionOptions, startSession } from "./start-session.ts";
export { type Authorization, TpmClient } from "./tpm-client.ts";
export type { Transport } from "./transport.ts";
