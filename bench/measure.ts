import type { Disk } from "./disk.ts";
import type { Exchange, Operation } from "./operations/operation.ts";
import type { Server } from "./servers.ts";
import { Client } from "./tpm/client.ts";
import { commands } from "./tpm/commands.ts";

/** What one server took for one operation, in microseconds. */
export interface Timing {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuMean: number;
}

interface Recorded {
  readonly time?: boolean;
  readonly cpu?: boolean;
}

class Contestant {
  readonly server: Server;
  readonly client: Client;
  readonly #latencies: number[] = [];
  readonly #cpu: number[] = [];
  #next: () => Exchange = () => ({ send: [] });

  constructor(server: Server) {
    this.server = server;
    this.client = new Client(server.connection);
  }

  async prepare(operation: Operation): Promise<void> {
    this.#next = await operation.prepare(this.client);
  }

  /** One exchange, of which the time or the server's processor time, or both, go into the record. */
  async exchange({ time = false, cpu = false }: Recorded): Promise<void> {
    const { send, check, cleanUp } = this.#next();
    const cpuBefore = cpu ? this.server.cpuMicroseconds() : 0;
    const begin = performance.now();
    let response: Buffer = Buffer.alloc(0);
    for (const command of send) response = await this.client.transact(command);
    const end = performance.now();
    if (cpu) this.#cpu.push(this.server.cpuMicroseconds() - cpuBefore);
    if (time) this.#latencies.push((end - begin) * 1000);
    check?.(response);
    for (const command of cleanUp?.(response) ?? []) await this.client.run(command);
  }

  timing(): Timing {
    const sorted = this.#latencies.sort((a, b) => a - b);
    const at = (fraction: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
    const cpuMean = this.#cpu.reduce((sum, each) => sum + each, 0) / this.#cpu.length;
    return { count: sorted.length, p50: at(0.5), p99: at(0.99), cpuMean };
  }
}

export interface Effort {
  /** How long each server is timed for a row. */
  readonly seconds: number;
  /** How long each server is used before that: a compiler that works at run time needs it. */
  readonly warmUpSeconds: number;
  /** How many exchanges of a slow row each server gets. */
  readonly slowCount: number;
}

/** Times an operation on all servers in turn, a few exchanges each at a time, and the disk, so that all see the same machine. */
export async function measure(
  operation: Operation,
  servers: readonly Server[],
  effort: Effort,
  disk?: Disk,
): Promise<readonly Timing[]> {
  const contestants = servers.map((server) => new Contestant(server));
  for (const contestant of contestants) await contestant.prepare(operation);
  // To ask for processor time takes as long as a short command, and longer the more threads a server has: the last of a batch alone
  // is asked for it, and is not timed.
  const batch: readonly Recorded[] = operation.slow
    ? [{ time: true, cpu: true }]
    : [...Array<Recorded>(9).fill({ time: true }), { cpu: true }];
  const warmEnd = performance.now() + effort.warmUpSeconds * 1000 * servers.length;
  for (let round = 0; operation.slow ? round < 1 : performance.now() < warmEnd; round++)
    for (const contestant of contestants) for (const _ of batch) await contestant.exchange({});
  const end = performance.now() + effort.seconds * 1000 * servers.length;
  for (let round = 0; operation.slow ? round < effort.slowCount : performance.now() < end; round++) {
    for (const contestant of contestants) for (const recorded of batch) await contestant.exchange(recorded);
    disk?.turn();
  }
  for (const contestant of contestants) await clear(contestant.client);
  return contestants.map((contestant) => contestant.timing());
}

/** Flushes objects and sessions and undefines the indices a row has left. */
async function clear(client: Client): Promise<void> {
  const handles = async (first: number) => {
    const list = await client.run(commands.getCapability(1, first, 64));
    return Array.from({ length: list.readUInt32BE(15) }, (_, i) => list.readUInt32BE(19 + 4 * i));
  };
  for (const first of [0x80000000, 0x02000000])
    for (const handle of await handles(first)) await client.run(commands.flush(handle));
  for (const index of await handles(0x01000000)) await client.run(commands.nvUndefine(index));
}
