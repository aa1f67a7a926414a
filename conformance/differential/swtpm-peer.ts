import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Profile } from "@vtpm/tpm2";
import type { Peer } from "@vtpm/tpm2/testing/fuzz";
import { type Bytes, concatBytes, EMPTY, Reader } from "@vtpm/wire";
import { command, RawTpm, u32 } from "../raw-tpm.ts";
import type { ServerProcess } from "../servers/server.ts";
import { swtpm } from "../servers/swtpm.ts";

const INIT = 2;
const SET_LOCALITY = 5;
const STOP = 14;
const READ_PUBLIC = 0x173;
const NV_READ_PUBLIC = 0x169;

/** swtpm with the given state, spoken to by its data and control channels. */
export class SwtpmPeer implements Peer {
  readonly profile: Profile;
  readonly #directory: string;
  readonly #server: ServerProcess;
  readonly #data: RawTpm;
  readonly #control: Socket;
  #locality = 0;

  private constructor(profile: Profile, directory: string, server: ServerProcess, data: RawTpm, control: Socket) {
    this.profile = profile;
    this.#directory = directory;
    this.#server = server;
    this.#data = data;
    this.#control = control;
  }

  static async start(profile: Profile, state: Bytes): Promise<SwtpmPeer> {
    const directory = mkdtempSync(join(tmpdir(), "vtpm-differential-"));
    writeFileSync(join(directory, "tpm2-00.permall"), state);
    const server = await swtpm.start(directory);
    const data = await RawTpm.open(server.swtpm);
    const control = connect(server.swtpm.port + 1, "127.0.0.1");
    control.setNoDelay(true);
    await once(control, "connect");
    return new SwtpmPeer(profile, directory, server, data, control);
  }

  async execute(bytes: Bytes, locality: number): Promise<Bytes> {
    if (locality !== this.#locality) {
      await this.#ask(SET_LOCALITY, Uint8Array.of(locality));
      this.#locality = locality;
    }
    return new Uint8Array(await this.#data.execute(bytes));
  }

  /** Power off and on, as far as the TPM can tell. */
  async powerOn(): Promise<void> {
    await this.#ask(STOP, EMPTY);
    await this.#ask(INIT, u32(0));
    this.#locality = 0;
  }

  async nameOf(handle: number): Promise<Bytes> {
    const type = Math.floor(handle / 2 ** 24);
    if (type === 0x80 || type === 0x81) return await this.#publicName(READ_PUBLIC, handle);
    if (type === 0x01) return await this.#publicName(NV_READ_PUBLIC, handle);
    return new Uint8Array(u32(handle));
  }

  /** The Name behind the public area; nothing for a sequence, which has none. */
  async #publicName(code: number, handle: number): Promise<Bytes> {
    const reader = new Reader(await this.execute(command(code, u32(handle)), this.#locality));
    reader.bytes(6);
    if (reader.uint32() !== 0) return EMPTY;
    reader.bytes(reader.uint16());
    return reader.bytes(reader.uint16());
  }

  async #ask(code: number, body: Bytes): Promise<void> {
    const answer = once(this.#control, "data");
    this.#control.write(concatBytes(u32(code), body));
    const [bytes] = (await answer) as [Buffer]; // what a socket's data event carries
    const result = bytes.readUInt32BE(0);
    if (result !== 0) throw new Error(`swtpm's control channel answers ${result} to command ${code}`);
  }

  async stop(): Promise<void> {
    this.#control.destroy();
    await this.#data.close();
    await this.#server.end("SIGKILL");
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
