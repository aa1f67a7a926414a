import type { CryptoProvider } from "@vtpm/crypto";
import { createNodeProvider } from "@vtpm/crypto/node";
import { EMPTY, fromHex, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { DEFAULT_V1 } from "../../profile.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_CAP } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_PT } from "../../spec/properties.ts";
import { givenDefined } from "../../testing/defined-index.ts";
import { startSession } from "../../testing/start-session.ts";
import {
  AES_KEY,
  child,
  ECC_SIGNING,
  ECC_STORAGE,
  primary,
  RSA_SIGNING,
  withAttributes,
} from "../../testing/templates.ts";
import { TestPlatform } from "../../testing/test-platform.ts";
import { header, TestTpm } from "../../testing/test-tpm.ts";
import { Tpm } from "../../tpm.ts";
import { RSA_Encrypt } from "../asymmetric/RSA_Encrypt.ts";
import { GetCapability } from "../capability/GetCapability.ts";
import { ContextSave } from "../context-management/ContextSave.ts";
import { EC_Ephemeral } from "../ephemeral-keys/EC_Ephemeral.ts";
import { HashSequenceStart } from "../hash-hmac-event-sequences/HashSequenceStart.ts";
import { PCR_Event } from "../integrity-collection/PCR_Event.ts";
import { GetRandom } from "../random-number-generator/GetRandom.ts";
import { Shutdown } from "../start-up/Shutdown.ts";
import { EncryptDecrypt2 } from "../symmetric/EncryptDecrypt2.ts";
import { Hash } from "../symmetric/Hash.ts";
import { GetTestResult } from "./GetTestResult.ts";
import { IncrementalSelfTest } from "./IncrementalSelfTest.ts";
import { SelfTest } from "./SelfTest.ts";

/** A provider of which some functions are others. */
function providerWith(broken: Partial<CryptoProvider>): CryptoProvider {
  return new Proxy(createNodeProvider(), {
    get(provider, name) {
      const value: unknown = Reflect.get({ ...broken }, name) ?? Reflect.get(provider, name);
      return typeof value === "function" ? value.bind(provider) : value;
    },
  });
}

describe("TPM2_SelfTest", () => {
  test.each([0, 1])("(%d) finds the algorithms in order", (fullTest) => {
    expect(TestTpm.started().run(SelfTest, { fullTest }).text).toBe("TPM_RC_SUCCESS");
  });

  test.each([
    ["hash", { hash: () => new Uint8Array(32) }],
    ["encrypt", { encrypt: () => ({ data: new Uint8Array(16), iv: new Uint8Array(16) }) }],
    ["rsaPublic", { rsaPublic: () => new Uint8Array(128) }],
    ["multiplyBase", { multiplyBase: () => undefined }],
    ["multiply", { multiply: () => undefined }],
    ["multiplyX", { multiplyX: () => undefined }],
    ["multiplyAdd", { multiplyAdd: (_curve, _a, point) => point }],
  ] satisfies (readonly [string, Partial<CryptoProvider>])[])(
    "finds a fault in %s and enters failure mode",
    (_name, broken) => {
      const platform = new TestPlatform();
      const tpm = Tpm.manufacture(platform, DEFAULT_V1);
      tpm.powerOn();
      expect(toHex(tpm.execute(fromHex("80010000000c000001440000")))).toBe("80010000000a00000000");
      Object.assign(platform, { crypto: providerWith({}) });
      expect(toHex(tpm.execute(fromHex("80010000000b0000014301")))).toBe("80010000000a00000000");
      Object.assign(platform, { crypto: providerWith(broken) });
      expect(toHex(tpm.execute(fromHex("80010000000b0000014301")))).toBe("80010000000a00000101");
      expect(toHex(tpm.execute(fromHex("80010000000c0000017b0008")))).toBe("80010000000a00000101");
    },
  );
});

const hashed = (tpm: TestTpm, hashAlg: number, hierarchy: number) =>
  tpm.run(Hash, { data: Uint8Array.of(1), hashAlg, hierarchy });

function encrypted(tpm: TestTpm, inScheme: object): void {
  const { objectHandle: keyHandle } = primary(tpm, withAttributes(RSA_SIGNING, { sign: false, decrypt: true }));
  const message = Uint8Array.of(1);
  expect(tpm.run(RSA_Encrypt, { keyHandle, message, inScheme, label: EMPTY }).text).toBe("TPM_RC_SUCCESS");
}

test("to look up a Name is no use of its hash", () => {
  const tpm = TestTpm.started();
  const handle = givenDefined(tpm);
  const { state } = tpm.tpm;
  tpm.nameOf(handle);
  expect(tpm.tpm.state).toBe(state);
});

/** Encrypts so many bytes with an AES key. */
const enciphered = (tpm: TestTpm, size: number) =>
  tpm.run(EncryptDecrypt2, {
    keyHandle: primary(tpm, AES_KEY).objectHandle,
    inData: new Uint8Array(size),
    decrypt: 0,
    mode: TPM_ALG.CFB,
    ivIn: new Uint8Array(16),
  });

describe("TPM2_IncrementalSelfTest", () => {
  const names = (algorithms: readonly number[]): string =>
    Object.entries(TPM_ALG)
      .filter(([, algorithm]) => algorithms.includes(algorithm))
      .map(([name]) => name)
      .join(" ");
  const toDo = (tpm: TestTpm, ...toTest: number[]): readonly number[] =>
    tpm.run(IncrementalSelfTest, { toTest }).out.toDoList;
  /** What is not to be tested any more. */
  const doneIn = (tpm: TestTpm, ...toTest: number[]): string => {
    const left = toDo(tpm, ...toTest);
    return names(ALL.filter((algorithm) => !left.includes(algorithm)));
  };
  // As libtpms lists them, ascending.
  const ALL = [3, 4, 6, 0xb, 0xc, 0xd, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1c, 0x22, 0x26, 0x43];

  test("has everything to do after the start, and nothing after TPM2_SelfTest", () => {
    for (const fullTest of [0, 1]) {
      const tpm = TestTpm.started();
      expect(toDo(tpm)).toEqual(ALL);
      tpm.run(SelfTest, { fullTest });
      expect(toDo(tpm)).toEqual([]);
      tpm.powerOn();
      expect(toDo(tpm)).toEqual(ALL);
    }
  });

  // Recorded from swtpm.
  test.each<[name: string, toTest: number, tested: string]>([
    ["HMAC", TPM_ALG.HMAC, "SHA512"],
    ["RSA", TPM_ALG.RSA, ""],
    ["RSASSA", TPM_ALG.RSASSA, "RSASSA"],
    ["RSAES", TPM_ALG.RSAES, "RSAES"],
    ["RSAPSS", TPM_ALG.RSAPSS, "RSAPSS"],
    ["OAEP", TPM_ALG.OAEP, "SHA512 OAEP"],
    ["ECC", TPM_ALG.ECC, "ECDH"],
    ["ECDSA", TPM_ALG.ECDSA, "SHA512 ECDSA ECDH"],
    ["ECSCHNORR", TPM_ALG.ECSCHNORR, "SHA512 ECDH ECSCHNORR"],
    ["KDF1_SP800_108", TPM_ALG.KDF1_SP800_108, "SHA512 KDF1_SP800_108"],
    ["AES", TPM_ALG.AES, "AES CFB"],
    ["CFB", TPM_ALG.CFB, "AES CFB"],
    ["CBC", TPM_ALG.CBC, ""],
    ["TDES", TPM_ALG.TDES, "TDES"],
    ["CAMELLIA", TPM_ALG.CAMELLIA, "CAMELLIA"],
    ["SHA256", TPM_ALG.SHA256, "SHA256"],
    ["SM2", TPM_ALG.SM2, ""],
  ])("has less to do after a test of %s", (_name, toTest, tested) => {
    expect(doneIn(TestTpm.started(), toTest)).toBe(tested);
  });

  const created = "SHA256 SHA512";
  test.each<[name: string, use: (tpm: TestTpm) => unknown, tested: string]>([
    ["nothing", () => {}, ""],
    ["TPM2_GetRandom", (tpm) => tpm.run(GetRandom, { bytesRequested: 8 }), ""],
    ["TPM2_Hash", (tpm) => hashed(tpm, TPM_ALG.SHA384, TPM_RH.NULL), "SHA384"],
    ["TPM2_Hash with a ticket", (tpm) => hashed(tpm, TPM_ALG.SHA1, TPM_RH.OWNER), "SHA1 SHA512"],
    ["TPM2_PCR_Event", (tpm) => tpm.run(PCR_Event, { pcrHandle: 16, eventData: EMPTY }), "SHA1 SHA256 SHA384 SHA512"],
    ["an unbound session", (tpm) => startSession(tpm), ""],
    ["a bound session", (tpm) => startSession(tpm, { bind: TPM_RH.OWNER }), "SHA256 SHA512 KDF1_SP800_108"],
    ["an ECC key", (tpm) => primary(tpm, ECC_STORAGE), `${created} ECDSA ECDH`],
    ["an RSA key", (tpm) => primary(tpm, RSA_SIGNING), created],
    ["an AES key", (tpm) => primary(tpm, AES_KEY), created],
    [
      "a child",
      (tpm) => child(tpm, primary(tpm).objectHandle, ECC_SIGNING),
      "AES SHA256 SHA512 ECDSA ECDH KDF1_SP800_108 CFB",
    ],
    [
      "TPM2_ContextSave",
      (tpm) => tpm.run(ContextSave, { saveHandle: primary(tpm, AES_KEY).objectHandle }),
      "AES SHA256 SHA512 KDF1_SP800_108 CFB",
    ],
    [
      "RSA-OAEP",
      (tpm) => encrypted(tpm, { scheme: TPM_ALG.OAEP, details: { hashAlg: TPM_ALG.SHA256 } }),
      `${created} OAEP`,
    ],
    ["RSAES", (tpm) => encrypted(tpm, { scheme: TPM_ALG.RSAES, details: {} }), "SHA256 SHA512 RSAES"],
    ["a cipher", (tpm) => enciphered(tpm, 16), `${created} AES CFB`],
    // Measured with libtpms 0.11.0.
    ["a cipher for nothing", (tpm) => enciphered(tpm, 0), created],
    ["RSA without padding", (tpm) => encrypted(tpm, { scheme: TPM_ALG.NULL }), created],
    ["TPM2_EC_Ephemeral", (tpm) => tpm.run(EC_Ephemeral, { curveID: 3 }), "SHA512 ECDH KDF1_SP800_108"],
    ["TPM2_HashSequenceStart", (tpm) => tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.SHA1 }), "SHA1"],
    ["TPM2_Shutdown", (tpm) => tpm.run(Shutdown, { shutdownType: 0 }), ""],
  ])("has less to do after the use of %s", (_name, use, tested) => {
    const tpm = TestTpm.started();
    use(tpm);
    expect(tpm.faults).toEqual([]);
    expect(doneIn(tpm).split(" ").sort()).toEqual(tested.split(" ").sort());
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
