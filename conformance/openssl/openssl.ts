import { type Route, type Scenario, scenarios } from "../scenario.ts";

const route: Route = {
  name: "over swtpm's protocol",
  protocol: "swtpm",
  environment: (port) => ({
    TPM2TOOLS_TCTI: `swtpm:host=127.0.0.1,port=${port}`,
    TPM2OPENSSL_TCTI: `swtpm:host=127.0.0.1,port=${port}`,
    TSS2_LOG: "all+none",
  }),
};

/** Declares tests that use keys of the TPM through OpenSSL's tpm2 provider. */
export function withProvider(theme: string, body: (tpm: Scenario) => void): void {
  scenarios(theme, "tpm2-openssl", [route], body);
}

/** The options that let OpenSSL use the TPM beside its own algorithms. */
export const provider = "-provider tpm2 -provider default -propquery ?provider=tpm2";
