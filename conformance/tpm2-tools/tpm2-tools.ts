import { type Route, type Scenario, type ScenarioOptions, scenarios } from "../scenario.ts";

/** Over the simulator's the tools wait some 40 ms for each command, since they send it in two small segments. */
const routes: readonly [Route, Route] = [
  {
    name: "over swtpm's protocol",
    protocol: "swtpm",
    environment: (port) => ({ TPM2TOOLS_TCTI: `swtpm:host=127.0.0.1,port=${port}`, TSS2_LOG: "all+none" }),
  },
  {
    name: "over the TCG simulator's protocol",
    protocol: "mssim",
    environment: (port) => ({ TPM2TOOLS_TCTI: `mssim:host=127.0.0.1,port=${port}`, TSS2_LOG: "all+none" }),
  },
];

/** Declares tests that drive tpm2-tools. */
export function withTools(theme: string, body: (tpm: Scenario) => void, options?: ScenarioOptions): void {
  scenarios(theme, "tpm2-tools", routes, body, options);
}

/** Declares tests that drive tpm2-tools, once over each protocol. */
export function withToolsOverEachProtocol(
  theme: string,
  body: (tpm: Scenario) => void,
  options?: ScenarioOptions,
): void {
  withTools(theme, body, { ...options, eachProtocol: true });
}

/** The value after `name:` in the tools' YAML output. */
export function field(output: { readonly stdout: string }, name: string): string {
  const match = new RegExp(`^\\s*${name}:\\s*(.*)$`, "m").exec(output.stdout);
  if (match?.[1] === undefined) throw new Error(`no "${name}" in:\n${output.stdout}`);
  return match[1].trim();
}
