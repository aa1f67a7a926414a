import { type Bytes, concatBytes } from "@vtpm/wire";
import { CONTROL, type ControlCommandName, ioctlNumber } from "../../control/commands.ts";
import { type HostStruct, hostStruct } from "../../native/host-struct.ts";
import type { Control } from "../../server/control.ts";
import { RESULT } from "../../server/result.ts";
import type { BlobTransfer } from "./blob-transfer.ts";

const ONLY_RESULT = hostStruct({ result: "u32" });
const LOCALITY = hostStruct({ locality: "u8" });
const CAPABILITIES = hostStruct({ flags: "u64" });
const INIT = hostStruct({ flags: "u32" });
const ESTABLISHED = hostStruct({ result: "u32", bit: "u8" });
const HASH_DATA = hostStruct({ length: "u32" });
const GET_STATEBLOB = hostStruct({ flags: "u32", type: "u32", offset: "u32" });
const STATEBLOB = hostStruct({ result: "u32", flags: "u32", total: "u32", length: "u32" });
const SET_STATEBLOB = hostStruct({ flags: "u32", type: "u32", length: "u32" });
const CONFIG = hostStruct({ result: "u32", flags: "u32" });
const SET_BUFFERSIZE = hostStruct({ size: "u32" });
const BUFFERSIZE = hostStruct({ result: "u32", size: "u32", min: "u32", max: "u32" });
const GET_INFO = hostStruct({ flags: "u64", offset: "u32", padding: "u32" });
const INFO = hostStruct({ result: "u32", total: "u32", length: "u32" });
const LOCK_STORAGE = hostStruct({ retries: "u32" });

/** What an ioctl works with. */
interface Context {
  readonly control: Control;
  /** Of the open file. */
  readonly blobs: BlobTransfer;
}

type Ioctl = (context: Context, input: Bytes) => Bytes | Promise<Bytes>;

const onlyResult = (result: number): Bytes => ONLY_RESULT.encode({ result });

/** All but SET_DATAFD: commands come by the device itself. */
const IOCTLS: Readonly<Record<Exclude<ControlCommandName, "SET_DATAFD">, Ioctl>> = {
  GET_CAPABILITY: () => CAPABILITIES.encode({ flags: BigInt(capabilities()) }),
  INIT({ control, blobs }, input) {
    blobs.forget();
    return control.init(INIT.decode(input).flags).then(onlyResult);
  },
  SHUTDOWN: ({ control }) => onlyResult(control.shutdown()),
  GET_TPMESTABLISHED({ control: { host } }) {
    if (!host.running) return onlyResult(RESULT.BAD_ORDINAL);
    return ESTABLISHED.encode({ result: RESULT.SUCCESS, bit: host.established ? 1 : 0 });
  },
  SET_LOCALITY: ({ control }, input) => onlyResult(control.setLocality(LOCALITY.decode(input).locality)),
  HASH_START: ({ control }) => control.hashStart().then(onlyResult),
  async HASH_DATA({ control: { host } }, input) {
    const data = dataBehind(HASH_DATA, input);
    if (data === undefined) return onlyResult(RESULT.BAD_PARAMETER);
    if (!host.running) return onlyResult(RESULT.BAD_ORDINAL);
    return onlyResult((await host.hashData(data)) ? RESULT.SUCCESS : RESULT.FAIL);
  },
  HASH_END: ({ control }) => control.hashEnd().then(onlyResult),
  CANCEL_TPM_CMD: ({ control }) => onlyResult(control.cancel()),
  STORE_VOLATILE: ({ control }) => control.storeVolatile().then(onlyResult),
  RESET_TPMESTABLISHED: ({ control }, input) =>
    control.resetEstablished(LOCALITY.decode(input).locality).then(onlyResult),
  async GET_STATEBLOB({ control, blobs }, input) {
    const { flags: wanted, type, offset } = GET_STATEBLOB.decode(input);
    const { result, flags, total, data } = await control.getStateBlob(wanted, type, offset);
    const piece = blobs.begin(data);
    // A socket is told what is left from here on, a device what the blob has in all.
    const whole = total === 0 ? 0 : offset + total;
    return concatBytes(STATEBLOB.encode({ result, flags, total: whole, length: piece.length }), piece);
  },
  async SET_STATEBLOB({ control, blobs }, input) {
    const { flags, type } = SET_STATEBLOB.decode(input);
    const data = dataBehind(SET_STATEBLOB, input);
    if (data === undefined) return onlyResult(RESULT.BAD_PARAMETER);
    if (control.host.running) return onlyResult(RESULT.BAD_ORDINAL);
    const blob = blobs.put(flags, type, data);
    if (blob === "too much") return onlyResult(RESULT.FAIL);
    return onlyResult(blob === "more" ? RESULT.SUCCESS : await control.setStateBlob(flags, type, blob));
  },
  STOP: ({ control }) => control.stop().then(onlyResult),
  GET_CONFIG: ({ control }) => CONFIG.encode({ result: RESULT.SUCCESS, flags: control.config }),
  SET_BUFFERSIZE({ control }, input) {
    const { result, sizes } = control.setBufferSize(SET_BUFFERSIZE.decode(input).size);
    const [size, min, max] = sizes;
    return BUFFERSIZE.encode({ result, size, min, max });
  },
  GET_INFO({ control }, input) {
    const { flags, offset } = GET_INFO.decode(input);
    const { result, total, data } = control.info(flags, offset);
    return concatBytes(INFO.encode({ result, total, length: data.length }), data);
  },
  LOCK_STORAGE: ({ control }, input) => control.lockStorage(LOCK_STORAGE.decode(input).retries).then(onlyResult),
};

type IoctlName = keyof typeof IOCTLS;

/** By number: that contains the size, so a client of another layout is refused and not misunderstood. */
const BY_NUMBER: ReadonlyMap<number, IoctlName> = new Map(
  Object.keys(IOCTLS)
    .filter(isIoctl)
    .map((name) => [ioctlNumber(name), name]),
);

function isIoctl(name: string): name is IoctlName {
  return Object.hasOwn(IOCTLS, name);
}

/**
 * Executes one of the PTM_* ioctls and gives its structure. Nothing for an ioctl that there is not, or that came without its
 * structure.
 */
export async function ptmIoctl(context: Context, number: number, input: Bytes): Promise<Bytes | undefined> {
  const name = BY_NUMBER.get(number);
  if (name === undefined) return undefined;
  const { size, request } = CONTROL[name].ioctl;
  if (request && input.length < size) return undefined;
  const output = new Uint8Array(size);
  output.set(await IOCTLS[name](context, input));
  return output;
}

function capabilities(): number {
  let flags = 0;
  for (const name of BY_NUMBER.values()) flags |= CONTROL[name].capability;
  return flags;
}

/** The data of variable length behind a structure; nothing if it says more than there is. */
function dataBehind(
  head: HostStruct<{ readonly length: "u32" }> | typeof SET_STATEBLOB,
  input: Bytes,
): Bytes | undefined {
  const { length } = head.decode(input);
  return length > input.length - head.size ? undefined : input.slice(head.size, head.size + length);
}
