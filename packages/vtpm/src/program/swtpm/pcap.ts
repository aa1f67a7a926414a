import { randomBytes, randomInt } from "node:crypto";
import { closeSync, constants, fchmodSync, openSync, writeSync } from "node:fs";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import type { Trace } from "../../host/trace.ts";
import { systemReason } from "../../host-error.ts";
import { hostStruct } from "../../native/host-struct.ts";
import type { SubOptions } from "../sub-options.ts";
import { OpenError } from "./log.ts";
import type { SUB_OPTIONS } from "./option-table.ts";

const FILE_MODE = 0o640;

/** Blocks of pcapng, host order; each ends with its length. */
const SECTION_HEADER = hostStruct({
  type: "u32",
  length: "u32",
  magic: "u32",
  major: "u16",
  minor: "u16",
  size: "u64",
});
const INTERFACE = hostStruct({ type: "u32", length: "u32", linkType: "u16", reserved: "u16", snapLength: "u32" });
const PACKET = hostStruct({
  type: "u32",
  length: "u32",
  interface: "u32",
  timeHigh: "u32",
  timeLow: "u32",
  captured: "u32",
  original: "u32",
});
const LENGTH = hostStruct({ length: "u32" });
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const LINK_TYPE_ETHERNET = 1;

/** Headers of the made-up packets. */
const ETHERNET: Bytes = Uint8Array.of(...new Array<number>(12).fill(0), 0x08, 0x00);
const IP_SIZE = 20;
const TCP_SIZE = 20;
const LOCALHOST = 0x7f00_0001;
const PROTOCOL_TCP = 6;
const FLAG = { FIN: 0x01, SYN: 0x02, ACK: 0x10 } as const;

/** Where the TPM seems to listen, and its clients to come from. */
const TPM_PORT = 2321;
const CLIENT_PORTS = { first: 50000, end: 55000 } as const;

/** One side of the made-up connection. */
interface Side {
  readonly port: number;
  sequence: number;
}

/**
 * Records commands and responses as a TCP connection between a client and a TPM, which packet tools know how to decode. What
 * cannot be written is left out.
 */
export class PacketCapture implements Trace {
  readonly #fd: number;
  readonly #checksums: boolean;
  readonly #client: Side = side(randomInt(CLIENT_PORTS.first, CLIENT_PORTS.end));
  readonly #tpm: Side = side(TPM_PORT);

  /** Throws an `OpenError`. */
  constructor({ file, fd, truncate, mode = FILE_MODE, checksums }: SubOptions<typeof SUB_OPTIONS.pcap>) {
    this.#fd = file === undefined ? (fd ?? -1) : openCapture(file, truncate === true, mode);
    this.#checksums = checksums === true;
    this.#write(block(SECTION_HEADER, { type: 0x0a0d0d0a, magic: BYTE_ORDER_MAGIC, major: 1, size: 0n }));
    this.#write(block(INTERFACE, { type: 1, linkType: LINK_TYPE_ETHERNET }));
    this.#packet(this.#client, this.#tpm, FLAG.SYN);
    this.#packet(this.#tpm, this.#client, FLAG.SYN | FLAG.ACK);
    this.#packet(this.#client, this.#tpm, FLAG.ACK);
  }

  request(bytes: Bytes): void {
    this.#packet(this.#client, this.#tpm, 0, bytes);
  }

  response(bytes: Bytes): void {
    this.#packet(this.#tpm, this.#client, 0, bytes);
  }

  close(): void {
    this.#packet(this.#client, this.#tpm, FLAG.FIN);
    this.#packet(this.#tpm, this.#client, FLAG.FIN | FLAG.ACK);
    this.#packet(this.#client, this.#tpm, FLAG.ACK);
    closeSync(this.#fd);
  }

  #packet(from: Side, to: Side, flags: number, data: Bytes = EMPTY): void {
    const frame = concatBytes(ETHERNET, segment(from, to, flags, data, this.#checksums));
    // A beginning and an end count as one byte.
    from.sequence = (from.sequence + data.length + ((flags & (FLAG.SYN | FLAG.FIN)) === 0 ? 0 : 1)) >>> 0;
    const time = BigInt(Date.now()) * 1000n;
    const padding = new Uint8Array(-frame.length & 3);
    const head = { type: 6, timeHigh: Number(time >> 32n), timeLow: Number(time & 0xffff_ffffn) };
    this.#write(
      block(PACKET, { ...head, captured: frame.length, original: frame.length }, concatBytes(frame, padding)),
    );
  }

  #write(bytes: Bytes): void {
    try {
      writeSync(this.#fd, bytes);
    } catch {
      // The TPM is not to stop for want of a record.
    }
  }
}

const side = (port: number): Side => ({ port, sequence: new DataView(randomBytes(4).buffer).getUint32(0) });

function block<F extends Parameters<typeof hostStruct>[0]>(
  head: ReturnType<typeof hostStruct<F>>,
  values: Parameters<ReturnType<typeof hostStruct<F>>["encode"]>[0],
  body: Bytes = EMPTY,
): Bytes {
  const length = head.size + body.length + LENGTH.size;
  return concatBytes(head.encode({ ...values, length }), body, LENGTH.encode({ length }));
}

/** An IPv4 packet with a TCP segment. */
function segment(from: Side, to: Side, flags: number, data: Bytes, checksums: boolean): Bytes {
  const packet = new Uint8Array(IP_SIZE + TCP_SIZE + data.length);
  const view = new DataView(packet.buffer);
  view.setUint16(0, 0x4510); // version 4, five words, low delay
  view.setUint16(2, packet.length);
  view.setUint16(4, 0x069b);
  view.setUint16(6, 0x4000); // don't fragment
  view.setUint16(8, (64 << 8) | PROTOCOL_TCP);
  view.setUint32(12, LOCALHOST);
  view.setUint32(16, LOCALHOST);
  view.setUint16(20, from.port);
  view.setUint16(22, to.port);
  view.setUint32(24, from.sequence);
  view.setUint32(28, flags === FLAG.SYN ? 0 : to.sequence);
  view.setUint16(32, ((TCP_SIZE / 4) << 12) | flags);
  view.setUint16(34, 0xffc4);
  packet.set(data, IP_SIZE + TCP_SIZE);
  if (checksums) {
    view.setUint16(10, checksum(packet.subarray(0, IP_SIZE), 0));
    const pseudoHeader = 2 * ((LOCALHOST >>> 16) + (LOCALHOST & 0xffff)) + PROTOCOL_TCP + TCP_SIZE + data.length;
    view.setUint16(36, checksum(packet.subarray(IP_SIZE), pseudoHeader));
  }
  return packet;
}

/** The Internet checksum of bytes, with what else is to be summed. */
function checksum(bytes: Bytes, more: number): number {
  let sum = more;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function openCapture(file: string, truncate: boolean, mode: number): number {
  const { O_WRONLY, O_CREAT, O_APPEND, O_TRUNC, O_NOFOLLOW } = constants;
  try {
    const fd = openSync(file, O_WRONLY | O_CREAT | O_NOFOLLOW | (truncate ? O_TRUNC : O_APPEND), mode);
    fchmodSync(fd, mode);
    return fd;
  } catch (error) {
    throw new OpenError(`Could not open pcap file for writing: ${systemReason(error)}: ${file}`, { cause: error });
  }
}
