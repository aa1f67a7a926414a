import { type Route, type Scenario, scenarios } from "../scenario.ts";

const environment = (tcti: "swtpm" | "mssim") => (port: number) => ({
  TPM2TOOLS_TCTI: `${tcti}:host=127.0.0.1,port=${port}`,
  TPM2OPENSSL_TCTI: `${tcti}:host=127.0.0.1,port=${port}`,
  TSS2_LOG: "all+none",
});

const routes: readonly [Route, Route] = [
  { name: "over swtpm's protocol", protocol: "swtpm", environment: environment("swtpm") },
  { name: "over the TCG simulator's protocol", protocol: "mssim", environment: environment("mssim") },
];

/** Declares tests that use keys of the TPM through OpenSSL's tpm2 provider. */
export function withProvider(theme: string, body: (tpm: Scenario) => void): void {
  scenarios(theme, "tpm2-openssl", routes, body);
}

/** The options that let OpenSSL use the TPM beside its own algorithms. */
export const provider = "-provider tpm2 -provider default -propquery ?provider=tpm2";
