import { locationOfUri, type StateLocation } from "../state-location.ts";
import { UsageError } from "../usage-error.ts";
import type { Settings } from "./settings.ts";

/**
 * Where `--tpmstate`, or else the environment, says that the state is; `undefined` when nothing does. Paths stay as they are
 * written: with `--chroot` they mean a place below the new root.
 */
export function settledLocation({
  tpmstate,
  defaultDirectory,
}: Pick<Settings, "tpmstate" | "defaultDirectory">): StateLocation | undefined {
  const uri = tpmstate?.["backend-uri"];
  const directory = tpmstate?.dir ?? (uri === undefined ? defaultDirectory : undefined);
  if (directory !== undefined) return { directory };
  if (uri === undefined) return undefined;
  const location = locationOfUri(uri);
  if (location !== undefined) return location;
  throw new UsageError(`Unsupported backend: --tpmstate backend-uri is dir://DIRECTORY or file://FILE, not "${uri}"`);
}
