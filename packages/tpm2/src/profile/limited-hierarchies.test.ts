import { EMPTY, encode } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { CertifyCreation } from "../commands/attestation/CertifyCreation.ts";
import { GetCapability } from "../commands/capability/GetCapability.ts";
import { ContextLoad } from "../commands/context-management/ContextLoad.ts";
import { ContextSave } from "../commands/context-management/ContextSave.ts";
import { EvictControl } from "../commands/context-management/EvictControl.ts";
import { PolicyAuthorize } from "../commands/enhanced-authorization/PolicyAuthorize.ts";
import { PolicyTicket } from "../commands/enhanced-authorization/PolicyTicket.ts";
import { HashSequenceStart } from "../commands/hash-hmac-event-sequences/HashSequenceStart.ts";
import { SequenceComplete } from "../commands/hash-hmac-event-sequences/SequenceComplete.ts";
import { Clear } from "../commands/hierarchy/Clear.ts";
import { CreatePrimary } from "../commands/hierarchy/CreatePrimary.ts";
import { HierarchyChangeAuth } from "../commands/hierarchy/HierarchyChangeAuth.ts";
import { HierarchyControl } from "../commands/hierarchy/HierarchyControl.ts";
import { Create } from "../commands/object/Create.ts";
import { CreateLoaded } from "../commands/object/CreateLoaded.ts";
import { LoadExternal } from "../commands/object/LoadExternal.ts";
import { ReadPublic } from "../commands/object/ReadPublic.ts";
import { Sign } from "../commands/signing/Sign.ts";
import { Hash } from "../commands/symmetric/Hash.ts";
import { DEFAULT_V2, LATEST } from "../profile.ts";
import { TPM_ALG, TPM_CAP, TPM_ST } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { TPM_PT } from "../spec/properties.ts";
import { TPMT_PUBLIC } from "../spec/structures/index.ts";
import { hmac, kdfa, text } from "../testing/caller-crypto.ts";
import { startPolicy } from "../testing/start-session.ts";
import {
  child,
  creationInput,
  ECC_SIGNING,
  ECC_STORAGE,
  loaded,
  primary,
  withAttributes,
} from "../testing/templates.ts";
import { TestPlatform, testFirmware } from "../testing/test-platform.ts";
import { TestTpm } from "../testing/test-tpm.ts";

const SVN_3 = TPM_RH.SVN_OWNER_BASE + 3;
const OF_FIRMWARE = withAttributes(ECC_STORAGE, { firmwareLimited: true });
const OF_SVN = withAttributes(ECC_STORAGE, { svnLimited: true });

function withFirmware(svn = 5, number = 1): TestTpm {
  const platform = new TestPlatform();
  platform.firmware = testFirmware(svn, number);
  return TestTpm.started({ profile: LATEST, platform });
}

/** The TPM goes on with other firmware. */
const upgrade = (tpm: TestTpm, svn: number, number: number): void => {
  tpm.platform.firmware = testFirmware(svn, number);
};

const create = (tpm: TestTpm, hierarchy: number, template: object = ECC_STORAGE): string =>
  tpm.run(CreatePrimary, { primaryHandle: hierarchy, ...creationInput(template) }).text;
const publicOf = (tpm: TestTpm, hierarchy: number): object => {
  tpm.tpm.powerOn();
  tpm.powerOn();
  return primary(tpm, ECC_STORAGE, hierarchy).outPublic;
};

