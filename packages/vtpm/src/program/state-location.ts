import { resolve } from "node:path";
import { UsageError } from "./usage-error.ts";

/** Where the state of a TPM is: a directory, or one file or block device with swtpm's linear layout. */
export type StateLocation =
  | { readonly directory: string; readonly linearFile?: undefined }
  | { readonly linearFile: string; readonly directory?: undefined };

/** Reads a location as swtpm writes it: `dir://D`, `file://F`; a path alone is a directory. */
export function stateLocation(option: string, text: string): StateLocation {
  const [, scheme, path = text] = /^([a-z]+):\/\/(.*)$/s.exec(text) ?? [];
  if (path === "") throw new UsageError(`${option} needs a path`);
  switch (scheme) {
    case undefined:
    case "dir":
      return { directory: resolve(path) };
    case "file":
      return { linearFile: resolve(path) };
    default:
      throw new UsageError(`${option} takes a directory, dir://DIRECTORY or file://FILE, not ${JSON.stringify(text)}`);
  }
}

/** The location in words that can be given again. */
export function locationText({ directory, linearFile }: StateLocation): string {
  return directory ?? `file://${linearFile}`;
}
