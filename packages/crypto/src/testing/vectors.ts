import { readFileSync } from "node:fs";
import type { CipherMode, CipherName, CurveName, HashName } from "../index.ts";

/** `vectors/published.json`; all values in hex but the texts. */
interface PublishedVectors {
  readonly hash: readonly { from: string; hashAlg: HashName; text: string; digest: string }[];
  readonly hmac: readonly { from: string; hashAlg: HashName; key: string; data: string; mac: string }[];
  readonly cipher: readonly {
    from: string;
    cipher: CipherName;
    mode: CipherMode;
    key: string;
    iv: string;
    plain: string;
    encrypted: string;
  }[];
  readonly cmac: readonly { from: string; cipher: CipherName; key: string; data: string; mac: string }[];
  readonly ecdsa: readonly {
    from: string;
    curve: CurveName;
    hashAlg: HashName;
    text: string;
    d: string;
    k: string;
    r: string;
    s: string;
  }[];
  readonly sm2: readonly { from: string; d: string; e: string; k: string; r: string; s: string }[];
}

/** Reads a file of this package's `vectors` folder. */
export function loadVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), "utf8")) as T;
}

export const published = loadVectors<PublishedVectors>("published");
