import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Bytes, equalBytes } from "@vtpm/wire";
import { FileError, why } from "../files.ts";
import { hostStruct } from "../native/host-struct.ts";
import { CKR, type Cryptoki, reasonOfStatus } from "./cryptoki.ts";
import { modulesOf } from "./modules.ts";
import { Pkcs11Error } from "./pkcs11-error.ts";
import type { Pkcs11Uri } from "./pkcs11-uri.ts";

/** Texts of fixed sizes, filled with blanks. @spec PKCS #11 Base Specification, "CK_TOKEN_INFO", "CK_SLOT_INFO" */
const TOKEN_TEXTS = { token: [0, 32], manufacturer: [32, 32], model: [64, 16], serial: [80, 16] } as const;
const TOKEN_FLAGS_AT = 96;
const TOKEN_INFO_SIZE = 208;
const SLOT_TEXTS = { "slot-description": [0, 64], "slot-manufacturer": [64, 32] } as const;
const SLOT_INFO_SIZE = 112;

const CKF = { LOGIN_REQUIRED: 0x4, PROTECTED_AUTHENTICATION_PATH: 0x100, TOKEN_INITIALIZED: 0x400 } as const;
const CKF_SERIAL_SESSION = 4n;
const USER = { user: 1n, contextSpecific: 2n } as const;
/** Slots and objects that are looked at. */
const MAX_SLOTS = 64;

const ULONG = hostStruct({ value: "u64" });

/** A token in which a private key can be looked for. */
export class Token {
  readonly module: Cryptoki;
  readonly label: string;
  readonly session: bigint;
  readonly #pin: Bytes | undefined;
  readonly #flags: number;

  private constructor(slot: FoundSlot, pin: Bytes | undefined) {
    this.module = slot.module;
    this.label = slot.label;
    this.#flags = slot.flags;
    this.#pin = pin;
    const session = ULONG.encode({});
    this.module.call("C_OpenSession", slot.id, CKF_SERIAL_SESSION, null, null, session);
    this.session = ULONG.decode(session).value;
  }

