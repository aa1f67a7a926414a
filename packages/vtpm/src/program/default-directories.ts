import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** Where a user's programs keep their data: the XDG base directory specification. */
function dataDirectory({ XDG_DATA_HOME: base }: NodeJS.ProcessEnv): string {
  return base !== undefined && isAbsolute(base) ? base : join(homedir(), ".local", "share");
}

/** Where a user's TPM is. */
export const defaultStateDirectory = (environment: NodeJS.ProcessEnv): string =>
  join(dataDirectory(environment), "vtpm");

/** Where the CA is that certifies a user's TPMs. */
export const defaultCaDirectory = (environment: NodeJS.ProcessEnv): string =>
  join(dataDirectory(environment), "vtpm-ca");