describe("a hierarchy limited to a firmware", () => {
  test("derives other keys than its base, and other firmware gets others again", () => {
    const tpm = withFirmware();
    const base = publicOf(tpm, TPM_RH.OWNER);
    const first = publicOf(tpm, TPM_RH.FW_OWNER);
    expect(first).not.toEqual(base);
    expect(publicOf(tpm, TPM_RH.FW_OWNER)).toEqual(first);
    upgrade(tpm, 5, 2);
    expect(publicOf(tpm, TPM_RH.FW_OWNER)).not.toEqual(first);
    expect(publicOf(tpm, TPM_RH.OWNER)).toEqual(base);
    upgrade(tpm, 5, 1);
    expect(publicOf(tpm, TPM_RH.FW_OWNER)).toEqual(first);
  });

  test("limited by SVN derives the same keys in all firmware from that SVN on", () => {
    const tpm = withFirmware();
    const first = publicOf(tpm, SVN_3);
    expect(publicOf(tpm, SVN_3 + 1)).not.toEqual(first);
    upgrade(tpm, 9, 2);
    expect(publicOf(tpm, SVN_3)).toEqual(first);
    upgrade(tpm, 2, 3);
    expect(create(tpm, SVN_3)).toBe("TPM_RC_SVN_LIMITED (handle 1)");
  });

  test.each([
    [TPM_RH.FW_OWNER, "shProof", "H_FW_SECRET", new Uint8Array(64).fill(1)],
    [TPM_RH.FW_ENDORSEMENT, "ehProof", "H_FW_SECRET", new Uint8Array(64).fill(1)],
    [TPM_RH.SVN_PLATFORM_BASE + 2, "phProof", "H_SVN_SECRET", new Uint8Array(64).fill(2, 0, 32)],
  ] as const)("0x%s has a proof of its own for its tickets", (hierarchy, name, label, secret) => {
    const tpm = withFirmware();
    const { creationTicket, creationHash, name: keyName } = primary(tpm, ECC_STORAGE, hierarchy);
    const base = tpm.tpm.state.nv.persistent[name];
    const proof = kdfa(TPM_ALG.SHA512, base, "H_PROOF_SECRET", secret, text(`${label}\0`), 64);
    const digest = hmac(TPM_ALG.SHA512, proof, Uint8Array.of(0x80, 0x21), keyName, creationHash);
    expect(creationTicket).toEqual({ tag: TPM_ST.CREATION, hierarchy, digest });
  });

  test("has the authorizations of its base", () => {
    const tpm = withFirmware();
    tpm.run(HierarchyChangeAuth, { authHandle: TPM_RH.OWNER, newAuth: text("owner") });
    expect(create(tpm, TPM_RH.FW_OWNER)).toBe("TPM_RC_BAD_AUTH (session 1)");
    const input = { primaryHandle: SVN_3, ...creationInput(ECC_STORAGE) };
    expect(tpm.run(CreatePrimary, input, ["owner"]).text).toBe("TPM_RC_SUCCESS");
  });

  test("is disabled with its base", () => {
    const tpm = withFirmware();
    const { context } = tpm.run(ContextSave, {
      saveHandle: primary(tpm, OF_FIRMWARE, TPM_RH.FW_OWNER).objectHandle,
    }).out;
    tpm.run(HierarchyControl, { authHandle: TPM_RH.OWNER, enable: TPM_RH.OWNER, state: 0 });
    expect(create(tpm, TPM_RH.FW_OWNER)).toBe("TPM_RC_HIERARCHY (handle 1)");
    expect(tpm.run(ContextLoad, { context }).text).toBe("TPM_RC_HIERARCHY (parameter 1)");
    const inPublic = primary(withFirmware(), ECC_SIGNING).outPublic;
    const outcome = tpm.run(LoadExternal, { inPrivate: undefined, inPublic, hierarchy: SVN_3 }).text;
    expect(outcome).toBe("TPM_RC_HIERARCHY (parameter 3)");
  });

  test("loses its objects when its base is cleared", () => {
    const tpm = withFirmware();
    const { objectHandle } = primary(tpm, OF_FIRMWARE, TPM_RH.FW_OWNER);
    tpm.run(Clear, { authHandle: TPM_RH.LOCKOUT });
    expect(tpm.run(ReadPublic, { objectHandle }).text).toBe("TPM_RC_REFERENCE_H0");
  });

  test("has contexts that other firmware cannot load", () => {
    const tpm = withFirmware();
    const save = (hierarchy: number): unknown => {
      const { objectHandle: saveHandle } = primary(tpm, ECC_STORAGE, hierarchy);
      return tpm.run(ContextSave, { saveHandle }).out.context;
    };
    const [ofFirmware, ofSvn] = [save(TPM_RH.FW_OWNER), save(SVN_3)] as const;
    const load = (context: unknown): string => tpm.run(ContextLoad, { context }).text;
    expect(load(ofFirmware)).toBe("TPM_RC_SUCCESS");
    upgrade(tpm, 5, 2);
    expect(load(ofFirmware)).toBe("TPM_RC_INTEGRITY (parameter 1)");
    upgrade(tpm, 2, 3);
    expect(load(ofSvn)).toBe("TPM_RC_SVN_LIMITED");
    delete tpm.platform.firmware;
    expect(load(ofFirmware)).toBe("TPM_RC_FW_LIMITED");
  });

  test("has objects that are never persistent", () => {
    const tpm = withFirmware();
    const { objectHandle } = primary(tpm, ECC_STORAGE, TPM_RH.FW_OWNER);
    const input = { auth: TPM_RH.OWNER, objectHandle, persistentHandle: 0x8100_0001 };
    expect(tpm.run(EvictControl, input).text).toBe("TPM_RC_HIERARCHY (handle 2)");
  });

  test("alone may have objects that say they are limited, and their children", () => {
    const tpm = withFirmware();
    const refused = "TPM_RC_ATTRIBUTES (parameter 2)";
    expect(create(tpm, TPM_RH.OWNER, OF_FIRMWARE)).toBe(refused);
    expect(create(tpm, SVN_3, OF_FIRMWARE)).toBe(refused);
    expect(create(tpm, TPM_RH.FW_OWNER, OF_SVN)).toBe(refused);
    const notFixed = withAttributes(OF_SVN, { fixedTPM: false, fixedParent: false });
    expect(create(tpm, SVN_3, notFixed)).toBe(refused);
    expect(create(tpm, SVN_3, OF_SVN)).toBe("TPM_RC_SUCCESS");
    const parent = primary(tpm, OF_FIRMWARE, TPM_RH.FW_OWNER).objectHandle;
    const wrong = { parentHandle: parent, ...creationInput(withAttributes(ECC_SIGNING, { svnLimited: true })) };
    expect(tpm.run(Create, wrong).text).toBe(refused);
    const made = child(tpm, parent, withAttributes(ECC_SIGNING, { firmwareLimited: true }));
    const objectHandle = loaded(tpm, parent, made);
    expect(tpm.tpm.state.ram.objects.get(objectHandle)).toMatchObject({ hierarchy: TPM_RH.FW_OWNER });
  });

  test("is a parent for TPM2_CreateLoaded, too", () => {
    const tpm = withFirmware();
    const expected = primary(tpm, ECC_STORAGE, TPM_RH.FW_NULL).outPublic;
    const { inSensitive } = creationInput(ECC_STORAGE);
    const input = { parentHandle: TPM_RH.FW_NULL, inSensitive, inPublic: encode(TPMT_PUBLIC, ECC_STORAGE) };
    expect(tpm.run(CreateLoaded, input).out.outPublic).toEqual(expected);
  });

  test("is told by TPM2_GetCapability", () => {
    const tpm = withFirmware(7);
    const list = (capability: number, property: number, propertyCount = 8) =>
      tpm.run(GetCapability, { capability, property, propertyCount }).out.capabilityData.data;
    const { FW_OWNER, FW_ENDORSEMENT, FW_PLATFORM, FW_NULL } = TPM_RH;
    const bases = [1, 2, 3, 4].map((number) => 0x4000_0000 + number * 0x1_0000);
    expect(list(TPM_CAP.HANDLES, FW_OWNER)).toEqual([FW_OWNER, FW_ENDORSEMENT, FW_PLATFORM, FW_NULL, ...bases]);
    expect(list(TPM_CAP.TPM_PROPERTIES, TPM_PT.FIRMWARE_SVN, 2)).toEqual([
      { property: TPM_PT.FIRMWARE_SVN, value: 7 },
      { property: TPM_PT.FIRMWARE_MAX_SVN, value: 0xffff },
    ]);
  });
});

