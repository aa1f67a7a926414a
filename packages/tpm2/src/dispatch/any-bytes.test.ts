import { type Bytes, type Codec, concatBytes, encode, Reader, Refusal, toHex, UINT16, UINT32 } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arbitrary, isInhabited } from "../../../wire/src/testing/index.ts";
import { COMMANDS } from "../commands/index.ts";
import { DEFAULT_V1 } from "../profile.ts";
import { TPM_ST } from "../spec/constants.ts";
import { HANDLE, TPM_RH } from "../spec/handles.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import { describeRc } from "../spec/tpm-error.ts";
import type { TpmState } from "../state/tpm-state.ts";
import { text } from "../testing/caller-crypto.ts";
import { Dice } from "../testing/dice.ts";
import { givenHmacKey, givenIndex, givenPersistent, givenPin } from "../testing/given.ts";
import { AES_128_CFB, startPolicy, startSession } from "../testing/start-session.ts";
import { header, rcOf, TestTpm } from "../testing/test-tpm.ts";
import type { Command } from "./command.ts";

const ROUNDS = 100;
const COMMANDS_PER_ROUND = 1000;
const SAMPLES = 12;

/** A TPM with something of everything, and nothing but empty authValues, so that many commands get far. */
function given(): TestTpm {
  const tpm = TestTpm.started();
  givenHmacKey(tpm, text("key"));
  givenIndex(tpm, { attributes: { OWNERREAD: true, OWNERWRITE: true, PPREAD: true, PPWRITE: true } });
  givenIndex(tpm, { nvIndex: 0x0180_0002, authValue: text("secret") });
  givenPin(tpm, "PIN_FAIL", 0, 5, text("1234"));
  givenPin(tpm, "PIN_PASS", 0, 5, new Uint8Array(0));
  givenPersistent(tpm, { maxTries: 1000 });
  startSession(tpm, { symmetric: AES_128_CFB });
  startPolicy(tpm, { symmetric: AES_128_CFB });
  return tpm;
}

const HANDLES: readonly number[] = [
  TPM_RH.OWNER,
  TPM_RH.PLATFORM,
  TPM_RH.ENDORSEMENT,
  TPM_RH.LOCKOUT,
  TPM_RH.NULL,
  HANDLE.TRANSIENT_FIRST,
  HANDLE.TRANSIENT_FIRST + 1,
  HANDLE.PERSISTENT_FIRST,
  0x0180_0001,
  0x0180_0002,
  0x0180_00f8,
  0x0180_00f9,
  HANDLE.HMAC_SESSION_FIRST,
  HANDLE.POLICY_SESSION_FIRST + 1,
  0,
  16,
  23,
];

const commands = [...COMMANDS.values()].filter(({ code }) => DEFAULT_V1.commands.has(code));

/** Encoded parameter areas of each command: each parameter by itself is one that the TPM takes. */
const samples = new Map<Command, readonly Bytes[]>(
  commands.map((command) => {
    const parameters = command.parameters.map(([, codec]) => {
      if (!isInhabited(codec, DEFAULT_V1)) return Array.from({ length: SAMPLES }, () => new Uint8Array(4));
      const options = { numRuns: SAMPLES, seed: command.code };
      return fc.sample(arbitrary(codec, DEFAULT_V1), options).map((value) => encode(codec, value));
    });
    const areas = Array.from({ length: SAMPLES }, (_, i) =>
      concatBytes(...parameters.map((each) => each[i] ?? new Uint8Array(0))),
    );
    return [command, areas];
  }),
);

/** The handles that each position of a command takes. */
const fittingHandles = new Map<Command, readonly (readonly number[])[]>(
  commands.map((command) => [
    command,
    command.handles.map(([, codec]) => HANDLES.filter((handle) => takes(codec, handle))),
  ]),
);

