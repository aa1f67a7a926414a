import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePortPair } from "./swtpm.ts";

const POWER_ON = 1;
const POWER_OFF = 2;
const SEND_COMMAND = 8;
const HANDSHAKE = 15;
const SESSION_END = 20;
const STOP = 21;
const SWTPM_INIT = 2;
const SWTPM_STOP = 14;

/** Offers the TCG simulator's two ports in front of a swtpm whose data port is `swtpmPort`. */
export async function serveMssim(swtpmPort: number): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const port = await freePortPair();
  const commands = createServer((client) => {
    track(client);
    const tpm = connect(swtpmPort, "127.0.0.1");
    track(tpm);
    client.once("close", () => tpm.destroy());
    serveCommands(client, tpm);
  });
  const platform = createServer((client) => {
    track(client);
    servePlatform(client, swtpmPort + 1);
  });
  await Promise.all([listen(commands, port), listen(platform, port + 1)]);
  return {
    port,
    close() {
      commands.close();
      platform.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function serveCommands(client: Socket, tpm: Socket): void {
  let pending = Buffer.alloc(0);
  let answer = Buffer.alloc(0);
  client.on("data", (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const code = pending.length >= 4 ? pending.readUInt32BE(0) : 0;
      if (code === SESSION_END || code === STOP) {
        client.end();
        return;
      }
      if (code === HANDSHAKE && pending.length >= 8) {
        client.write(Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]));
        pending = pending.subarray(8);
        continue;
      }
      if (code !== SEND_COMMAND || pending.length < 9) return;
      const size = pending.readUInt32BE(5);
      if (pending.length < 9 + size) return;
      tpm.write(pending.subarray(0, 9 + size));
      pending = pending.subarray(9 + size);
    }
  });
  tpm.on("data", (chunk) => {
    answer = Buffer.concat([answer, chunk]);
    client.write(answer);
    answer = Buffer.alloc(0);
  });
}

function servePlatform(client: Socket, controlPort: number): void {
  let pending = Buffer.alloc(0);
  let off = false;
  let chain = Promise.resolve();
  const control = async (code: number, body: number[]) => {
    const socket = connect(controlPort, "127.0.0.1");
    await once(socket, "connect");
    socket.write(Buffer.from([0, 0, 0, code, ...body]));
    await once(socket, "data");
    socket.destroy();
  };
  client.on("data", (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4) {
      const code = pending.readUInt32BE(0);
      pending = pending.subarray(4);
      if (code === SESSION_END || code === STOP) {
        client.end();
        return;
      }
      chain = chain.then(async () => {
        if (code === POWER_OFF) {
          off = true;
          await control(SWTPM_STOP, []);
        }
        if (code === POWER_ON && off) {
          off = false;
          await control(SWTPM_INIT, [0, 0, 0, 0]);
        }
        client.write(Buffer.alloc(4));
      });
    }
  });
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
}