describe("without secrets of the platform's firmware", () => {
  const tpm = TestTpm.started({ profile: LATEST });

  test("there is no limited hierarchy", () => {
    expect(create(tpm, TPM_RH.FW_OWNER)).toBe("TPM_RC_FW_LIMITED (handle 1)");
    expect(create(tpm, SVN_3)).toBe("TPM_RC_SVN_LIMITED (handle 1)");
    const hash = (hierarchy: number): string => tpm.run(Hash, { data: EMPTY, hashAlg: TPM_ALG.SHA256, hierarchy }).text;
    expect(hash(TPM_RH.FW_OWNER)).toBe("TPM_RC_FW_LIMITED");
    expect(hash(SVN_3)).toBe("TPM_RC_SVN_LIMITED");
    const input = { capability: TPM_CAP.HANDLES, property: TPM_RH.FW_OWNER, propertyCount: 8 };
    expect(tpm.run(GetCapability, input).out.capabilityData.data).toEqual([]);
  });
});

describe("no ticket of a limited hierarchy is made or examined without the secret", () => {
  const digest = new Uint8Array(32);
  const ticket = (tag: number, hierarchy: number) => ({ tag, hierarchy, digest: new Uint8Array(64) });
  test.each<[name: string, run: (tpm: TestTpm, hierarchy: number) => string]>([
    ["Hash", (tpm, hierarchy) => tpm.run(Hash, { data: EMPTY, hashAlg: TPM_ALG.SHA256, hierarchy }).text],
    [
      "SequenceComplete",
      (tpm, hierarchy) => {
        const { sequenceHandle } = tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.SHA256 }).out;
        return tpm.run(SequenceComplete, { sequenceHandle, buffer: text("data"), hierarchy }).text;
      },
    ],
    [
      "Sign",
      (tpm, hierarchy) => {
        const inScheme = { scheme: TPM_ALG.ECDSA, details: { hashAlg: TPM_ALG.SHA256 } };
        const keyHandle = primary(tpm, ECC_SIGNING).objectHandle;
        return tpm.run(Sign, { keyHandle, digest, inScheme, validation: ticket(TPM_ST.HASHCHECK, hierarchy) }).text;
      },
    ],
    [
      "CertifyCreation",
      (tpm, hierarchy) =>
        tpm.run(CertifyCreation, {
          signHandle: TPM_RH.NULL,
          objectHandle: primary(tpm).objectHandle,
          qualifyingData: EMPTY,
          creationHash: digest,
          inScheme: { scheme: TPM_ALG.NULL },
          creationTicket: ticket(TPM_ST.CREATION, hierarchy),
        }).text,
    ],
    [
      "PolicyTicket",
      (tpm, hierarchy) =>
        tpm.run(PolicyTicket, {
          policySession: startPolicy(tpm).handle,
          timeout: new Uint8Array(8).fill(0x7f),
          cpHashA: EMPTY,
          policyRef: EMPTY,
          authName: Uint8Array.of(0x40, 0, 0, 1),
          ticket: ticket(TPM_ST.AUTH_SECRET, hierarchy),
        }).text,
    ],
    [
      "PolicyAuthorize",
      (tpm, hierarchy) =>
        tpm.run(PolicyAuthorize, {
          policySession: startPolicy(tpm).handle,
          approvedPolicy: digest,
          policyRef: EMPTY,
          keySign: primary(tpm).name,
          checkTicket: ticket(TPM_ST.VERIFIED, hierarchy),
        }).text,
    ],
  ])("by TPM2_%s", (_name, run) => {
    expect(run(TestTpm.started({ profile: LATEST }), TPM_RH.FW_OWNER)).toBe("TPM_RC_FW_LIMITED");
    expect(run(TestTpm.started({ profile: LATEST }), SVN_3)).toBe("TPM_RC_SVN_LIMITED");
    expect(run(withFirmware(2), SVN_3)).toBe("TPM_RC_SVN_LIMITED");
  });
});

test("the profiles of libtpms know no limited hierarchies, whatever the platform has", () => {
  const platform = new TestPlatform();
  platform.firmware = testFirmware(5);
  const tpm = TestTpm.started({ profile: DEFAULT_V2, platform });
  expect(create(tpm, TPM_RH.FW_OWNER)).toBe("TPM_RC_VALUE (handle 1)");
  const list = (capability: number, property: number) =>
    tpm.run(GetCapability, { capability, property, propertyCount: 1 }).out.capabilityData.data;
  expect(list(TPM_CAP.HANDLES, TPM_RH.FW_OWNER)).toEqual([]);
  expect(list(TPM_CAP.TPM_PROPERTIES, TPM_PT.FIRMWARE_SVN)).toEqual([{ property: TPM_PT.FIRMWARE_SVN, value: 10 }]);
});
