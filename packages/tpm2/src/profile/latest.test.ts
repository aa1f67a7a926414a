import { EMPTY, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { GetCapability } from "../commands/capability/GetCapability.ts";
import { ContextLoad } from "../commands/context-management/ContextLoad.ts";
import { ContextSave } from "../commands/context-management/ContextSave.ts";
import { HashSequenceStart } from "../commands/hash-hmac-event-sequences/HashSequenceStart.ts";
import { SequenceComplete } from "../commands/hash-hmac-event-sequences/SequenceComplete.ts";
import { SequenceUpdate } from "../commands/hash-hmac-event-sequences/SequenceUpdate.ts";
import { ReadOnlyControl } from "../commands/hierarchy/ReadOnlyControl.ts";
import { Sign } from "../commands/signing/Sign.ts";
import { VerifySignature } from "../commands/signing/VerifySignature.ts";
import { Shutdown } from "../commands/start-up/Shutdown.ts";
import { Hash } from "../commands/symmetric/Hash.ts";
import { DEFAULT_V2, LATEST, PROFILES, type Profile, parseProfile, profileOfState } from "../profile.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ALG, TPM_CAP, TPM_ST, TPM_SU } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { applyChanges, durableChanges } from "../state/durable.ts";
import { text } from "../testing/caller-crypto.ts";
import { createKey, eccTemplate, rsaTemplate } from "../testing/create-key.ts";
import { TestPlatform } from "../testing/test-platform.ts";
import { TestTpm } from "../testing/test-tpm.ts";
import { Tpm } from "../tpm.ts";

/** FIPS 202, of "abc". */
const DIGESTS = new Map([
  [TPM_ALG.SHA3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"],
  [
    TPM_ALG.SHA3_384,
    "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
  ],
  [
    TPM_ALG.SHA3_512,
    "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
  ],
]);

test("profile latest is known by name and cannot be changed", () => {
  expect(parseProfile('{"Name":"latest"}')).toBe(LATEST);
  expect(() => parseProfile('{"Name":"latest","Algorithms":"rsa"}')).toThrow("cannot be changed");
});

describe("a state of profile latest", () => {
  const plain = (profile: Profile) => ({ ...profile, limit: undefined, allows: undefined });

  test("has what its lists say", () => {
    expect(plain(profileOfState(LATEST.json))).toEqual(plain(LATEST));
    const older = profileOfState(LATEST.json.replace("0x1a1", "0x1a0").replace(",sha3-512", ""));
    expect(older.commands.has(TPM_CC.PolicyTransportSPDM)).toBe(false);
    expect(older.commands.has(TPM_CC.ReadOnlyControl)).toBe(true);
    expect(older.allows("ALG", TPM_ALG.SHA3_512)).toBe(false);
    expect(older.allows("ALG", TPM_ALG.SHA3_384)).toBe(true);
    expect(profileOfState(older.json).json).toBe(older.json);
  });

  test("is refused if it has what only a later version knows", () => {
    expect(() => profileOfState(LATEST.json.replace("0x1a1", "0x1a5"))).toThrow("does not exist");
    expect(() => profileOfState(LATEST.json.replace("sha3-512", "mlkem"))).toThrow("not known");
    expect(() => profileOfState(LATEST.json.replace(":9,", ":10,"))).toThrow("format 9");
  });
});

test("profile latest has everything that default-v2 has, and more", () => {
  for (const code of DEFAULT_V2.commands.keys()) expect(LATEST.commands.has(code)).toBe(true);
  for (const alg of DEFAULT_V2.algorithms.keys()) expect(LATEST.algorithms.has(alg)).toBe(true);
  expect(LATEST.commands.size).toBe(120);
  expect(LATEST.algorithms.size).toBe(36);
});

describe.each([...PROFILES].filter(([name]) => name !== "latest"))("in profile %s", (_name, profile) => {
  const tpm = TestTpm.started({ profile });

  test.each([
    "ACT_SetTimeout",
    "NV_DefineSpace2",
    "NV_ReadPublic2",
    "SetCapability",
    "ReadOnlyControl",
    "PolicyTransportSPDM",
  ] as const)("TPM2_%s is not known", (name) => {
    expect(tpm.runRaw({ ...ReadOnlyControl, code: TPM_CC[name] }, [TPM_RH.PLATFORM], EMPTY).text).toBe(
      "TPM_RC_COMMAND_CODE",
    );
  });

  test("there is no SHA-3 and no timer", () => {
    const hashAlg = TPM_ALG.SHA3_256;
    expect(tpm.run(Hash, { data: EMPTY, hashAlg, hierarchy: TPM_RH.NULL }).text).toBe("TPM_RC_HASH (parameter 2)");
    const list = (capability: number, property: number) =>
      tpm.run(GetCapability, { capability, property, propertyCount: 100 }).out.capabilityData.data;
    expect(list(TPM_CAP.ACT, TPM_RH.ACT_0)).toEqual([]);
    expect(list(TPM_CAP.HANDLES, TPM_RH.ACT_0)).toEqual([]);
  });

  test("the state has no section for it", () => {
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    expect(durableChanges(undefined, tpm.tpm.state.nv).find(({ key }) => key === "extension")?.value).toBeUndefined();
  });
});

describe.each([...DIGESTS])("SHA-3 (0x%s)", (hashAlg, digest) => {
  const tpm = TestTpm.started({ profile: LATEST });

  test("is a hash", () => {
    const { outHash } = tpm.run(Hash, { data: text("abc"), hashAlg, hierarchy: TPM_RH.NULL }).out;
    expect(toHex(outHash)).toBe(digest);
  });

  test("goes on after its sequence was saved and loaded", () => {
    const { sequenceHandle } = tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg }).out;
    tpm.run(SequenceUpdate, { sequenceHandle, buffer: text("a") });
    const { context } = tpm.run(ContextSave, { saveHandle: sequenceHandle }).out;
    const { loadedHandle } = tpm.run(ContextLoad, { context }).out;
    const input = { sequenceHandle: loadedHandle, buffer: text("bc"), hierarchy: TPM_RH.NULL };
    expect(toHex(tpm.run(SequenceComplete, input).out.result)).toBe(digest);
  });

  test.each([
    ["RSASSA", TPM_ALG.RSASSA, rsaTemplate({ sign: true })],
    ["RSAPSS", TPM_ALG.RSAPSS, rsaTemplate({ sign: true })],
    ["ECDSA", TPM_ALG.ECDSA, eccTemplate({ sign: true })],
  ] as const)("signs and verifies with %s", (_name, scheme, template) => {
    const fresh = TestTpm.started({ profile: LATEST });
    const { handle: keyHandle } = createKey(fresh, template);
    const signed = new Uint8Array(digest.length / 2).fill(5);
    const validation = { tag: TPM_ST.HASHCHECK, hierarchy: TPM_RH.NULL, digest: EMPTY };
    const inScheme = { scheme, details: { hashAlg } };
    const { signature } = fresh.run(Sign, { keyHandle, digest: signed, inScheme, validation }).out;
    expect(fresh.run(VerifySignature, { keyHandle, digest: signed, signature }).text).toBe("TPM_RC_SUCCESS");
  });
});

test("timers are among the handles", () => {
  const tpm = TestTpm.started({ profile: LATEST });
  const input = { capability: TPM_CAP.HANDLES, property: TPM_RH.ACT_0, propertyCount: 100 };
  expect(tpm.run(GetCapability, input).out.capabilityData.data).toEqual([TPM_RH.ACT_0, TPM_RH.ACT_1]);
});

test("what libtpms has no place for is stored in a section of its own, and comes back", () => {
  const tpm = TestTpm.started({ profile: LATEST });
  tpm.run(ReadOnlyControl, { authHandle: TPM_RH.PLATFORM, state: 1 });
  tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
  const changes = durableChanges(undefined, tpm.tpm.state.nv);
  expect(changes.find(({ key }) => key === "extension")?.value).toBeDefined();
  const again = Tpm.withState(new TestPlatform(), applyChanges(undefined, changes));
  expect(again.state.nv.extension).toEqual({ readOnly: 1, timers: new Map() });
  expect(again.state.nv.profile).toBe(LATEST);
});
