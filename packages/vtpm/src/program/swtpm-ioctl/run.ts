import { readFile, writeFile } from "node:fs/promises";
import { ControlClient } from "../../control/control-client.ts";
import type { ControlTransport } from "../../control/control-transport.ts";
import { DeviceTransport } from "../../control/device-transport.ts";
import { SocketTransport } from "../../control/socket-transport.ts";
import { HostError, reasonOf } from "../../host-error.ts";
import type { ProgramStreams } from "../program-streams.ts";
import { SWTPM_VERSION } from "../swtpm-version.ts";
import { ConnectError, connectTo, type SocketAddress, type TpmAddress } from "../tpm-address.ts";
import { IOCTL_HELP } from "./help.ts";
import { type IoctlCommand, parseIoctlOptions } from "./options.ts";

/** Bytes of a state blob that are moved at once at most. */
const PIECE_MAX = 1 << 20;

/** A file of a state blob cannot be read or written. */
class BlobFileError extends HostError {
  override readonly name = "BlobFileError";
  readonly code = "BLOB_FILE";
}

/** swtpm_ioctl: one control command, its answer printed. Returns the exit status. */
export async function swtpmIoctl(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  streams: ProgramStreams,
): Promise<number> {
  try {
    const request = parseIoctlOptions(args);
    if ("print" in request) {
      streams.stdout.write(
        request.print === "help" ? IOCTL_HELP : `TPM emulator control tool version ${SWTPM_VERSION}\n`,
      );
      return 0;
    }
    const client = new ControlClient(await openTransport(request.address, environment));
    try {
      streams.stdout.write(await execute(client, request.command, streams));
    } finally {
      client.close();
    }
    return 0;
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    streams.stderr.write(`${error.message}\n`);
    return 1;
  }
}

const complaintOf = (address: SocketAddress): string =>
  "path" in address
    ? `Connect failed: '${address.path}'`
    : `Could not connect to host '${address.host}' on port '${address.port}' using TCP socket`;

async function openTransport(address: TpmAddress, environment: NodeJS.ProcessEnv): Promise<ControlTransport> {
  if (!("device" in address)) return new SocketTransport(await connectTo(address, complaintOf));
  const { SWTPM_IOCTL_BUFFERSIZE } = environment;
  const pieceSize = SWTPM_IOCTL_BUFFERSIZE === undefined ? undefined : pieceSizeOf(SWTPM_IOCTL_BUFFERSIZE);
  try {
    return await DeviceTransport.open(address.device, pieceSize);
  } catch (error) {
    throw new ConnectError(`Unable to open device '${address.device}': ${reasonOf(error)}`, { cause: error });
  }
}

/** What is no number from 1 on counts as 1. */
function pieceSizeOf(text: string): number {
  const size = Number.parseInt(text, 10);
  return size >= 1 ? Math.min(size, PIECE_MAX) : 1;
}

/** What is to be printed. */
async function execute(client: ControlClient, command: IoctlCommand, streams: ProgramStreams): Promise<string> {
  switch (command.name) {
    case "c":
      return `ptm capability is 0x${(await client.capability()).toString(16)}\n`;
    case "i":
      return done(client.init());
    case "stop":
      return done(client.plain("STOP"));
    case "s":
      return done(client.plain("SHUTDOWN"));
    case "v":
      return done(client.plain("STORE_VOLATILE"));
    case "C":
      return done(client.plain("CANCEL_TPM_CMD"));
    case "e":
      return `tpmEstablished is ${(await client.established()) ? 1 : 0}\n`;
    case "r":
      return done(client.resetEstablished(command.locality));
    case "l":
      return done(client.setLocality(command.locality));
    case "h":
      return done(client.hash(command.data === "-" ? streams.stdin : [new TextEncoder().encode(command.data)]));
    case "save":
      return done(save(command.file, await client.stateBlob(command.type)));
    case "load":
      return done(client.setStateBlob(command.type, await load(command.file)));
    case "g":
      return `ptm configuration flags: 0x${(await client.config()).toString(16)}\n`;
    case "b": {
      const { size, min, max } = await client.bufferSize(command.size);
      return `TPM buffersize: ${size}\nminimum size  : ${min}\nmaximum size  : ${max}\n`;
    }
    case "info":
      return `${await client.info(command.flags)}\n`;
    case "lock-storage":
      return done(client.lockStorage(command.retries));
  }
}

/** For commands that print nothing. */
async function done(work: Promise<void>): Promise<string> {
  await work;
  return "";
}

/** The blob may hold secrets in the clear: readable by its owner only. */
async function save(file: string, blob: Uint8Array): Promise<void> {
  try {
    await writeFile(file, blob, { mode: 0o600 });
  } catch (error) {
    throw new BlobFileError(`Could not open file '${file}' for writing: ${reasonOf(error)}`, { cause: error });
  }
}

async function load(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new BlobFileError(`Could not open file '${file}' for reading: ${reasonOf(error)}`, { cause: error });
  }
}
