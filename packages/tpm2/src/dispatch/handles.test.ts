import { type Codec, concatBytes, encode, Reader, Refusal, UINT32 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../commands/index.ts";
import { DEFAULT_V1 } from "../profile.ts";
import { TPM_ST } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { describeRc } from "../spec/tpm-error.ts";
import { text } from "../testing/caller-crypto.ts";
import { givenHmacKey, givenIndex, givenRam, givenStateClear } from "../testing/given.ts";
import { startPolicy, startSession } from "../testing/start-session.ts";
import { header, rcOf, TestTpm } from "../testing/test-tpm.ts";

/** First and last handles of every type, present ones, absent ones, and handles of types that do not exist. */
const HANDLES: readonly number[] = [
  ...[0x00, 0x01, 0x02, 0x03, 0x11, 0x12, 0x40, 0x80, 0x81, 0x90].flatMap((type) => [
    type * 2 ** 24,
    type * 2 ** 24 + 1,
    type * 2 ** 24 + 77,
    type * 2 ** 24 + 0x80_0000,
    type * 2 ** 24 + 0xff_ffff,
  ]),
  ...Object.values(TPM_RH),
  0x0180_0001,
  0x0400_0000,
  0x7f00_0000,
  0xff00_0000,
  0xffff_ffff,
];

function accepts(codec: Codec<number>, handle: number): boolean {
  try {
    codec.read(new Reader(encode(UINT32, handle), DEFAULT_V1));
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/** A TPM with an object, an Index and a session of each kind. */
function given(): TestTpm {
  const tpm = TestTpm.started();
  givenHmacKey(tpm, text("key"));
  givenIndex(tpm);
  startSession(tpm);
  startPolicy(tpm);
  return tpm;
}

const withHandles = [...COMMANDS.values()].filter(
  ({ code, handles }) => handles.length > 0 && DEFAULT_V1.commands.has(code),
);

describe("every handle in every position", () => {
  test.each(withHandles.map((command) => [command.code.toString(16), command] as const))(
    "of command %s",
    (_code, command) => {
      const tpm = given();
      const before = tpm.tpm.state;
      const fitting = command.handles.map(([, codec]) => HANDLES.find((handle) => accepts(codec, handle)) ?? 0);
      command.handles.forEach(([, codec], position) => {
        for (const handle of HANDLES) {
          const handles = fitting.map((other, i) => (i === position ? handle : other));
          const area = concatBytes(...handles.map((each) => encode(UINT32, each)));
          for (const tag of [TPM_ST.NO_SESSIONS, TPM_ST.SESSIONS]) {
            const rc = describeRc(rcOf(tpm.send(header(tag, command.code, area))));
            if (!accepts(codec, handle)) expect(rc).toBe(`TPM_RC_VALUE (handle ${position + 1})`);
            tpm.tpm.state = before;
          }
        }
        const cut = fitting.slice(0, position).map((each) => encode(UINT32, each));
        const command3 = header(TPM_ST.NO_SESSIONS, command.code, concatBytes(...cut, new Uint8Array(3)));
        expect(describeRc(rcOf(tpm.send(command3)))).toBe(`TPM_RC_INSUFFICIENT (handle ${position + 1})`);
      });
      expect(tpm.faults).toEqual([]);
    },
  );

  test.each<[name: string, handle: number, prepare: (tpm: TestTpm) => void, outcome: string]>([
    ["a disabled owner", TPM_RH.OWNER, (tpm) => givenStateClear(tpm, { shEnable: 0 }), "TPM_RC_HIERARCHY (handle 1)"],
    [
      "a disabled endorser",
      TPM_RH.ENDORSEMENT,
      (tpm) => givenStateClear(tpm, { ehEnable: 0 }),
      "TPM_RC_HIERARCHY (handle 1)",
    ],
    ["a disabled platform", TPM_RH.PLATFORM, (tpm) => givenRam(tpm, { phEnable: 0 }), "TPM_RC_HIERARCHY (handle 1)"],
    [
      "an Index of the disabled owner",
      0x0180_0001,
      (tpm) => givenStateClear(tpm, { shEnable: 0 }),
      "TPM_RC_HANDLE (handle 1)",
    ],
    ["an Index that is not defined", 0x0180_0002, () => {}, "TPM_RC_HANDLE (handle 1)"],
    ["an empty slot", 0x8000_0001, () => {}, "TPM_RC_REFERENCE_H0"],
    ["a persistent object that is not there", 0x8100_0001, () => {}, "TPM_RC_HANDLE (handle 1)"],
    ["an authorization that no vendor has", TPM_RH.AUTH_00, () => {}, "TPM_RC_VALUE (handle 1)"],
  ])("%s", (_name, handle, prepare, outcome) => {
    const tpm = given();
    prepare(tpm);
    const policySession = encode(UINT32, 0x0300_0001);
    const body = concatBytes(encode(UINT32, handle), policySession);
    expect(describeRc(rcOf(tpm.send(header(TPM_ST.NO_SESSIONS, 0x151, body))))).toBe(outcome);
  });

  test("all handles are decoded before the first is looked for", () => {
    const tpm = given();
    const body = concatBytes(encode(UINT32, 0x8000_0002), encode(UINT32, 0x0200_0000));
    expect(describeRc(rcOf(tpm.send(header(TPM_ST.NO_SESSIONS, 0x151, body))))).toBe("TPM_RC_VALUE (handle 2)");
  });
});
