/**
 * Compares our server with peers on this machine, in one run and interleaved, and checks the answers it times.
 * `npm run bench -- --help` tells the options.
 */
import { spawnSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { coldStarts, startUp } from "./cold-start.ts";
import { Disk } from "./disk.ts";
import { canManufacture, manufactures } from "./manufacture.ts";
import { measure } from "./measure.ts";
import { keyOperations } from "./operations/keys.ts";
import { largeCurveOperations } from "./operations/large-curves.ts";
import type { Operation } from "./operations/operation.ts";
import { sessionOperations } from "./operations/sessions.ts";
import { simpleOperations } from "./operations/simple.ts";
import { type Report, type Row, table } from "./report.ts";
import { Server, type ServerKind, serverKind, type Transport, whyMissing } from "./servers.ts";
import { Client } from "./tpm/client.ts";

const help = `npm run bench -- [options]
  --servers vtpm,swtpm   ours first, then the peer (default: both)
  --seconds N            how long each server is timed for a row (default 1)
  --warm-up N            how long each server is used before that (default 0.5)
  --keys N               how many RSA keys each server makes for a row (default 10; 150 for a mean to rely on)
  --starts N             how many cold starts (default 5)
  --manufactures N       how many TPMs swtpm_setup makes (default 5)
  --only TEXT            rows whose name contains TEXT
  --transport unix|tcp   (default unix)
  --state DIR            where the servers keep their state (default: the system's temporary folder)
  --core N|none          the processor core for this client and the servers (default 0)
  --json                 print the report as JSON`;

const TMPFS = 0x01021994;
/** The peer whose writes are as durable as ours. */
const SAFE_PEER = "swtpm-fsync";

const { values } = parseArgs({
  options: {
    servers: { type: "string", default: "vtpm,swtpm" },
    seconds: { type: "string", default: "1" },
    "warm-up": { type: "string", default: "0.5" },
    keys: { type: "string", default: "10" },
    starts: { type: "string", default: "5" },
    manufactures: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    transport: { type: "string", default: "unix" },
    state: { type: "string", default: tmpdir() },
    core: { type: "string", default: "0" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** Puts this process on one core: a wake-up across cores hides everything else. */
function pin(core: number): boolean {
  return spawnSync("taskset", ["-a", "-p", "-c", String(core), String(process.pid)], { stdio: "ignore" }).status === 0;
}

function chosenKinds(names: readonly string[], conditions: string[]): ServerKind[] {
  return names.flatMap((name) => {
    const kind = serverKind(name);
    if (kind === undefined) throw new Error(`unknown server "${name}"`);
    const missing = whyMissing(kind);
    if (missing === undefined) return [kind];
    conditions.push(`${missing}: nothing is compared with it.`);
    return [];
  });
}

/** Every chosen row on servers that run side by side; they are stopped whatever happens. */
async function timeOperations(
  operations: readonly Operation[],
  kinds: readonly ServerKind[],
  transport: Transport,
  core: number | undefined,
): Promise<{ rows: Row[]; memory: Report["memory"] }> {
  const effort = {
    seconds: Number(values.seconds),
    warmUpSeconds: Number(values["warm-up"]),
    slowCount: Number(values.keys),
  };
  const servers: Server[] = [];
  const rows: Row[] = [];
  try {
    for (const kind of kinds) servers.push(await Server.start(kind, transport, values.state, core));
    for (const server of servers) await startUp(new Client(server.connection));
    const idle = servers.map((server) => server.memory());
    for (const operation of operations) {
      process.stderr.write(`${operation.name}\n`);
      const { name, kind, metric, target } = operation;
      const disk = kind === "write to NV" ? new Disk(values.state) : undefined;
      const timings = await measure(operation, servers, effort, disk)
        .catch((cause: unknown) => {
          throw new Error(`in the row "${name}"`, { cause });
        })
        .finally(() => disk?.close());
      rows.push({ name, kind, metric, target, timings, disk: disk?.timing() });
    }
    const memory = servers.map((server, i) => ({ idle: idle[i] ?? server.memory(), after: server.memory() }));
    return { rows, memory };
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(help);
    return;
  }
  const conditions: string[] = [];
  const kinds = chosenKinds(values.servers.split(","), conditions);
  if (kinds.length === 0) throw new Error(conditions.join("\n"));
  const transport: Transport = values.transport === "tcp" ? "tcp" : "unix";
  const wanted = values.core === "none" ? undefined : Number(values.core);
  const core = wanted !== undefined && pin(wanted) ? wanted : undefined;
  conditions.push(core === undefined ? "Not pinned to one core: expect noise." : "Client and servers share one core.");
  if (statfsSync(values.state).type === TMPFS) conditions.push("The state is on tmpfs: syncing it costs nothing here.");
  conditions.push(
    `${transport} socket; ${values.seconds} s and ${values.keys} RSA keys each; Node ${process.version}.`,
  );

  const operations = [...simpleOperations, ...sessionOperations, ...keyOperations, ...largeCurveOperations].filter(
    ({ name }) => name.includes(values.only),
  );
  const { rows, memory } = await timeOperations(operations, kinds, transport, core);
  const [ours] = kinds;
  const writes = operations.filter(({ kind }) => kind === "write to NV");
  if (ours !== undefined && kinds.length > 1 && writes.length > 0) {
    const [safe] = chosenKinds([SAFE_PEER], conditions);
    const compared = safe && (await timeOperations(writes, [ours, safe], transport, core)).rows;
    rows.push(...(compared ?? []).map((row) => ({ ...row, name: `${row.name}, ${SAFE_PEER}`, target: undefined })));
  }
  if (Number(values.starts) > 0) {
    const timings = await coldStarts(kinds, transport, values.state, core, Number(values.starts));
    rows.push({ name: "cold start to SelfTest", metric: "cpu", target: { must: 2.2, aim: 1.6 }, timings });
  }
  const made = Number(values.manufactures);
  const names = kinds.map(({ name }) => name);
  if (made > 0 && canManufacture(names)) {
    const timings = await manufactures(names, values.state, made);
    rows.push({ name: "swtpm_setup with certificates", metric: "p50", target: { must: 0.5, aim: 0.4 }, timings });
  }
  const report: Report = { servers: kinds.map(({ name }) => name), conditions, rows, memory };
  console.log(values.json ? JSON.stringify(report, undefined, 2) : table(report));
}

await main();
