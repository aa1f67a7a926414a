import type { Timing } from "./measure.ts";
import { Server, type ServerKind, type Transport } from "./servers.ts";
import { Client } from "./tpm/client.ts";
import { commands } from "./tpm/commands.ts";

/** Process start with a new state until TPM2_SelfTest(full) is answered; `p50` is wall time, `cpuMean` the server's CPU. */
export async function coldStarts(
  kinds: readonly ServerKind[],
  transport: Transport,
  directory: string,
  core: number | undefined,
  count: number,
): Promise<readonly Timing[]> {
  const records = kinds.map(() => ({ wall: [] as number[], cpu: 0 }));
  for (let round = 0; round < count; round++)
    for (const [i, kind] of kinds.entries()) {
      const record = records[i];
      if (record === undefined) continue;
      const begin = performance.now();
      const server = await Server.start(kind, transport, directory, core);
      const client = new Client(server.connection);
      await startUp(client);
      await client.run(commands.selfTest());
      record.wall.push((performance.now() - begin) * 1000);
      record.cpu += server.cpuMicroseconds();
      await server.stop();
    }
  return records.map(({ wall, cpu }) => {
    const sorted = wall.sort((a, b) => a - b);
    return {
      count,
      p50: sorted[sorted.length >> 1] ?? Number.NaN,
      p99: sorted.at(-1) ?? Number.NaN,
      cpuMean: cpu / count,
    };
  });
}

/** TPM2_Startup(CLEAR), unless the server has sent it itself. */
export async function startUp(client: Client): Promise<void> {
  const code = (await client.transact(commands.startup())).readUInt32BE(6);
  if (code !== 0 && code !== 0x100) throw new Error(`TPM2_Startup answered 0x${code.toString(16)}`);
}
