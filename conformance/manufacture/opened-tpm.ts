import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { TpmClient } from "@vtpm/client";
import { StreamTransport } from "@vtpm/client/node";
import { GetCapability, NV_Read, NV_ReadPublic, ReadPublic, Startup } from "@vtpm/tpm2/commands";
import { TPM_CAP, TPM_RH, TPM_SU, TPMA_NV, TPMT_PUBLIC_NULLABLE } from "@vtpm/tpm2/spec";
import { encode, toHex } from "@vtpm/wire";
import type { ServerProcess, ServerProgram } from "../servers/server.ts";
import { swtpm } from "../servers/swtpm.ts";
import { vtpm } from "../servers/vtpm.ts";

const [PERSISTENT_FIRST, NV_FIRST] = [0x81000000, 0x01000000];
const NV_PIECE = 512;

/** Who opens a state. */
export const OPENERS = { "this project": vtpm, "Debian's swtpm": swtpm } as const;
export type Opener = keyof typeof OPENERS;

/** A TPM that was made before, served and started. */
export class OpenedTpm {
  readonly client: TpmClient;
  readonly port: number;
  readonly #socket: Socket;

  private constructor(process: ServerProcess, socket: Socket) {
    this.#socket = socket;
    this.port = process.swtpm.port;
    this.client = new TpmClient(new StreamTransport(socket));
  }

  static async with<T>(opener: Opener, state: string, use: (tpm: OpenedTpm) => Promise<T>): Promise<T> {
    const program: ServerProgram = OPENERS[opener];
    const process = await program.start(state);
    try {
      const socket = connect(process.swtpm.port, "127.0.0.1");
      await once(socket, "connect");
      const tpm = new OpenedTpm(process, socket);
      await tpm.client.call(Startup, { startupType: TPM_SU.CLEAR });
      return await use(tpm);
    } finally {
      await process.end("SIGTERM");
    }
  }

  /** Lets other programs have the only connection that swtpm serves. */
  async leave(): Promise<void> {
    const closed = once(this.#socket, "close");
    this.#socket.end();
    await closed;
  }

  /** The persistent keys, by their handles. */
  async keys(): Promise<Map<string, TPMT_PUBLIC_NULLABLE>> {
    const keys = new Map<string, TPMT_PUBLIC_NULLABLE>();
    for (const objectHandle of await this.#handles(PERSISTENT_FIRST)) {
      const { outPublic } = await this.client.call(ReadPublic, { objectHandle });
      keys.set(objectHandle.toString(16), outPublic);
    }
    return keys;
  }

  /** The keys without what is random: their templates. */
  async templates(): Promise<Record<string, string>> {
    const templates: Record<string, string> = {};
    for (const [handle, { unique, ...template }] of await this.keys()) {
      templates[handle] =
        `${JSON.stringify(template, (_, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value))}, ${Object.keys(unique)}`.replace(
          /, [\d,]+$/,
          "",
        );
    }
    return templates;
  }

  /** The NV Indices: their attributes without those that tell what happened to them, and their contents. */
  async areas(): Promise<
    Map<string, { readonly attributes: number; readonly locked: boolean; readonly content: Buffer }>
  > {
    const areas = new Map<string, { attributes: number; locked: boolean; content: Buffer }>();
    for (const nvIndex of await this.#handles(NV_FIRST)) {
      const { nvPublic } = await this.client.call(NV_ReadPublic, { nvIndex });
      const pieces: Uint8Array[] = [];
      for (let offset = 0; offset < nvPublic.dataSize; offset += NV_PIECE) {
        const size = Math.min(NV_PIECE, nvPublic.dataSize - offset);
        pieces.push((await this.client.call(NV_Read, { authHandle: TPM_RH.OWNER, nvIndex, size, offset })).data);
      }
      areas.set(nvIndex.toString(16), {
        attributes: nvPublic.attributes & ~TPMA_NV.of({ WRITTEN: true, WRITELOCKED: true }),
        locked: TPMA_NV.has(nvPublic.attributes, "WRITELOCKED"),
        content: Buffer.concat(pieces),
      });
    }
    return areas;
  }

  /** The hash algorithms of the PCR banks that have PCRs. */
  async banks(): Promise<number[]> {
    const { capabilityData } = await this.client.call(GetCapability, {
      capability: TPM_CAP.PCRS,
      property: 0,
      propertyCount: 64,
    });
    if (capabilityData.capability !== TPM_CAP.PCRS) throw new Error("no banks");
    return capabilityData.data.filter(({ pcrSelect }) => pcrSelect.some((byte) => byte !== 0)).map(({ hash }) => hash);
  }

  async #handles(first: number): Promise<readonly number[]> {
    const { capabilityData } = await this.client.call(GetCapability, {
      capability: TPM_CAP.HANDLES,
      property: first,
      propertyCount: 254,
    });
    return capabilityData.capability === TPM_CAP.HANDLES ? capabilityData.data : [];
  }
}

/** A public area in hexadecimal, to be compared. */
export const publicText = (key: TPMT_PUBLIC_NULLABLE): string => toHex(encode(TPMT_PUBLIC_NULLABLE, key));
