import { resolve } from "node:path";
import { UsageError } from "./usage-error.ts";

/** Where the state of a TPM is: a directory, or one file or block device with swtpm's linear layout. */
export type StateLocation =
  | { readonly directory: string; readonly linearFile?: undefined }
  | { readonly linearFile: string; readonly directory?: undefined };

/** What `dir://DIRECTORY` or `file://FILE` names, its path as it is written; nothing for any other text. */
export function locationOfUri(uri: string): StateLocation | undefined {
  const [, scheme, path = ""] = /^(dir|file):\/\/(.+)$/s.exec(uri) ?? [];
  if (path === "") return undefined;
  return scheme === "dir" ? { directory: path } : { linearFile: path };
}

/** Reads a location as swtpm writes it, or the path of a directory. It stays the same wherever the process goes from here. */
export function stateLocation(option: string, text: string): StateLocation {
  if (/^((dir|file):\/\/)?$/.test(text)) throw new UsageError(`${option} needs a path`);
  const { directory, linearFile } = locationOfUri(text) ?? { directory: text };
  if (linearFile !== undefined) return { linearFile: resolve(linearFile) };
  if (/^[a-z]+:\/\//.test(directory)) {
    throw new UsageError(`${option} takes a directory, dir://DIRECTORY or file://FILE, not ${JSON.stringify(text)}`);
  }
  return { directory: resolve(directory) };
}

/** The location in words that can be given again. */
export function locationText({ directory, linearFile }: StateLocation): string {
  return directory ?? `file://${linearFile}`;
}
