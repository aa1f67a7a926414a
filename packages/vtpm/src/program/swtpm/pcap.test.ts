import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { getRandom, startup } from "../../testing/commands.ts";
import { PacketCapture } from "./pcap.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vtpm-pcap-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

interface Packet {
  readonly flags: number;
  readonly from: number;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly data: Uint8Array;
  readonly frame: Buffer;
}

/** The packets of a capture; checks what surrounds them. */
function packetsIn(file: string): Packet[] {
  const bytes = readFileSync(file);
  const packets: Packet[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at + 4);
    expect(bytes.readUInt32LE(at + size - 4)).toBe(size);
    if (bytes.readUInt32LE(at) === 6) {
      const frame = bytes.subarray(at + 28, at + 28 + bytes.readUInt32LE(at + 20));
      packets.push({
        flags: frame.readUInt8(47),
        from: frame.readUInt16BE(34),
        sequence: frame.readUInt32BE(38),
        acknowledged: frame.readUInt32BE(42),
        data: new Uint8Array(frame.subarray(54)),
        frame,
      });
    }
    at += size;
  }
  return packets;
}

/** What the checksum over words that contain their checksum is. */
function sumOf(bytes: Uint8Array, more = 0): number {
  let sum = more;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

describe("a packet capture", () => {
  const file = (): string => join(directory, "pcap");

  test("has swtpm's size after TPM2_Startup", () => {
    const capture = new PacketCapture({ file: file() });
    expect(statSync(file()).size).toBe(312);
    capture.request(startup(0));
    capture.response(new Uint8Array(10));
    expect(statSync(file()).size).toBe(508);
    capture.close();
  });

  test("is a conversation whose numbers fit", () => {
    const capture = new PacketCapture({ file: file() });
    capture.request(getRandom(4));
    capture.response(new Uint8Array(16));
    capture.request(startup(0));
    capture.close();
    const packets = packetsIn(file());
    expect(packets.map(({ flags }) => flags)).toEqual([0x02, 0x12, 0x10, 0, 0, 0, 0x01, 0x11, 0x10]);
    expect(packets[3]?.data).toEqual(getRandom(4));
    expect(packets[4]?.data).toEqual(new Uint8Array(16));
    // Each side's next byte is what the other one expects.
    const next = new Map<number, number>();
    for (const { from, flags, sequence, acknowledged, data } of packets) {
      expect(sequence).toBe(next.get(from) ?? sequence);
      next.set(from, (sequence + data.length + ((flags & 3) === 0 ? 0 : 1)) >>> 0);
      const other = [...next.keys()].find((port) => port !== from);
      if (other !== undefined) expect(acknowledged).toBe(next.get(other));
    }
    expect([...next.keys()][1]).toBe(2321);
  });

  test.each([false, true])("with checksums %s", (checksums) => {
    const capture = new PacketCapture({ file: file(), checksums });
    capture.request(getRandom(3));
    capture.request(Uint8Array.of(1, 2, 3));
    capture.close();
    for (const { frame, data } of packetsIn(file())) {
      const [ip, tcp] = [frame.subarray(14, 34), frame.subarray(34)];
      if (checksums) {
        expect(sumOf(ip)).toBe(0xffff);
        expect(sumOf(tcp, 2 * 0x7f01 + 6 + 20 + data.length)).toBe(0xffff);
      } else {
        expect([frame.readUInt16BE(24), frame.readUInt16BE(50)]).toEqual([0, 0]);
      }
    }
  });

  test("is appended to, or truncated, with the mode that was asked for", () => {
    new PacketCapture({ file: file() }).close();
    const { size, mode } = statSync(file());
    expect(mode & 0o777).toBe(0o640);
    new PacketCapture({ file: file(), mode: 0o600 }).close();
    expect(statSync(file())).toMatchObject({ size: 2 * size });
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    new PacketCapture({ file: file(), truncate: true }).close();
    expect(statSync(file()).size).toBe(size);
  });

  test("follows no symbolic link", () => {
    writeFileSync(file(), "");
    symlinkSync(file(), join(directory, "link"));
    expect(() => new PacketCapture({ file: join(directory, "link") })).toThrow(
      /^Could not open pcap file for writing: .*ELOOP.*link$/,
    );
  });
});
