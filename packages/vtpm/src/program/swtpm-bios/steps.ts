import { randomBytes } from "node:crypto";
import { type Bytes, concatBytes } from "@vtpm/wire";
import { uint32s } from "../../server/words.ts";
import type { BiosOptions } from "./options.ts";

/** One command that firmware sends. */
export interface Step {
  /** As messages name it. */
  readonly name: string;
  readonly command: Bytes;
  /** Seconds that the TPM may take. */
  readonly seconds: number;
  /** Looks at the response of a command that was carried out. */
  readonly learn?: (response: Bytes) => void;
}

/** Seconds for commands that answer soon, and for a self test. */
const SHORT = 20;
const LONG = 600;

const TAG_TPM12 = 0x00c1;
const TAG_NO_SESSIONS = 0x8001;
const TAG_SESSIONS = 0x8002;

const byte = (value: number): Bytes => Uint8Array.of(value);
const word = (value: number): Bytes => Uint8Array.of(value >>> 8, value & 0xff);
const command = (tag: number, code: number, ...body: readonly Bytes[]): Bytes => {
  const parameters = concatBytes(...body);
  return concatBytes(word(tag), uint32s(10 + parameters.length, code), parameters);
};

/** TSC_PhysicalPresence's flags. */
const PRESENCE = { LOCK: 0x04, PRESENT: 0x08, NOT_PRESENT: 0x10, CMD_ENABLE: 0x20 } as const;
const presence = (flags: number, name: string): Step => ({
  name: `TSC_PhysicalPresence(${name})`,
  command: command(TAG_TPM12, 0x4000000a, word(flags)),
  seconds: SHORT,
});

const STARTUP_TYPE = { clear: 1, state: 2, deactivated: 3 } as const;
/** In the response of TPM_GetCapability: header, size, tag, then disable, ownership, deactivated as a byte each. */
const DEACTIVATED_AT = 10 + 4 + 2 + 2;

/** What a TPM 1.2 is sent before and after it is known whether it must be reset; `deactivated` is told then. */
export function tpm12Steps(options: BiosOptions, deactivated: (is: boolean) => void): readonly [Step[], Step[]] {
  const before: Step[] = [];
  if (options.startup !== "none") {
    const type = STARTUP_TYPE[options.startup];
    before.push({ name: `TPM_Startup(0x0${type})`, command: command(TAG_TPM12, 0x99, word(type)), seconds: SHORT });
  }
  if (options.activate) {
    before.push(presence(PRESENCE.CMD_ENABLE, "CMD_ENABLE"), presence(PRESENCE.PRESENT, "PRESENT"));
    if (options.ensureActivated) {
      before.push({
        name: "TPM_GetCapability()",
        command: command(TAG_TPM12, 0x65, uint32s(4, 4, 0x108)), // TPM_CAP_FLAG, TPM_CAP_FLAG_PERMANENT
        seconds: SHORT,
        learn: (response) => deactivated(response[DEACTIVATED_AT] === 1),
      });
    }
    before.push({ name: "TPM_PhysicalEnable", command: command(TAG_TPM12, 0x6f), seconds: SHORT });
    before.push({ name: "TPM_PhysicalSetDeactivated", command: command(TAG_TPM12, 0x72, byte(0)), seconds: SHORT });
  }
  const after: Step[] = [];
  if (options.selfTest) after.push({ name: "TPM_ContinueSelfTest", command: command(TAG_TPM12, 0x53), seconds: LONG });
  if (options.giveUpPresence) {
    after.push(presence(PRESENCE.CMD_ENABLE, "CMD_ENABLE"));
    after.push(presence(PRESENCE.NOT_PRESENT | PRESENCE.LOCK, "NOT_PRESENT|LOCK"));
  }
  return [before, after];
}

const ALG_SHA256 = 0x000b;
const RH_PLATFORM = 0x4000000c;
const RS_PW = 0x40000009;

export function tpm2Steps(options: BiosOptions): Step[] {
  const steps: Step[] = [];
  if (options.startup === "clear" || options.startup === "state") {
    const type = word(options.startup === "state" ? 1 : 0);
    steps.push({ name: "TPM2_Startup", command: command(TAG_NO_SESSIONS, 0x144, type), seconds: SHORT });
  }
  if (options.selfTest) {
    const toTest = concatBytes(uint32s(1), word(ALG_SHA256));
    const test = command(TAG_NO_SESSIONS, 0x142, toTest);
    steps.push({ name: "TPM2_IncrementalSelfTest", command: test, seconds: SHORT });
  }
  if (options.giveUpPresence) {
    const emptyPassword = concatBytes(uint32s(RS_PW), word(0), byte(1), word(0));
    const password = Uint8Array.from(randomBytes(20));
    const body = [uint32s(RH_PLATFORM, emptyPassword.length), emptyPassword, word(password.length), password];
    const change = command(TAG_SESSIONS, 0x129, ...body);
    steps.push({ name: "TPM2_HierarchyChangeAuth", command: change, seconds: SHORT });
  }
  return steps;
}