function takes(codec: Codec<number>, handle: number): boolean {
  try {
    codec.read(new Reader(encode(UINT32, handle), DEFAULT_V1));
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

function session(dice: Dice): Bytes {
  const handle = dice.of([TPM_RH.PW, TPM_RH.PW, TPM_RH.PW, 0x0200_0000, 0x0300_0001, 0x0200_0005]);
  const flags = handle === TPM_RH.PW ? 1 : dice.of([0x01, 0x21, 0x41, 0x61, 0x81, 0x87, 0x00]);
  const nonce = handle === TPM_RH.PW ? new Uint8Array(0) : dice.bytes(16);
  const auth = dice.roll(5) === 0 ? dice.bytes(dice.roll(33)) : new Uint8Array(0);
  const [nonceSize, authSize] = [encode(UINT16, nonce.length), encode(UINT16, auth.length)];
  return concatBytes(encode(UINT32, handle), nonceSize, nonce, Uint8Array.of(flags), authSize, auth);
}

/** A command that may well succeed. */
function plausible(dice: Dice): Bytes {
  const command = dice.of(commands);
  const handles = (fittingHandles.get(command) ?? []).map((fitting) =>
    encode(UINT32, fitting.length === 0 || dice.roll(20) === 0 ? dice.roll(2 ** 32) : dice.of(fitting)),
  );
  const needed = command.roles.filter((role) => role !== undefined).length;
  const count = dice.roll(12) === 0 ? dice.roll(5) : needed + (dice.roll(6) === 0 ? 1 : 0);
  const area = concatBytes(...Array.from({ length: count }, () => session(dice)));
  const sessions = count === 0 ? [] : [encode(UINT32, area.length), area];
  const parameters = dice.of(samples.get(command) ?? []);
  const tag = count === 0 ? TPM_ST.NO_SESSIONS : TPM_ST.SESSIONS;
  return header(tag, command.code, concatBytes(...handles, ...sessions, parameters));
}

/** The same with something broken in it. */
function damaged(dice: Dice): Bytes {
  let bytes = plausible(dice);
  for (let times = 1 + dice.roll(3); times > 0; times--) {
    const at = dice.roll(bytes.length);
    switch (dice.roll(5)) {
      case 0:
        bytes = bytes.slice(0, at);
        break;
      case 1:
        bytes = concatBytes(bytes.slice(0, at), dice.bytes(1 + dice.roll(8)), bytes.slice(at));
        break;
      case 2:
        bytes = concatBytes(bytes.slice(0, at), bytes.slice(at + 1 + dice.roll(4)));
        break;
      default:
        bytes[at] = dice.of([0, 1, 0x7f, 0x80, 0xff, dice.roll(256)]);
    }
    if (bytes.length === 0) return bytes;
  }
  // Usually with the size that the header should tell, else nothing behind the header would be looked at.
  if (bytes.length >= 6 && dice.roll(8) !== 0) bytes.set(encode(UINT32, bytes.length), 2);
  return bytes;
}

function anyCommand(dice: Dice): Bytes {
  const kind = dice.roll(10);
  if (kind === 0) return dice.bytes(dice.roll(80));
  if (kind === 1) {
    const tag = dice.of([TPM_ST.SESSIONS, TPM_ST.NO_SESSIONS]);
    return header(tag, dice.of(commands).code, dice.bytes(dice.roll(120)));
  }
  return kind < 5 ? plausible(dice) : damaged(dice);
}

/** Executes a command; long work is begun and given up. */
function execute(tpm: TestTpm, command: Bytes): Bytes {
  const step = tpm.tpm.begin(command, tpm.locality);
  return step.done ? step.response : step.cancel();
}

/** What is not as it should be in the answer to a command, apart from its being right. */
function flawOf(response: Bytes): string | undefined {
  if (response.length < 10) return "shorter than a header";
  const reader = new Reader(response);
  const [tag, size, rc] = [reader.uint16(), reader.uint32(), reader.uint32()];
  if (size !== response.length) return "a size that is not its size";
  if (size > DEFAULT_V1.limit("MAX_RESPONSE_SIZE")) return "longer than a response may be";
  if (rc !== 0) {
    if (size !== 10) return "a refusal with something behind the header";
    if (tag !== (rc === TPM_RC.BAD_TAG ? TPM_ST.RSP_COMMAND : TPM_ST.NO_SESSIONS)) return "a refusal with another tag";
    return /0x/.test(describeRc(rc)) ? "a code that the specification does not have" : undefined;
  }
  return tag === TPM_ST.NO_SESSIONS || tag === TPM_ST.SESSIONS ? undefined : "a tag that no response has";
}

/** Dictionary attack, time: what even a refused command may change. */
const OF_PERSISTENT: readonly string[] = ["failedTries", "lockOutAuthEnabled", "orderlyState"];
const OF_RAM: readonly string[] = ["orderly", "daUsed", "time", "timerLast", "untested"];
const OF_ORDERLY: readonly string[] = ["clock", "clockSafe", "selfHealTimer", "lockoutTimer"];
const PIN_INDICES: readonly number[] = [0x0180_00f8, 0x0180_00f9];

/** Names of what differs between two objects. */
function differing(before: object, after: object, allowed: readonly string[]): string[] {
  const old = new Map<string, unknown>(Object.entries(before));
  return Object.entries(after).flatMap(([name, value]) =>
    old.get(name) === value || allowed.includes(name) ? [] : [name],
  );
}

/** What a refused command has changed although it must not. */
function changedBy(before: TpmState, after: TpmState): string[] {
  if (before === after) return [];
  const indices = [...after.nv.indices].flatMap(([handle, index]) =>
    before.nv.indices.get(handle) === index || PIN_INDICES.includes(handle) ? [] : [`index ${handle.toString(16)}`],
  );
  return [
    ...differing(before.nv, after.nv, ["persistent", "indices", "orderly"]),
    ...differing(before.nv.persistent, after.nv.persistent, OF_PERSISTENT),
    ...(before.nv.indices.size === after.nv.indices.size ? indices : ["indices"]),
    ...differing(before.ram, after.ram, OF_RAM),
    ...differing(before.ram.orderly, after.ram.orderly, OF_ORDERLY),
  ];
}

describe("any bytes", () => {
  const seen = new Map<string, number>();

  test(`get a well-formed answer, and a refused command changes nothing (${ROUNDS * COMMANDS_PER_ROUND} commands)`, () => {
    const base = given();
    const start = base.tpm.state;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const dice = new Dice(seed);
        base.tpm.state = start;
        for (let i = 0; i < COMMANDS_PER_ROUND; i++) {
          // Whatever has gone on, there is something to work with again after a while.
          if (i % 50 === 0) base.tpm.state = start;
          if (dice.roll(10) === 0) base.platform.clock += dice.roll(10_000);
          base.platform.presence = dice.roll(2) === 0;
          base.locality = dice.roll(8) === 0 ? dice.roll(256) : 0;
          const before = base.tpm.state;
          const command = anyCommand(dice);
          const response = execute(base, command);
          const flaw = flawOf(response);
          const rc = rcOf(response);
          const changed = rc === 0 ? [] : changedBy(before, base.tpm.state);
          if (flaw !== undefined || changed.length > 0 || base.faults.length > 0) {
            throw new Error(`${toHex(command)} → ${toHex(response)}: ${flaw ?? changed.join(", ")}`);
          }
          const outcome = rc === 0 ? "success" : describeRc(rc).replace(/ \(.*/, "");
          seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
        }
      }),
      { numRuns: ROUNDS },
    );
  });

  test("meant many different answers in that test", () => {
    expect(seen.get("success")).toBeGreaterThan(5000);
    expect(seen.size).toBeGreaterThan(35);
  });
});
