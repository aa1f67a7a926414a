/** How long a short command takes, and how much memory a server has, on each way to a TPM; runs in a guest, prints JSON. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";

const [, , node, vtpm] = process.argv;
const GET_RANDOM = Buffer.from("80010000000c0000017b0010", "hex");
const STARTUP = Buffer.from("80010000000c000001440000", "hex");
const WARM_UP = 300;
const COUNT = 300;

async function serve(...options) {
  const server = spawn(node, [vtpm, "serve", "--ephemeral", "--json", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(createInterface(server.stdout), "line");
  return server;
}

async function throughSocket(path) {
  const socket = connect(path);
  await once(socket, "connect");
  return {
    async exchange(command) {
      socket.write(command);
      const [response] = await once(socket, "data");
      return response;
    },
    close: () => socket.destroy(),
  };
}

async function throughDevice(path) {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 50));
  const fd = openSync(path, "r+");
  const response = Buffer.alloc(4096);
  return {
    async exchange(command) {
      writeSync(fd, command);
      return response.subarray(0, readSync(fd, response));
    },
    close: () => closeSync(fd),
  };
}

async function measure(way, open, ...options) {
  const server = await serve(...options);
  const client = await open();
  await client.exchange(STARTUP);
  const times = [];
  for (let i = 0; i < WARM_UP + COUNT; i++) {
    const start = process.hrtime.bigint();
    const response = await client.exchange(GET_RANDOM);
    const took = process.hrtime.bigint() - start;
    if (response.readUInt32BE(6) !== 0) throw new Error(`${way}: ${response.toString("hex")}`);
    if (i >= WARM_UP) times.push(Number(took) / 1000);
  }
  times.sort((a, b) => a - b);
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "latin1"))[1]);
  client.close();
  server.kill("SIGTERM");
  await once(server, "exit");
  console.log(`PATH ${JSON.stringify({ way, p50: times[COUNT / 2], p99: times[Math.floor(COUNT * 0.99)], rss })}`);
}

await measure("unix socket", () => throughSocket("/tmp/paths.sock"), "--socket", "/tmp/paths.sock");
await measure("vTPM proxy, /dev/tpm0", () => throughDevice("/dev/tpm0"), "--vtpm-proxy");
await measure("vTPM proxy, /dev/tpmrm0", () => throughDevice("/dev/tpmrm0"), "--vtpm-proxy");
await measure("CUSE", () => throughDevice("/dev/paths"), "--cuse", "paths");
