import { type Bytes, concatBytes, encode, fromHex, toHex, UINT16, UINT32 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { DEFAULT_V1, NULL_PROFILE } from "../profile.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ST, TPM_SU } from "../spec/constants.ts";
import { describeRc } from "../spec/tpm-error.ts";
import { header, rcOf, TestTpm } from "../testing/test-tpm.ts";

const answerTo = (tpm: TestTpm, command: Bytes): string => describeRc(rcOf(tpm.send(command)));
const startup = (type: number): Bytes => header(TPM_ST.NO_SESSIONS, TPM_CC.Startup, encode(UINT16, type));
const shutdown = (type: number): Bytes => header(TPM_ST.NO_SESSIONS, TPM_CC.Shutdown, encode(UINT16, type));
const getRandom = header(TPM_ST.NO_SESSIONS, TPM_CC.GetRandom, Uint8Array.of(0, 4));

describe("the command header", () => {
  test.each<[name: string, command: string, outcome: string]>([
    ["nothing", "", "TPM_RC_INSUFFICIENT"],
    ["half a tag", "80", "TPM_RC_INSUFFICIENT"],
    ["a tag of no structure", "0000 0000000c 0000017b 0004", "TPM_RC_VALUE"],
    ["a tag of another structure", "8014 0000000c 0000017b 0004", "TPM_RC_BAD_TAG"],
    ["half a size", "8001 0000", "TPM_RC_INSUFFICIENT"],
    ["a size without anything behind it", "8001 00000006", "TPM_RC_INSUFFICIENT"],
    ["a size too small", "8001 0000000b 0000017b 0004", "TPM_RC_COMMAND_SIZE"],
    ["a size too large", "8001 0000000d 0000017b 0004", "TPM_RC_COMMAND_SIZE"],
    ["the largest size", "8001 ffffffff 0000017b 0004", "TPM_RC_COMMAND_SIZE"],
    ["a wrong size before a wrong code", "8001 0000000b 0000ffff 0004", "TPM_RC_COMMAND_SIZE"],
    ["half a code", "8001 00000008 0000", "TPM_RC_INSUFFICIENT"],
    ["a wrong code before missing sessions", "8002 0000000a 0000ffff", "TPM_RC_COMMAND_CODE"],
    ["a second Startup", "8001 0000000c 00000144 0000", "TPM_RC_INITIALIZE"],
    ["no parameters", "8001 0000000a 0000017b", "TPM_RC_INSUFFICIENT (parameter 1)"],
    ["a parameter too many", "8001 0000000d 0000017b 0004 00", "TPM_RC_SIZE"],
    ["everything in order", "8001 0000000c 0000017b 0004", "TPM_RC_SUCCESS"],
  ])("%s", (_name, command, outcome) => {
    expect(answerTo(TestTpm.started(), fromHex(command))).toBe(outcome);
  });

  test("a bad tag is answered as a TPM 1.2 would", () => {
    expect(toHex(TestTpm.started().send(fromHex("00c1 0000000c 0000017b 0004")))).toBe("80010000000a00000084");
    expect(toHex(TestTpm.started().send(fromHex("8021 0000000c 0000017b 0004")))).toBe("00c40000000a0000001e");
  });

  test("a command longer than the TPM takes", () => {
    const tpm = TestTpm.started();
    const size = DEFAULT_V1.limit("MAX_COMMAND_SIZE");
    const stir = (total: number): Bytes => header(TPM_ST.NO_SESSIONS, TPM_CC.StirRandom, new Uint8Array(total - 10));
    expect(answerTo(tpm, stir(size))).toBe("TPM_RC_SIZE");
    expect(answerTo(tpm, stir(size + 1))).toBe("TPM_RC_COMMAND_SIZE");
  });

  test.each([DEFAULT_V1, NULL_PROFILE])("every code that is no command of profile $name", (profile) => {
    const tpm = TestTpm.started({ profile });
    const codes = [0, 1, 0x11e, 0x1_0000, 0x1_017b, 0x4000_017b, 0x8000_017b, 0x2000_017b, 0x2000_0000, 0xffff_ffff];
    for (let code = 0x100; code < 0x220; code++) codes.push(code);
    for (const code of codes) {
      if (profile.commands.has(code)) continue;
      const outcome = answerTo(tpm, header(TPM_ST.NO_SESSIONS, code, new Uint8Array(0)));
      expect([code.toString(16), outcome]).toEqual([code.toString(16), "TPM_RC_COMMAND_CODE"]);
    }
  });
});

describe("before TPM2_Startup", () => {
  test("every command but Startup is refused, and a code that does not exist for that", () => {
    const tpm = new TestTpm();
    tpm.tpm.powerOn();
    for (const code of DEFAULT_V1.commands.keys()) {
      if (code === TPM_CC.Startup) continue;
      expect(answerTo(tpm, header(TPM_ST.NO_SESSIONS, code, new Uint8Array(0)))).toBe("TPM_RC_INITIALIZE");
    }
    expect(answerTo(tpm, header(TPM_ST.NO_SESSIONS, 0x11e, new Uint8Array(0)))).toBe("TPM_RC_COMMAND_CODE");
  });

  test.each<[name: string, stop: (tpm: TestTpm) => void]>([
    ["no TPM2_Shutdown", () => {}],
    ["Shutdown(CLEAR)", (tpm) => tpm.send(shutdown(TPM_SU.CLEAR))],
    [
      "Shutdown(STATE) followed by something that changes what it saved",
      (tpm) => {
        tpm.send(shutdown(TPM_SU.STATE));
        const digests = concatBytes(encode(UINT32, 1), Uint8Array.of(0, 11), new Uint8Array(32));
        const password = fromHex("00000009 40000009 0000 01 0000");
        tpm.send(header(TPM_ST.SESSIONS, TPM_CC.PCR_Extend, concatBytes(encode(UINT32, 0), password, digests)));
      },
    ],
  ])("Startup(STATE) after %s is refused, and then only Startup(CLEAR) helps", (_name, stop) => {
    const tpm = TestTpm.started();
    stop(tpm);
    tpm.tpm.powerOn();
    expect(answerTo(tpm, startup(TPM_SU.STATE))).toBe("TPM_RC_VALUE (parameter 1)");
    expect(answerTo(tpm, getRandom)).toBe("TPM_RC_INITIALIZE");
    expect(answerTo(tpm, startup(TPM_SU.STATE))).toBe("TPM_RC_VALUE (parameter 1)");
    expect(answerTo(tpm, startup(TPM_SU.CLEAR))).toBe("TPM_RC_SUCCESS");
    expect(answerTo(tpm, getRandom)).toBe("TPM_RC_SUCCESS");
  });

  test("Startup(STATE) after Shutdown(STATE) resumes", () => {
    const tpm = TestTpm.started();
    tpm.send(shutdown(TPM_SU.STATE));
    tpm.tpm.powerOn();
    expect(answerTo(tpm, startup(TPM_SU.STATE))).toBe("TPM_RC_SUCCESS");
  });
});
