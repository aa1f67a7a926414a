import { beforeEach, expect, test } from "vitest";
import { type Route, type Scenario, type ScenarioOptions, scenarios } from "../scenario.ts";

function environment(type: "raw" | "mssim") {
  return (port: number, directory: string) => ({
    TPM_INTERFACE_TYPE: "socsim",
    TPM_SERVER_TYPE: type,
    TPM_SERVER_NAME: "localhost",
    TPM_COMMAND_PORT: String(port),
    TPM_PLATFORM_PORT: String(port + 1),
    TPM_DATA_DIR: directory,
    TPM_ENCRYPT_SESSIONS: "0",
  });
}

/** The simulator's protocol is IBM's. */
const routes: readonly [Route, Route] = [
  { name: "over the TCG simulator's protocol", protocol: "mssim", environment: environment("mssim") },
  { name: "over swtpm's protocol", protocol: "swtpm", environment: environment("raw") },
];

/** A command line that must succeed, or one that must be refused with the given response code. */
export type Step = string | readonly [line: string, refusedWith: number];

/**
 * A sentence and the command lines that show it. Every sequence begins with no object and no session loaded, so the
 * first object is 80000000 and the first session 02000000 (HMAC) or 03000000 (policy).
 */
export type Sequence = readonly [name: string, ...steps: Step[]];

/** Declares tests that drive IBM's command-line programs. */
export function withIbmTss(theme: string, body: (tpm: Scenario) => void, options?: ScenarioOptions): void {
  scenarios(
    theme,
    "IBM TSS",
    routes,
    (tpm) => {
      beforeEach(async () => {
        expect(await tpm.server.with((raw) => raw.execute(clear))).toEqual(cleared);
        tpm.write("message", "the message");
        tpm.write("secret", "the secret of 28 bytes lengt");
        tpm.write("block", Buffer.alloc(64, 0x5a));
        tpm.write("inner.key", Buffer.alloc(16, 0x33));
      });
      body(tpm);
    },
    { ...options, keepObjects: true },
  );
}

/** One test for each sequence. */
export function sequences(theme: string, table: readonly Sequence[], options?: ScenarioOptions): void {
  withIbmTss(
    theme,
    (tpm) => {
      for (const [name, ...steps] of table)
        test(name, async () => {
          for (const step of steps) {
            if (typeof step === "string") await tpm.run(step);
            else await tpm.refused(...step);
          }
        });
    },
    options,
  );
}

/** Steps that leave the digest of a policy in a file, from the policy commands without their session. */
export function policyDigest(file: string, ...policy: string[]): readonly string[] {
  return [
    "tssstartauthsession -se t",
    ...policy.map((line) => `${line} -ha 03000000`),
    `tsspolicygetdigest -ha 03000000 -of ${file}`,
    "tssflushcontext -ha 03000000",
  ];
}

/** Steps that open a policy session that has run the policy commands. */
export function policySession(...policy: string[]): readonly string[] {
  return ["tssstartauthsession -se p", ...policy.map((line) => `${line} -ha 03000000`)];
}

/** TPM2_Clear by the platform: no test sees what another left. */
const clear = Buffer.from("80020000001b000001264000000c00000009400000090000000000", "hex");
const cleared = Buffer.from("80020000001300000000000000000000010000", "hex");

export const primary = "tsscreateprimary -hi o -ecc nistp256 -st";
