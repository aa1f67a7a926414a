import { bigIntToBytes, CURVES } from "@vtpm/crypto";
import { type Bytes, decode, EMPTY, encode, UINT32 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import type { Command } from "../../dispatch/command.ts";
import { DEFAULT_V1, parseProfile } from "../../profile.ts";
import { TPMA_SESSION } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_ECC_CURVE, TPM_GENERATED_VALUE, TPM_ST, TPM_SU } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPMS_ATTEST, type TPMT_PUBLIC } from "../../spec/structures/index.ts";
import { text as bytesOf, hash, hmac, kdfa } from "../../testing/caller-crypto.ts";
import { isSignatureOf } from "../../testing/caller-verify.ts";
import { cipherTemplate, createKey, eccTemplate, keyedHashTemplate, rsaTemplate } from "../../testing/create-key.ts";
import { givenIndex, givenObject, givenRsaKey } from "../../testing/given.ts";
import { startSession } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { GetCommandAuditDigest } from "../command-audit/GetCommandAuditDigest.ts";
import { Commit } from "../ephemeral-keys/Commit.ts";
import { NV_Certify } from "../non-volatile-storage/NV_Certify.ts";
import { GetRandom } from "../random-number-generator/GetRandom.ts";
import { Shutdown } from "../start-up/Shutdown.ts";
import { Certify } from "./Certify.ts";
import { CertifyCreation } from "./CertifyCreation.ts";
import { GetSessionAuditDigest } from "./GetSessionAuditDigest.ts";
import { GetTime } from "./GetTime.ts";
import { Quote } from "./Quote.ts";

const { SHA1, SHA256 } = TPM_ALG;
const NONE = { scheme: TPM_ALG.NULL } as const;
const ECDSA = { scheme: TPM_ALG.ECDSA, details: { hashAlg: SHA256 } } as const;
const HMAC = { scheme: TPM_ALG.HMAC, details: { hashAlg: SHA256 } } as const;
const NO_SECRETS = { authValue: EMPTY, seedValue: EMPTY } as const;
const qualifyingData = bytesOf("nonce");
const signing = eccTemplate({ sign: true, restricted: true }, ECDSA);
const PCR_0 = Uint8Array.of(1, 0, 0);

/** A TPM with something for every attestation to be about. */
function prepared(template: TPMT_PUBLIC = signing, hierarchy: number = TPM_RH.ENDORSEMENT, profile = DEFAULT_V1) {
  const tpm = TestTpm.started({ profile });
  const signer = createKey(tpm, template, { hierarchy });
  const object = createKey(tpm, keyedHashTemplate({ sign: true }, HMAC));
  const nvIndex = givenIndex(tpm, { data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) });
  const session = startSession(tpm);
  session.attributes = TPMA_SESSION.of({ continueSession: true, audit: true });
  const audited = tpm.run(GetRandom, { bytesRequested: 1 }, [session]);
  if (audited.rc !== 0) throw new Error(audited.text);
  const inputs = {
    objectHandle: object.handle,
    creationHash: object.creationHash,
    creationTicket: object.creationTicket,
    PCRselect: [{ hash: SHA256, pcrSelect: PCR_0 }],
    privacyAdminHandle: TPM_RH.ENDORSEMENT,
    privacyHandle: TPM_RH.ENDORSEMENT,
    sessionHandle: session.handle,
    authHandle: nvIndex,
    nvIndex,
    size: 4,
    offset: 2,
    qualifyingData,
    inScheme: NONE,
    signHandle: signer.handle,
  };
  return { tpm, signer, object, nvIndex, session, inputs };
}

/** Every attestation command, the field of its response and its position in handles and parameters. */
const COMMANDS: readonly (readonly [string, Command, string])[] = [
  ["TPM2_Certify", Certify, "certifyInfo"],
  ["TPM2_CertifyCreation", CertifyCreation, "certifyInfo"],
  ["TPM2_Quote", Quote, "quoted"],
  ["TPM2_GetSessionAuditDigest", GetSessionAuditDigest, "auditInfo"],
  ["TPM2_GetCommandAuditDigest", GetCommandAuditDigest, "auditInfo"],
  ["TPM2_GetTime", GetTime, "timeInfo"],
  ["TPM2_NV_Certify", NV_Certify, "certifyInfo"],
];

