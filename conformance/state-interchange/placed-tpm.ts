import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { peerProgram } from "../../bench/swtpm-programs.ts";
import { command as plain, RawTpm, u16, u32 } from "../raw-tpm.ts";
import { freePortPair } from "../servers/swtpm.ts";

/** Who may have the TPM: both are told what to do by swtpm's command line. */
export interface Owner {
  readonly name: string;
  readonly command: readonly string[];
}
export const debians: Owner = { name: "Debian's swtpm", command: [peerProgram("swtpm")] };
export const ours: Owner = {
  name: "vtpm's swtpm",
  command: [process.execPath, fileURLToPath(new URL("../../node_modules/.bin/swtpm", import.meta.url))],
};

const CONTROL = { INIT: 2, GET_STATEBLOB: 0x0c, SET_STATEBLOB: 0x0d, SHUTDOWN: 3 } as const;
const BLOBS = { permanent: 1, volatile: 2 } as const;
const TPM_RC_RETRY = 0x922;
/** Of GET_STATEBLOB: the state shall leave without the encryption it is stored with. */
const DECRYPTED = 1;

export interface StartOptions {
  /** Further words of the command line, such as `--key`. */
  readonly args?: readonly string[];
  /** Powered on by INIT only, so that state can be put in before. */
  readonly off?: boolean;
}

/** A TPM whose state is in a place that others have it in before and after. */
export class PlacedTpm {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #control: Socket;
  readonly tpm: RawTpm;

  private constructor(child: ChildProcess, exited: Promise<unknown>, tpm: RawTpm, control: Socket) {
    this.#child = child;
    this.#exited = exited;
    this.tpm = tpm;
    this.#control = control;
  }

  static async start({ name, command }: Owner, uri: string, options: StartOptions = {}): Promise<PlacedTpm> {
    for (let attempt = 0; ; attempt++) {
      const port = await freePortPair();
      const [program = "", ...words] = command;
      const args = [
        ["socket", "--tpm2", "--tpmstate", `backend-uri=${uri}`],
        ["--server", `type=tcp,port=${port}`, "--ctrl", `type=tcp,port=${port + 1}`],
        options.off === true ? [] : ["--flags", "not-need-init"],
        options.args ?? [],
      ].flat();
      const child = spawn(program, [...words, ...args], { stdio: ["ignore", "ignore", "pipe"] });
      let log = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        log += text;
      });
      const exited = once(child, "exit");
      const control = await reach(port + 1, child);
      const data = control && (await reach(port, child));
      data?.destroy();
      if (control !== undefined && data !== undefined) {
        return new PlacedTpm(child, exited, await RawTpm.open({ framing: "raw", port }), control);
      }
      if (attempt === 3) throw new Error(`${name} did not start:\n${log}`);
    }
  }

  /** A state blob, as it travels. */
  async blob(type: keyof typeof BLOBS): Promise<Buffer> {
    const body = Buffer.concat([u32(DECRYPTED), u32(BLOBS[type]), u32(0)]);
    const head = await this.#ask(CONTROL.GET_STATEBLOB, body, 16);
    if (head.readUInt32BE(0) !== 0) throw new Error(`no ${type} blob: 0x${head.readUInt32BE(0).toString(16)}`);
    const size = head.readUInt32BE(12);
    let rest = head.subarray(16);
    while (rest.length < size) rest = Buffer.concat([rest, ((await once(this.#control, "data")) as [Buffer])[0]]);
    return rest;
  }

  async setBlob(type: keyof typeof BLOBS, blob: Buffer): Promise<void> {
    await this.#succeed(CONTROL.SET_STATEBLOB, Buffer.concat([u32(0), u32(BLOBS[type]), u32(blob.length), blob]));
  }

  async powerOn(): Promise<void> {
    await this.#succeed(CONTROL.INIT, u32(1));
  }

  /** An orderly end; Debian's swtpm leaves TPM2_Shutdown to its clients. */
  async end(): Promise<void> {
    await answered(this.tpm, plain(0x145, u16(0)));
    await this.tpm.close();
    this.#control.write(u32(CONTROL.SHUTDOWN));
    await this.#exited;
    this.#control.destroy();
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
    this.#control.destroy();
  }

  async #succeed(code: number, body: Buffer): Promise<void> {
    const result = (await this.#ask(code, body, 4)).readUInt32BE(0);
    if (result !== 0) throw new Error(`control command ${code} answered 0x${result.toString(16)}`);
  }

  async #ask(code: number, body: Buffer, size: number): Promise<Buffer> {
    this.#control.write(Buffer.concat([u32(code), body]));
    let answer = Buffer.alloc(0);
    while (answer.length < size) answer = Buffer.concat([answer, ((await once(this.#control, "data")) as [Buffer])[0]]);
    return answer;
  }
}

/** A connection as soon as there can be one; `undefined` when the process is gone. */
async function reach(port: number, child: ChildProcess): Promise<Socket | undefined> {
  while (child.exitCode === null) {
    const socket = connect(port, "127.0.0.1");
    const connected = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (connected) return socket;
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return undefined;
}

/** A command with a password for each of its handles that needs one. */
export function authorized(
  code: number,
  handles: readonly number[],
  passwords: readonly string[],
  ...parameters: readonly Buffer[]
): Buffer {
  const sessions = Buffer.concat(
    passwords.map((password) =>
      Buffer.concat([u32(0x40000009), u16(0), Buffer.alloc(1), u16(password.length), Buffer.from(password)]),
    ),
  );
  const body = Buffer.concat([...handles.map(u32), u32(sessions.length), sessions, ...parameters]);
  return Buffer.concat([u16(0x8002), u32(10 + body.length), u32(code), body]);
}

/** Bytes behind their size. */
export const sized = (bytes: Uint8Array): Buffer => Buffer.concat([u16(bytes.length), bytes]);

/** libtpms 0.9 has the first command sent again that touches dictionary attack protection after a start. */
export async function executed(tpm: RawTpm, request: Buffer): Promise<Buffer> {
  const response = await tpm.execute(request);
  return response.readUInt32BE(6) === TPM_RC_RETRY ? tpm.execute(request) : response;
}

/** The handle or parameters of a response that must be good. */
export async function answered(tpm: RawTpm, request: Buffer): Promise<Buffer> {
  const response = await executed(tpm, request);
  if (response.readUInt32BE(6) !== 0) throw new Error(`response code 0x${response.readUInt32BE(6).toString(16)}`);
  return response.subarray(10);
}
