import { readFileSync } from "node:fs";
import { type Bytes, fromHex } from "@vtpm/wire";
import type { PERSISTENT_DATA } from "../state/data.ts";
import type { TestTpm } from "./test-tpm.ts";

/** A file of `vectors/libtpms`; what is in it, ORIGIN.md there says. */
export function readLibtpmsVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../vectors/libtpms/${name}.json`, import.meta.url), "utf8")) as T;
}

type SecretName = "EPSeed" | "SPSeed" | "PPSeed" | "phProof" | "shProof" | "ehProof";

/** Seeds and proofs, in hex, as far as they are to be set. */
export type Secrets = { readonly [K in SecretName | "nullSeed" | "nullProof"]?: string };

/** Gives a running TPM other secrets than it was manufactured with. */
export function setSecrets(test: TestTpm, secrets: Secrets, level: number): void {
  const { nv, ram } = test.tpm.state;
  const { nullSeed, nullProof, ...persistent } = secrets;
  const bytes: Partial<Record<SecretName, Bytes>> = {};
  for (const [name, hex] of Object.entries(persistent)) bytes[name as SecretName] = fromHex(hex); // the type's own names
  const levels: Partial<PERSISTENT_DATA> = {
    EPSeedCompatLevel: level,
    SPSeedCompatLevel: level,
    PPSeedCompatLevel: level,
  };
  const stateReset = {
    ...ram.stateReset,
    nullSeed: nullSeed === undefined ? ram.stateReset.nullSeed : fromHex(nullSeed),
    nullProof: nullProof === undefined ? ram.stateReset.nullProof : fromHex(nullProof),
    nullSeedCompatLevel: level,
  };
  test.tpm.state = {
    nv: { ...nv, persistent: { ...nv.persistent, ...bytes, ...levels } },
    ram: { ...ram, stateReset },
  };
}

/** Empties all transient slots. */
export function flushAll(test: TestTpm): void {
  const { nv, ram } = test.tpm.state;
  test.tpm.state = { nv, ram: { ...ram, objects: new Map() } };
}