const handleOf = (command: Command): number => command.handles.findIndex(([name]) => name === "signHandle") + 1;
const schemeOf = (command: Command): number => command.parameters.findIndex(([name]) => name === "inScheme") + 1;

describe.each(COMMANDS)("%s", (_, command, field) => {
  const attestOf = (out: Record<string, Bytes>): TPMS_ATTEST => decode(TPMS_ATTEST, out[field] ?? EMPTY);

  test("signs what it attests", () => {
    const { tpm, signer, inputs } = prepared();
    const { text, out } = tpm.run(command, inputs);
    expect(text).toBe("TPM_RC_SUCCESS");
    expect(isSignatureOf(signer.publicArea, out[field], out.signature)).toBe(true);
    expect(attestOf(out)).toMatchObject({ magic: TPM_GENERATED_VALUE, extraData: qualifyingData });
    expect(attestOf(out).qualifiedSigner).toEqual(qualifiedNameOf(tpm, signer.handle));
  });

  test("tells the true boot counts for signers of the endorsement and the platform hierarchy", () => {
    for (const hierarchy of [TPM_RH.ENDORSEMENT, TPM_RH.PLATFORM]) {
      const { tpm, inputs } = prepared(signing, hierarchy);
      const { resetCount, firmwareV1, firmwareV2 } = tpm.tpm.state.nv.persistent;
      const { restartCount } = tpm.tpm.state.ram.stateReset;
      const attest = attestOf(tpm.run(command, inputs).out);
      expect(attest.clockInfo).toMatchObject({ resetCount, restartCount });
      expect(attest.firmwareVersion).toBe(BigInt(firmwareV1) * 2n ** 32n + BigInt(firmwareV2));
    }
  });

  test("shifts them by numbers of the signer's own for others", () => {
    const { tpm, signer, inputs } = prepared(signing, TPM_RH.OWNER);
    const attest = attestOf(tpm.run(command, inputs).out);
    const { resetCount, shProof, firmwareV1, firmwareV2 } = tpm.tpm.state.nv.persistent;
    const { restartCount } = tpm.tpm.state.ram.stateReset;
    const shift = new DataView(
      kdfa(TPM_ALG.SHA512, shProof, "OBFUSCATE", qualifiedNameOf(tpm, signer.handle), EMPTY, 16).buffer,
    );
    const firmware = BigInt(firmwareV1) * 2n ** 32n + BigInt(firmwareV2) + shift.getBigUint64(0, true);
    expect(attest.firmwareVersion).toBe(BigInt.asUintN(64, firmware));
    expect(attest.clockInfo.restartCount).toBe((restartCount + shift.getUint32(8, true)) % 2 ** 32);
    expect(attest.clockInfo.resetCount).toBe((resetCount + shift.getUint32(12, true)) % 2 ** 32);
  });

  test.runIf(command !== Quote)("without a key gives an attestation that nobody has signed", () => {
    const { tpm, inputs } = prepared();
    const { out } = tpm.run(command, { ...inputs, signHandle: TPM_RH.NULL, inScheme: ECDSA });
    expect(out.signature).toEqual({ sigAlg: TPM_ALG.NULL });
    expect(attestOf(out).qualifiedSigner).toEqual(encode(UINT32, TPM_RH.NULL));
  });

  test("does not tell the signer with an anonymous scheme", () => {
    const ecdaa = { scheme: TPM_ALG.ECDAA, details: { hashAlg: SHA256, count: 0 } } as const;
    const { tpm, inputs } = prepared(eccTemplate({ sign: true }, ecdaa, TPM_ECC_CURVE.BN_P256));
    const nothing = { P1: { x: EMPTY, y: EMPTY }, s2: EMPTY, y2: EMPTY };
    const { counter: count } = tpm.run(Commit, { signHandle: inputs.signHandle, ...nothing }).out;
    const inScheme = { scheme: TPM_ALG.ECDAA, details: { hashAlg: SHA256, count } };
    const { text, out } = tpm.run(command, { ...inputs, inScheme });
    expect(text).toBe("TPM_RC_SUCCESS");
    const attest = attestOf(out);
    expect([attest.qualifiedSigner, attest.extraData]).toEqual([EMPTY, EMPTY]);
    if (attest.type === TPM_ST.ATTEST_CERTIFY) expect(attest.attested.qualifiedName).toEqual(EMPTY);
    expect(tpm.run(command, { ...inputs, inScheme }).text).toBe("TPM_RC_VALUE");
  });

  test("takes back an orderly shutdown when it has signed", () => {
    const { tpm, inputs } = prepared();
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    tpm.run(command, inputs);
    expect(tpm.tpm.state.nv.persistent.orderlyState).not.toBe(TPM_SU.STATE);
  });

  test.each([
    ["a key that does not sign", rsaTemplate({ decrypt: true })],
    ["a block cipher key", cipherTemplate({ sign: true })],
  ])("refuses %s", (_name, template) => {
    const { tpm, inputs } = prepared(template);
    expect(tpm.run(command, inputs).text).toBe(`TPM_RC_KEY (handle ${handleOf(command)})`);
  });

  test("refuses the one key that SM2 cannot sign with", () => {
    const { tpm, inputs } = prepared();
    const { n, orderSize } = CURVES.SM2_P256;
    const key = { sensitiveType: TPM_ALG.ECC, ...NO_SECRETS, sensitive: bigIntToBytes(n - 1n, orderSize) } as const;
    const signHandle = givenObject(tpm, eccTemplate({ sign: true }, NONE, TPM_ECC_CURVE.SM2_P256), key);
    const inScheme = { scheme: TPM_ALG.SM2, details: { hashAlg: SHA256 } };
    expect(tpm.run(command, { ...inputs, signHandle, inScheme }).text).toBe("TPM_RC_NO_RESULT");
  });

  test("refuses an RSA key of numbers that are no primes", () => {
    const { tpm, inputs } = prepared();
    const [P, Q] = [2n ** 1024n - 1n, 2n ** 1024n - 3n];
    const prime = bigIntToBytes(P, 128);
    const signHandle = givenRsaKey(tpm, bigIntToBytes(P * Q, 256), prime, { sign: true, userWithAuth: true });
    const inScheme = { scheme: TPM_ALG.RSASSA, details: { hashAlg: SHA256 } };
    expect(tpm.run(command, { ...inputs, signHandle, inScheme }).text).toBe("TPM_RC_FAILURE");
  });

  test("refuses SHA-1 where the profile does not sign with it", () => {
    const profile = parseProfile('{"Name":"custom:strict","Attributes":"no-sha1-signing"}');
    const { tpm, inputs } = prepared(eccTemplate({ sign: true }), TPM_RH.ENDORSEMENT, profile);
    const inScheme = { scheme: TPM_ALG.ECDSA, details: { hashAlg: SHA1 } };
    expect(tpm.run(command, { ...inputs, inScheme }).text).toBe("TPM_RC_HASH");
  });

  test("refuses an HMAC key that is shorter than the profile demands", () => {
    const Algorithms = `${DEFAULT_V1.lists.algorithms},hmac-min-key-size=128`;
    const profile = parseProfile(JSON.stringify({ Name: "custom:strict", Algorithms }));
    const { tpm, inputs } = prepared(signing, TPM_RH.ENDORSEMENT, profile);
    const key = { sensitiveType: TPM_ALG.KEYEDHASH, ...NO_SECRETS, sensitive: new Uint8Array(15) } as const;
    const signHandle = givenObject(tpm, keyedHashTemplate({ sign: true }, HMAC), key);
    expect(tpm.run(command, { ...inputs, signHandle }).text).toBe("TPM_RC_KEY_SIZE");
  });

  const anyHash = keyedHashTemplate({ sign: true, decrypt: true });
  test.each([
    ["another hash than the key's", signing, { ...ECDSA, details: { hashAlg: SHA1 } }],
    ["no scheme", eccTemplate({ sign: true }), NONE],
    ["RSA with a keyed hash without scheme", anyHash, { scheme: TPM_ALG.RSASSA, details: { hashAlg: SHA256 } }],
    ["ECC with a keyed hash without scheme", anyHash, ECDSA],
    ["none with a keyed hash without scheme", anyHash, NONE],
  ])("refuses as scheme %s", (_name, template, inScheme) => {
    const { tpm, inputs } = prepared(template);
    expect(tpm.run(command, { ...inputs, inScheme }).text).toBe(`TPM_RC_SCHEME (parameter ${schemeOf(command)})`);
  });
});

