import { readFileSync } from "node:fs";
import { fromHex } from "@vtpm/wire";

/** A file of this package's `vectors` folder; its README says where they come from. */
export function readVector(name: string): Uint8Array {
  return fromHex(readText(name));
}

export function readJsonVector<T>(name: string): T {
  return JSON.parse(readText(name)) as T;
}

function readText(name: string): string {
  return readFileSync(new URL(`../../vectors/${name}`, import.meta.url), "utf8");
}
