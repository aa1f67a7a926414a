import { UsageError } from "../usage-error.ts";
import type { Settings } from "./settings.ts";

/** Where the state of a TPM is: a directory of files, or one file. */
export type StateLocation = { readonly directory: string } | { readonly file: string };

/** What `--tpmstate`, or else the environment, names; `undefined` when nothing does. */
export function stateLocation({ tpmstate, defaultDirectory }: Settings): StateLocation | undefined {
  const uri = tpmstate?.["backend-uri"];
  if (tpmstate?.dir !== undefined) return { directory: tpmstate.dir };
  if (uri === undefined) return defaultDirectory === undefined ? undefined : { directory: defaultDirectory };
  const [, scheme, path = ""] = /^([a-z]+):\/\/(.*)$/.exec(uri) ?? [];
  if (scheme === "dir" && path !== "") return { directory: path };
  if (scheme === "file" && path !== "") return { file: path };
  throw new UsageError(`--tpmstate backend-uri is dir://DIRECTORY or file://FILE, not "${uri}"`);
}
