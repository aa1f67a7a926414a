import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** PCR values in lower-case hex by "bank pcr", such as "sha256 7". */
export type PcrValues = ReadonlyMap<string, string>;

/** What a guest has reported under a name: what was measured into its TPM, by two witnesses. */
export interface Measurements {
  /** Recomputed from the firmware's event log by somebody else's program. */
  readonly replayed: PcrValues;
  /** What the kernel reads from the TPM. */
  readonly read: PcrValues;
  readonly driver: string;
  readonly version: string;
  /** Names of the kinds of events in the log. */
  readonly events: readonly string[];
}

export function readMeasurements(directory: string, name: string): Measurements {
  const text = (suffix: string) => readFileSync(join(directory, `${name}.${suffix}`), "utf8").trim();
  const eventLog = execFileSync("tpm2_eventlog", [join(directory, `${name}.log`)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 1 << 26,
  });
  const read = text("pcrs")
    .split("\n")
    .map((line): [string, string] => {
      const [bank = "", pcr = "", value = ""] = line.split(" ");
      return [`${bank} ${pcr}`, value.toLowerCase()];
    });
  return {
    replayed: replayedPcrs(eventLog),
    read: new Map(read),
    driver: text("driver"),
    version: text("version"),
    events: [...eventLog.matchAll(/EventType: (\w+)/g)].map(([, type = ""]) => type),
  };
}

/** The section of tpm2_eventlog's output that has the final values: a line for each bank, then lines "  7  : 0x...". */
function replayedPcrs(output: string): PcrValues {
  const values = new Map<string, string>();
  let bank = "";
  for (const line of output.slice(output.lastIndexOf("\npcrs:")).split("\n")) {
    const [, name] = /^ {2}(\w+):$/.exec(line) ?? [];
    if (name !== undefined) bank = name;
    const [, pcr, value = ""] = /^ {4}(\d+) *: 0x([0-9a-f]+)$/.exec(line) ?? [];
    if (pcr !== undefined) values.set(`${bank} ${pcr}`, value);
  }
  return values;
}