  /** Opens the token that a URI means and logs in; `pin` counts where the URI has none. A PIN is tried once. */
  static open(uri: Pkcs11Uri, pin: string | undefined): Token {
    const token = new Token(slotOf(uri), pinOf(uri) ?? (pin === undefined ? undefined : new TextEncoder().encode(pin)));
    if ((token.#flags & CKF.LOGIN_REQUIRED) !== 0) token.#login("user");
    return token;
  }

  /** Gives the PIN once more, for a key that wants it for each signature. */
  confirm(): void {
    this.#login("contextSpecific");
  }

  #login(user: keyof typeof USER): void {
    const pin = (this.#flags & CKF.PROTECTED_AUTHENTICATION_PATH) !== 0 ? null : this.#pin;
    const refuse = (what: string): Pkcs11Error =>
      new Pkcs11Error("PKCS11_PIN", `the PKCS #11 token ${JSON.stringify(this.label)} ${what}`);
    if (pin === undefined) {
      throw refuse(
        "wants a PIN: give it in SWTPM_PKCS11_PIN, as the signing key's password, or in the URI's pin-source",
      );
    }
    const status = this.module.status("C_Login", this.session, USER[user], pin, BigInt(pin?.length ?? 0));
    switch (status) {
      case CKR.OK:
      case CKR.USER_ALREADY_LOGGED_IN:
        return;
      case CKR.PIN_INCORRECT:
      case CKR.PIN_INVALID:
      case CKR.PIN_LEN_RANGE:
        throw refuse("has another PIN than the one that was given; it was tried once, and too many tries lock a token");
      case CKR.PIN_LOCKED:
        throw refuse("is locked after too many wrong PINs: its security officer can set a new one");
      default:
        throw refuse(`does not let us in: ${reasonOfStatus(status)}`);
    }
  }
}

interface FoundSlot {
  readonly module: Cryptoki;
  readonly id: bigint;
  readonly label: string;
  readonly flags: number;
  matches(uri: Pkcs11Uri): boolean;
}

/** The only slot with a token that the URI means. */
function slotOf(uri: Pkcs11Uri): FoundSlot {
  const slots = modulesOf(uri).flatMap(slotsOf);
  const meant = slots.filter((slot) => slot.matches(uri));
  const names = (some: readonly FoundSlot[]): string => some.map(({ label }) => JSON.stringify(label)).join(", ");
  // Tokens that need no PIN have no keys that nobody else may use; they are there for their certificates.
  const closed = meant.filter(({ flags }) => (flags & CKF.LOGIN_REQUIRED) !== 0);
  const [slot, other] = closed.length > 0 ? closed : meant;
  if (slot === undefined) {
    const there = slots.length === 0 ? "there is none at all" : `there is ${names(slots)}`;
    throw new Pkcs11Error("PKCS11_TOKEN", `no PKCS #11 token matches ${uri.text}: ${there}`);
  }
  if (other !== undefined) {
    throw new Pkcs11Error(
      "PKCS11_TOKEN",
      `several PKCS #11 tokens match ${uri.text}: name one of ${names(closed.length > 0 ? closed : meant)} with token= or serial=`,
    );
  }
  return slot;
}

/** The tokens of a module that have been initialized. */
function slotsOf(module: Cryptoki): FoundSlot[] {
  const count = ULONG.encode({ value: BigInt(MAX_SLOTS) });
  const list = new Uint8Array(MAX_SLOTS * ULONG.size);
  module.call("C_GetSlotList", 1, list, count);
  const slots: FoundSlot[] = [];
  for (let i = 0; i < Math.min(MAX_SLOTS, Number(ULONG.decode(count).value)); i++) {
    const id = ULONG.decode(list, i * ULONG.size).value;
    const tokenInfo = new Uint8Array(TOKEN_INFO_SIZE);
    const slotInfo = new Uint8Array(SLOT_INFO_SIZE);
    const status = module.status("C_GetTokenInfo", id, tokenInfo);
    // Taken out in the meantime, or of no known kind.
    if (status === CKR.TOKEN_NOT_PRESENT || status === CKR.TOKEN_NOT_RECOGNIZED) continue;
    if (status !== CKR.OK) module.call("C_GetTokenInfo", id, tokenInfo);
    module.call("C_GetSlotInfo", id, slotInfo);
    const flags = Number(BigInt.asUintN(32, ULONG.decode(tokenInfo, TOKEN_FLAGS_AT).value));
    if ((flags & CKF.TOKEN_INITIALIZED) === 0) continue;
    const texts = { ...textsIn(tokenInfo, TOKEN_TEXTS), ...textsIn(slotInfo, SLOT_TEXTS), "slot-id": String(id) };
    slots.push({
      module,
      id,
      label: texts.token,
      flags,
      matches: ({ path }) =>
        Object.entries(texts).every(([name, text]) => {
          const wanted = path.get(name as keyof typeof texts); // one of its keys
          return wanted === undefined || equalBytes(wanted, new TextEncoder().encode(text));
        }),
    });
  }
  return slots;
}

function textsIn<Name extends string>(
  info: Bytes,
  places: Readonly<Record<Name, readonly [at: number, size: number]>>,
): Record<Name, string> {
  const texts = Object.entries<readonly [number, number]>(places).map(([name, [at, size]]) => [
    name,
    Buffer.from(info.subarray(at, at + size))
      .toString("utf8")
      .replace(/[ \0]+$/, ""),
  ]);
  return Object.fromEntries(texts) as Record<Name, string>; // by the same names
}

/** The PIN that the URI itself gives or names the file of. */
function pinOf({ text, query }: Pkcs11Uri): Bytes | undefined {
  const value = query.get("pin-value");
  if (value !== undefined) return value;
  const source = query.get("pin-source");
  if (source === undefined) return undefined;
  const named = Buffer.from(source).toString();
  try {
    const path = named.startsWith("file:") ? fileURLToPath(named) : named;
    return new Uint8Array(Buffer.from(readFileSync(path, "latin1").replace(/\r?\n$/, ""), "latin1"));
  } catch (error) {
    throw new FileError("FILE_READ", `cannot read the PIN of ${text} from ${named}: ${why(error, named)}`, {
      cause: error,
    });
  }
}
