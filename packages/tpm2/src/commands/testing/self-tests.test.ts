import type { CryptoProvider } from "@vtpm/crypto";
import { createNodeProvider } from "@vtpm/crypto/node";
import { fromHex, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { DEFAULT_V1 } from "../../profile.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_CAP } from "../../spec/constants.ts";
import { TPM_PT } from "../../spec/properties.ts";
import { TestPlatform } from "../../testing/test-platform.ts";
import { header, TestTpm } from "../../testing/test-tpm.ts";
import { Tpm } from "../../tpm.ts";
import { GetCapability } from "../capability/GetCapability.ts";
import { GetTestResult } from "./GetTestResult.ts";
import { IncrementalSelfTest } from "./IncrementalSelfTest.ts";
import { SelfTest } from "./SelfTest.ts";

describe("TPM2_SelfTest", () => {
  test.each([0, 1])("(%d) finds the algorithms in order", (fullTest) => {
    expect(TestTpm.started().run(SelfTest, { fullTest }).text).toBe("TPM_RC_SUCCESS");
  });

  test.each([
    ["hash", { hash: () => new Uint8Array(32) }],
    ["encrypt", { encrypt: () => ({ data: new Uint8Array(16), iv: new Uint8Array(16) }) }],
    ["rsaPublic", { rsaPublic: () => new Uint8Array(128) }],
    ["multiplyBase", { multiplyBase: () => undefined }],
  ] satisfies (readonly [string, Partial<CryptoProvider>])[])(
    "finds a fault in %s and enters failure mode",
    (_name, broken) => {
      const platform = new TestPlatform();
      const tpm = Tpm.manufacture(platform, DEFAULT_V1);
      tpm.powerOn();
      expect(toHex(tpm.execute(fromHex("80010000000c000001440000")))).toBe("80010000000a00000000");
      Object.assign(platform, { crypto: { ...createNodeProvider(), ...broken } });
      expect(toHex(tpm.execute(fromHex("80010000000b0000014301")))).toBe("80010000000a00000101");
      expect(toHex(tpm.execute(fromHex("80010000000c0000017b0008")))).toBe("80010000000a00000101");
    },
  );
});

describe("TPM2_IncrementalSelfTest", () => {
  test("tests what it is asked to and has nothing left to do", () => {
    const answer = TestTpm.started().run(IncrementalSelfTest, { toTest: [TPM_ALG.SHA256, TPM_ALG.AES] });
    expect(answer.out).toEqual({ toDoList: [] });
  });

  test("refuses an algorithm that the TPM does not have", () => {
    const answer = TestTpm.started().run(IncrementalSelfTest, { toTest: [TPM_ALG.SHA256, TPM_ALG.SM4] });
    expect(answer.text).toBe("TPM_RC_VALUE (parameter 1)");
  });
});

test("TPM2_GetTestResult of a sound TPM is recorded so", () => {
  expect(toHex(TestTpm.started().run(GetTestResult).bytes)).toBe("80010000001000000000000000000000");
});

describe("in failure mode", () => {
  function failed(): TestTpm {
    const tpm = TestTpm.started();
    const { nv, ram } = tpm.tpm.state;
    tpm.tpm.state = { nv, ram: { ...ram, failed: 1 } };
    return tpm;
  }
  const property = (tpm: TestTpm, number: number, propertyCount: number): string =>
    toHex(
      tpm.run(GetCapability, { capability: TPM_CAP.TPM_PROPERTIES, property: number, propertyCount }).bytes.slice(10),
    );

  test("TPM2_GetTestResult says FAILURE", () => {
    expect(toHex(failed().run(GetTestResult).bytes.slice(10))).toBe(`000c${"00".repeat(12)}00000101`);
  });

  test.each([
    ["the manufacturer", TPM_PT.MANUFACTURER, 1, "01 00000006 00000001 00000105 49424d00"],
    ["the manufacturer instead of what comes before it", 0, 5, "01 00000006 00000001 00000105 49424d00"],
    ["the firmware version, the last of all", TPM_PT.FIRMWARE_VERSION_2, 1, "00 00000006 00000001 0000010c 00120000"],
    ["the firmware version instead of what comes behind it", 0x200, 1, "00 00000006 00000001 00000200 00120000"],
    ["nothing if nothing is asked for", TPM_PT.MANUFACTURER, 0, "01 00000006 00000000 00000105 00000105"],
  ])("TPM2_GetCapability tells %s", (_name, number, count, answer) => {
    expect(property(failed(), number, count)).toBe(answer.replaceAll(" ", ""));
  });

  test.each([
    ["other capabilities", header(0x8001, TPM_CC.GetCapability, fromHex("000000000000000000000001"))],
    ["sessions", header(0x8002, TPM_CC.GetTestResult, new Uint8Array())],
    ["a test result with parameters", header(0x8001, TPM_CC.GetTestResult, Uint8Array.of(0))],
    ["a capability cut off", fromHex("8001000000160000017a00000006")],
    ["other commands", header(0x8001, TPM_CC.GetRandom, Uint8Array.of(0, 8))],
    ["half a header", fromHex("8001")],
    ["nothing at all", new Uint8Array()],
  ])("refuses %s", (_name, command) => {
    expect(toHex(failed().send(command))).toBe("80010000000a00000101");
  });
});