describe("what is attested", () => {
  const attested = (tpm: TestTpm, command: Command, field: string, input: object): TPMS_ATTEST["attested"] =>
    decode(TPMS_ATTEST, tpm.run(command, input).out[field]).attested;

  test("by TPM2_Certify is the Name, and where the object is", () => {
    const { tpm, object, inputs } = prepared();
    const qualifiedName = qualifiedNameOf(tpm, object.handle);
    expect(attested(tpm, Certify, "certifyInfo", inputs)).toEqual({ name: object.name, qualifiedName });
  });

  test("by TPM2_CertifyCreation is what the ticket was for, and nothing else", () => {
    const { tpm, object, inputs } = prepared();
    const { name: objectName, creationHash, creationTicket } = object;
    expect(attested(tpm, CertifyCreation, "certifyInfo", inputs)).toEqual({ objectName, creationHash });
    for (const wrong of [
      { creationHash: hash(SHA256) },
      { objectHandle: inputs.signHandle },
      { creationTicket: { ...creationTicket, hierarchy: TPM_RH.PLATFORM } },
      { creationTicket: { ...creationTicket, digest: EMPTY } },
    ]) {
      expect(tpm.run(CertifyCreation, { ...inputs, ...wrong }).text).toBe("TPM_RC_TICKET (parameter 4)");
    }
  });

  test("by TPM2_Quote is the digest of the PCRs that there are", () => {
    const { tpm, inputs } = prepared();
    const PCRselect = [{ hash: SHA256, pcrSelect: Uint8Array.of(3, 0, 0x80) }];
    const values = [0, 1, 23].map((pcr) => tpm.tpm.state.ram.pcrs.get(SHA256)?.[pcr] ?? EMPTY);
    const expected = { pcrSelect: PCRselect, pcrDigest: hash(SHA256, ...values) };
    expect(attested(tpm, Quote, "quoted", { ...inputs, PCRselect })).toEqual(expected);
  });

  test("by TPM2_Quote needs a key, whose scheme names the hash", () => {
    const { tpm, inputs } = prepared();
    const answer = tpm.run(Quote, { ...inputs, signHandle: TPM_RH.NULL, inScheme: ECDSA });
    expect(answer.text).toBe("TPM_RC_SCHEME (parameter 2)");
  });

  test("by TPM2_GetSessionAuditDigest is the digest of an audit session", () => {
    const { tpm, session, inputs } = prepared();
    const { digest: sessionDigest } = [...tpm.tpm.state.ram.sessions.values()][0] ?? { digest: EMPTY };
    expect(attested(tpm, GetSessionAuditDigest, "auditInfo", inputs)).toEqual({ exclusiveSession: 1, sessionDigest });
    // The command itself was not audited, so the session is exclusive no longer.
    expect(attested(tpm, GetSessionAuditDigest, "auditInfo", inputs)).toEqual({ exclusiveSession: 0, sessionDigest });
    expect(session.handle).toBe(inputs.sessionHandle);
    const plain = startSession(tpm);
    const answer = tpm.run(GetSessionAuditDigest, { ...inputs, sessionHandle: plain.handle });
    expect(answer.text).toBe("TPM_RC_TYPE (handle 3)");
  });

  test("by TPM2_GetTime is the true time, whoever signs", () => {
    const { tpm, inputs } = prepared(signing, TPM_RH.OWNER);
    tpm.platform.clock += 5000;
    const { resetCount, firmwareV1, firmwareV2 } = tpm.tpm.state.nv.persistent;
    expect(attested(tpm, GetTime, "timeInfo", inputs)).toMatchObject({
      time: { time: 5000n, clockInfo: { clock: 5000n, resetCount } },
      firmwareVersion: BigInt(firmwareV1) * 2n ** 32n + BigInt(firmwareV2),
    });
  });

  test("by TPM2_NV_Certify is a part of the Index, or the digest of it all", () => {
    const { tpm, nvIndex, inputs } = prepared();
    const indexName = tpm.nameOf(nvIndex);
    const part = { indexName, offset: 2, nvContents: Uint8Array.of(3, 4, 5, 6) };
    expect(attested(tpm, NV_Certify, "certifyInfo", inputs)).toEqual(part);
    const all = { indexName, nvDigest: hash(SHA256, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)) };
    expect(attested(tpm, NV_Certify, "certifyInfo", { ...inputs, size: 0, offset: 0 })).toEqual(all);
    const unsigned = { ...inputs, size: 0, offset: 0, signHandle: TPM_RH.NULL };
    expect(attested(tpm, NV_Certify, "certifyInfo", unsigned)).toEqual({ indexName, nvDigest: EMPTY });
  });

  test.each([
    ["a part past the end", {}, { size: 7 }, "TPM_RC_NV_RANGE"],
    ["a start past the end", {}, { size: 0, offset: 9 }, "TPM_RC_NV_RANGE"],
    ["an Index that is locked", { READLOCKED: true }, {}, "TPM_RC_NV_LOCKED"],
    ["an Index that the owner may not read", {}, { authHandle: TPM_RH.OWNER }, "TPM_RC_NV_AUTHORIZATION"],
    [
      "an Index that is locked, whoever asks",
      { READLOCKED: true },
      { authHandle: TPM_RH.OWNER, size: 99 },
      "TPM_RC_NV_LOCKED",
    ],
    [
      "an Index that the owner may not read, written or not",
      { WRITTEN: false },
      { authHandle: TPM_RH.OWNER },
      "TPM_RC_NV_AUTHORIZATION",
    ],
    ["an Index that was not written", { WRITTEN: false }, {}, "TPM_RC_NV_UNINITIALIZED"],
  ])("by TPM2_NV_Certify is not %s", (_, attributes, wrong, text) => {
    const { tpm, inputs } = prepared();
    givenIndex(tpm, { data: new Uint8Array(8), attributes });
    expect(tpm.run(NV_Certify, { ...inputs, ...wrong }).text).toBe(text);
  });

  test("by TPM2_NV_Certify is never more than fits", () => {
    const { tpm, inputs } = prepared();
    givenIndex(tpm, { data: new Uint8Array(2048) });
    const run = (size: number) => tpm.run(NV_Certify, { ...inputs, size, offset: 0 }).text;
    expect(run(1024)).toBe("TPM_RC_SUCCESS");
    expect(run(1025)).toBe("TPM_RC_VALUE (parameter 3)");
  });

  test("by TPM2_GetCommandAuditDigest are the audited commands, and a signature closes the digest", () => {
    const { tpm, inputs } = prepared();
    const { auditCommands, auditHashAlg, auditCounter } = tpm.tpm.state.nv.persistent;
    expect(auditCommands).toEqual([TPM_CC.SetCommandCodeAuditStatus]);
    const closed = {
      auditCounter,
      digestAlg: auditHashAlg,
      auditDigest: EMPTY,
      commandDigest: hash(auditHashAlg, encode(UINT32, TPM_CC.SetCommandCodeAuditStatus)),
    };
    expect(attested(tpm, GetCommandAuditDigest, "auditInfo", inputs)).toEqual(closed);
    const { ram } = tpm.tpm.state;
    const auditDigest = hash(auditHashAlg);
    const stateReset = { ...ram.stateReset, commandAuditDigest: auditDigest };
    tpm.tpm.state = { ...tpm.tpm.state, ram: { ...ram, stateReset } };
    const unsigned = { ...inputs, signHandle: TPM_RH.NULL };
    expect(attested(tpm, GetCommandAuditDigest, "auditInfo", unsigned)).toEqual({ ...closed, auditDigest });
    expect(attested(tpm, GetCommandAuditDigest, "auditInfo", inputs)).toEqual({ ...closed, auditDigest });
    expect(attested(tpm, GetCommandAuditDigest, "auditInfo", inputs)).toEqual(closed);
  });

  test("can be signed with an HMAC", () => {
    const { tpm, signer, inputs } = prepared(keyedHashTemplate({ sign: true, sensitiveDataOrigin: true }, HMAC));
    const { quoted, signature } = tpm.run(Quote, inputs).out;
    const digest = hmac(SHA256, privateKeyOf(tpm, signer.handle), hash(SHA256, quoted));
    expect(signature).toEqual({ sigAlg: TPM_ALG.HMAC, signature: { hashAlg: SHA256, digest } });
  });
});

function privateKeyOf({ tpm }: TestTpm, handle: number): Bytes {
  const object = tpm.state.ram.objects.get(handle);
  if (object === undefined || !("sensitive" in object) || object.sensitive === undefined) throw new Error("no key");
  return object.sensitive.sensitive;
}

function qualifiedNameOf({ tpm }: TestTpm, handle: number): Bytes {
  const object = tpm.state.ram.objects.get(handle);
  if (object === undefined || !("qualifiedName" in object)) throw new Error("no key");
  return object.qualifiedName;
}
