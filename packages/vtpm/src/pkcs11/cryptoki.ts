import type { Bytes } from "@vtpm/wire";
import { reasonOf } from "../host-error.ts";
import { hostStruct } from "../native/host-struct.ts";
import { koffi } from "../native/koffi.ts";
import { Pkcs11Error } from "./pkcs11-error.ts";

const ulong = "uint64_t"; // CK_ULONG
const byte = "uint8_t"; // CK_BBOOL
const pointer = "void *";

/**
 * The functions of a module in the order of CK_FUNCTION_LIST as far as it is needed, with the parameters of those that are
 * called.
 *
 * @spec PKCS #11 Base Specification, "CK_FUNCTION_LIST"
 */
const FUNCTION_LIST = {
  C_Initialize: [pointer],
  C_Finalize: [pointer],
  C_GetInfo: null,
  C_GetFunctionList: null,
  C_GetSlotList: [byte, pointer, pointer],
  C_GetSlotInfo: [ulong, pointer],
  C_GetTokenInfo: [ulong, pointer],
  C_GetMechanismList: null,
  C_GetMechanismInfo: null,
  C_InitToken: null,
  C_InitPIN: null,
  C_SetPIN: null,
  C_OpenSession: [ulong, ulong, pointer, pointer, pointer],
  C_CloseSession: null,
  C_CloseAllSessions: null,
  C_GetSessionInfo: null,
  C_GetOperationState: null,
  C_SetOperationState: null,
  C_Login: [ulong, ulong, pointer, ulong],
  C_Logout: null,
  C_CreateObject: null,
  C_CopyObject: null,
  C_DestroyObject: null,
  C_GetObjectSize: null,
  C_GetAttributeValue: [ulong, ulong, pointer, ulong],
  C_SetAttributeValue: null,
  C_FindObjectsInit: [ulong, pointer, ulong],
  C_FindObjects: [ulong, pointer, ulong, pointer],
  C_FindObjectsFinal: [ulong],
  C_EncryptInit: null,
  C_Encrypt: null,
  C_EncryptUpdate: null,
  C_EncryptFinal: null,
  C_DecryptInit: null,
  C_Decrypt: null,
  C_DecryptUpdate: null,
  C_DecryptFinal: null,
  C_DigestInit: null,
  C_Digest: null,
  C_DigestUpdate: null,
  C_DigestKey: null,
  C_DigestFinal: null,
  C_SignInit: [ulong, pointer, ulong],
  C_Sign: [ulong, pointer, ulong, pointer, pointer],
} as const;
type Names = typeof FUNCTION_LIST;
type FunctionName = { [N in keyof Names]: Names[N] extends null ? never : N }[keyof Names];
type Argument = number | bigint | Bytes | null;
type NativeFunction = (...args: readonly Argument[]) => number | bigint;

/** The version, and the padding behind it. */
const FUNCTIONS_AT = 8;
const POINTER = hostStruct({ address: "u64" });
const INITIALIZE_ARGUMENTS = hostStruct({
  createMutex: "u64",
  destroyMutex: "u64",
  lockMutex: "u64",
  unlockMutex: "u64",
  flags: "u64",
  reserved: "u64",
});
const CKF_OS_LOCKING_OK = 2n;

/** @spec PKCS #11 Base Specification, "Function return values" */
export const CKR = {
  OK: 0x0,
  ATTRIBUTE_SENSITIVE: 0x11,
  ATTRIBUTE_TYPE_INVALID: 0x12,
  PIN_INCORRECT: 0xa0,
  PIN_INVALID: 0xa1,
  PIN_LEN_RANGE: 0xa2,
  PIN_LOCKED: 0xa4,
  TOKEN_NOT_PRESENT: 0xe0,
  TOKEN_NOT_RECOGNIZED: 0xe1,
  USER_ALREADY_LOGGED_IN: 0x100,
  CRYPTOKI_ALREADY_INITIALIZED: 0x191,
} as const;

/** In words, where a user can do something about it. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [0x30, "the device has failed"],
  [0x32, "the device was removed"],
  [0x68, "the key is not made for signing"],
  [0x70, "the token does not know this kind of signature"],
  [0xb1, "the token has no free session"],
  [0x101, "the token wants a PIN"],
  [0x102, "the token's PIN has not been set"],
]);

/** A PKCS #11 module. */
export class Cryptoki {
  readonly path: string;
  readonly #functions = new Map<FunctionName, NativeFunction>();
  readonly #list: bigint;

  /** Loads a module and initializes it, until this process ends. Throws a `Pkcs11Error`, or a `NativeError` without koffi. */
  constructor(path: string) {
    this.path = path;
    const native = koffi();
    const refuse = (why: string, options?: ErrorOptions): Pkcs11Error =>
      new Pkcs11Error("PKCS11_MODULE", `cannot use the PKCS #11 module ${path}: ${why}`, options);
    const list = POINTER.encode({});
    let status: number;
    try {
      // What the module is linked with comes first: Node.js has an OpenSSL of its own, whose functions have the same names.
      const library = native.load(path, { deep: true });
      status = Number(library.func("uint64_t C_GetFunctionList(void *list)")(list));
    } catch (error) {
      throw refuse(reasonOf(error), { cause: error });
    }
    this.#list = POINTER.decode(list).address;
    if (status !== CKR.OK || this.#list === 0n) throw refuse("it does not tell its functions");
    const initialized = this.status("C_Initialize", INITIALIZE_ARGUMENTS.encode({ flags: CKF_OS_LOCKING_OK }));
    if (initialized === CKR.CRYPTOKI_ALREADY_INITIALIZED) return;
    if (initialized !== CKR.OK) throw refuse(`it does not start: ${reasonOfStatus(initialized)}`);
    process.once("exit", () => this.status("C_Finalize", null));
  }

  /** Calls a function; its return value. */
  status(name: FunctionName, ...args: readonly Argument[]): number {
    let call = this.#functions.get(name);
    if (call === undefined) {
      const native = koffi();
      const at = FUNCTIONS_AT + POINTER.size * Object.keys(FUNCTION_LIST).indexOf(name);
      const address = POINTER.decode(new Uint8Array(native.view(this.#list + BigInt(at), POINTER.size))).address;
      call = native.decode(address, native.proto(ulong, [...FUNCTION_LIST[name]])) as NativeFunction; // by its prototype
      this.#functions.set(name, call);
    }
    return Number(call(...args));
  }

  /** Calls a function that must succeed. */
  call(name: FunctionName, ...args: readonly Argument[]): void {
    const status = this.status(name, ...args);
    if (status === CKR.OK) return;
    throw new Pkcs11Error("PKCS11_CALL", `the PKCS #11 module ${this.path} fails: ${name}: ${reasonOfStatus(status)}`);
  }
}

/** What a return value means. */
export const reasonOfStatus = (status: number): string => REASONS.get(status) ?? `error 0x${status.toString(16)}`;
