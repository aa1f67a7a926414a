/**
 * swtpm's control commands, declared once: a server takes them from a socket, a character device as ioctls, a client sends
 * either. A structure has the same fields both ways, big-endian on a socket and in the machine's order in an ioctl.
 */
interface ControlCommand {
  /** First word of a request on a socket. The number of the ioctl is one less. */
  readonly code: number;
  /** The bit by which GET_CAPABILITY tells that it is there. */
  readonly capability: number;
  /** Bytes of the ioctl's structure, the larger of request and response, and whether there is a request at all. */
  readonly ioctl: { readonly size: number; readonly request: boolean };
  /** Bytes of a successful response before data of variable length, whose length then is the last word of them. */
  readonly response: { readonly size: number; readonly data?: true };
}

const result = { size: 4 } as const;

/** By the name behind `CMD_` (socket) and `PTM_` (ioctl). */
export const CONTROL = {
  GET_CAPABILITY: { code: 0x01, capability: 0, ioctl: { size: 8, request: false }, response: { size: 8 } },
  INIT: { code: 0x02, capability: 1 << 0, ioctl: { size: 4, request: true }, response: result },
  SHUTDOWN: { code: 0x03, capability: 1 << 1, ioctl: { size: 4, request: false }, response: result },
  GET_TPMESTABLISHED: { code: 0x04, capability: 1 << 2, ioctl: { size: 8, request: false }, response: { size: 8 } },
  SET_LOCALITY: { code: 0x05, capability: 1 << 3, ioctl: { size: 4, request: true }, response: result },
  HASH_START: { code: 0x06, capability: 1 << 4, ioctl: { size: 4, request: false }, response: result },
  HASH_DATA: { code: 0x07, capability: 1 << 4, ioctl: { size: 4100, request: true }, response: result },
  HASH_END: { code: 0x08, capability: 1 << 4, ioctl: { size: 4, request: false }, response: result },
  CANCEL_TPM_CMD: { code: 0x09, capability: 1 << 5, ioctl: { size: 4, request: false }, response: result },
  STORE_VOLATILE: { code: 0x0a, capability: 1 << 6, ioctl: { size: 4, request: false }, response: result },
  RESET_TPMESTABLISHED: { code: 0x0b, capability: 1 << 7, ioctl: { size: 4, request: true }, response: result },
  GET_STATEBLOB: {
    code: 0x0c,
    capability: 1 << 8,
    ioctl: { size: 3088, request: true },
    response: { size: 16, data: true },
  },
  SET_STATEBLOB: { code: 0x0d, capability: 1 << 9, ioctl: { size: 3084, request: true }, response: result },
  STOP: { code: 0x0e, capability: 1 << 10, ioctl: { size: 4, request: false }, response: result },
  GET_CONFIG: { code: 0x0f, capability: 1 << 11, ioctl: { size: 8, request: false }, response: { size: 8 } },
  SET_DATAFD: { code: 0x10, capability: 1 << 12, ioctl: { size: 4, request: false }, response: result },
  SET_BUFFERSIZE: { code: 0x11, capability: 1 << 13, ioctl: { size: 16, request: true }, response: { size: 16 } },
  GET_INFO: {
    code: 0x12,
    capability: 1 << 14,
    ioctl: { size: 3088, request: true },
    response: { size: 12, data: true },
  },
  LOCK_STORAGE: { code: 0x13, capability: 1 << 16, ioctl: { size: 4, request: true }, response: result },
} as const satisfies Record<string, ControlCommand>;

export type ControlCommandName = keyof typeof CONTROL;

/** The number of a command's ioctl: direction, size of the structure, swtpm's type, one less than its code. */
export function ioctlNumber(command: ControlCommandName): number {
  const { code, ioctl }: ControlCommand = CONTROL[command];
  const [write, read] = [ioctl.request ? 1 : 0, 2];
  return (((write + read) << 30) | (ioctl.size << 16) | ("P".charCodeAt(0) << 8) | (code - 1)) >>> 0;
}

/** A result that is not an error: there is no such blob. */
export const NON_FATAL = 0x800;

/** What a state blob is of. */
export const BLOB_TYPE = { permanent: 1, volatile: 2, savestate: 3 } as const;
export type BlobType = keyof typeof BLOB_TYPE;

/** Most bytes of data in one message of a hash sequence: what fits into its ioctl. */
export const HASH_DATA_MAX = 4096;
