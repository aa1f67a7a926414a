export { ClientError, type ClientErrorCode, TpmRefusal } from "./client-error.ts";
export { TpmClient } from "./tpm-client.ts";
export type { Transport } from "./transport.ts";
