import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NvState, type Profile, TPM_RC } from "@vtpm/tpm2";
import { type Peer, rcOf } from "@vtpm/tpm2/testing/fuzz";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import { isPeerDebians } from "../../bench/swtpm-programs.ts";
import { RawTpm, u32 } from "../raw-tpm.ts";
import type { ServerProcess } from "../servers/server.ts";
import { startSwtpm } from "../servers/swtpm.ts";
import { stateFile } from "./known-seeds.ts";
import { nameByReading } from "./name-by-reading.ts";

const PATIENCE_MS = 30_000;
const INIT = 2;
const SET_LOCALITY = 5;
const STOP = 14;
/** What a peer that would shut the TPM down before it stops is told: the power is cut. */
const POWER_CUTS = isPeerDebians ? [] : ["disable-auto-shutdown"];

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

  static async start(state: NvState): Promise<SwtpmPeer> {
    const directory = mkdtempSync(join(tmpdir(), "vtpm-differential-"));
    writeFileSync(join(directory, "tpm2-00.permall"), stateFile(state));
    const server = await startSwtpm(directory, POWER_CUTS);
    const data = await RawTpm.open(server.swtpm);
    const control = connect(server.swtpm.port + 1, "127.0.0.1");
    control.setNoDelay(true);
    await once(control, "connect");
    return new SwtpmPeer(state.profile, directory, server, data, control);
  }

  async execute(bytes: Bytes, locality: number): Promise<Bytes> {
    if (locality !== this.#locality) {
      await this.#ask(SET_LOCALITY, Uint8Array.of(locality));
      this.#locality = locality;
    }
    const response = await this.#send(bytes);
    // The first authorization that dictionary attack protection knows of is to be sent again in 0.9.2; later it is not.
    return rcOf(response) === TPM_RC.RETRY ? await this.#send(bytes) : response;
  }

  async #send(bytes: Bytes): Promise<Bytes> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error("swtpm does not answer")), PATIENCE_MS);
    });
    try {
      return new Uint8Array(await Promise.race([this.#data.execute(bytes), patience]));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Power off and on, as far as the TPM can tell. */
  async powerOn(): Promise<void> {
    await this.#ask(STOP, EMPTY);
    await this.#ask(INIT, u32(0));
  }

  async nameOf(handle: number): Promise<Bytes> {
    return await nameByReading((bytes) => this.execute(bytes, this.#locality), handle);
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
    await this.#server.end("SIGKILL");
    await this.#data.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
