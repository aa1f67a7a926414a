import { describe, expect, test } from "vitest";
import { COMMANDS } from "../commands/index.ts";
import { DEFAULT_V1 } from "../profile.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import type { Command } from "./command.ts";

const codes = new Map<string, number>(Object.entries(TPM_CC));

/** The codes of some commands. */
function names(list: string): ReadonlySet<number> {
  return new Set(
    list.split(/\s+/).flatMap((name) => {
      const code = codes.get(name);
      return code === undefined ? [] : [code];
    }),
  );
}

// What libtpms says of its commands.

const DECRYPTING = names(`
  HierarchyChangeAuth NV_DefineSpace PCR_SetAuthPolicy SetPrimaryPolicy CreatePrimary GetCommandAuditDigest NV_Extend
  NV_Write NV_ChangeAuth PCR_Event SequenceComplete StirRandom ActivateCredential Certify PolicyNV CertifyCreation
  Duplicate GetTime GetSessionAuditDigest ObjectChangeAuth PolicySecret Rewrap Create ECDH_ZGen Import Load Quote
  RSA_Decrypt SequenceUpdate Sign PolicySigned LoadExternal MakeCredential PolicyAuthorize PolicyCounterTimer
  PolicyCpHash PolicyNameHash PolicyTicket RSA_Encrypt StartAuthSession VerifySignature Hash PolicyPCR
  PCR_SetAuthValue NV_Certify EventSequenceComplete HashSequenceStart PolicyDuplicationSelect Commit ZGen_2Phase
  PolicyTemplate CreateLoaded EncryptDecrypt2 CertifyX509 ECC_Encrypt ECC_Decrypt PolicyCapability PolicyParameters
  MAC MAC_Start
`);

const ENCRYPTING = names(`
  CreatePrimary GetCommandAuditDigest SequenceComplete ActivateCredential Certify CertifyCreation Duplicate GetTime
  GetSessionAuditDigest NV_Read ObjectChangeAuth PolicySecret Rewrap Create ECDH_ZGen Import Load Quote RSA_Decrypt
  Unseal PolicySigned ECDH_KeyGen EncryptDecrypt LoadExternal MakeCredential NV_ReadPublic ReadPublic RSA_Encrypt
  StartAuthSession GetRandom GetTestResult Hash NV_Certify PolicyGetDigest Commit ZGen_2Phase EC_Ephemeral
  CreateLoaded EncryptDecrypt2 CertifyX509 ECC_Encrypt ECC_Decrypt MAC
`);

const FIRST_BY_USER = names(`
  EvictControl HierarchyControl NV_UndefineSpace ChangeEPS ChangePPS Clear ClearControl ClockSet HierarchyChangeAuth
  NV_DefineSpace PCR_Allocate PCR_SetAuthPolicy PP_Commands SetPrimaryPolicy ClockRateAdjust CreatePrimary
  NV_GlobalWriteLock GetCommandAuditDigest NV_Increment NV_SetBits NV_Extend NV_Write NV_WriteLock
  DictionaryAttackLockReset DictionaryAttackParameters PCR_Event PCR_Reset SequenceComplete SetAlgorithmSet
  SetCommandCodeAuditStatus PolicyNV CertifyCreation GetTime GetSessionAuditDigest NV_Read NV_ReadLock PolicySecret
  Rewrap Create ECDH_ZGen Import Load Quote RSA_Decrypt SequenceUpdate Sign Unseal EncryptDecrypt PCR_Extend
  PCR_SetAuthValue NV_Certify EventSequenceComplete Commit ZGen_2Phase CreateLoaded PolicyAuthorizeNV EncryptDecrypt2
  ECC_Decrypt MAC MAC_Start
`);

const FIRST_BY_ADMIN = names(`
  NV_UndefineSpaceSpecial NV_ChangeAuth ActivateCredential Certify ObjectChangeAuth CertifyX509
`);

const FIRST_BY_DUP = names(`
  Duplicate
`);

const SECOND_BY_USER = names(`
  NV_UndefineSpaceSpecial GetCommandAuditDigest ActivateCredential Certify GetTime GetSessionAuditDigest NV_Certify
  EventSequenceComplete CertifyX509
`);

const WITHOUT_SESSIONS = names(`
  Startup ContextLoad ContextSave FlushContext
`);

const PRESENCE_OPTIONAL = names(`
  NV_UndefineSpaceSpecial EvictControl HierarchyControl NV_UndefineSpace ChangeEPS ChangePPS Clear ClearControl
  ClockSet HierarchyChangeAuth NV_DefineSpace PCR_Allocate PCR_SetAuthPolicy SetPrimaryPolicy ClockRateAdjust
  CreatePrimary NV_GlobalWriteLock SetCommandCodeAuditStatus CreateLoaded
`);

const PRESENCE_REQUIRED = names(`
  PP_Commands
`);
const commands = [...COMMANDS.values()].filter(({ code }) => DEFAULT_V1.commands.has(code));
const having = (has: (command: Command) => boolean): number[] => commands.filter(has).map(({ code }) => code);
const of = (set: ReadonlySet<number>): number[] => commands.map(({ code }) => code).filter((code) => set.has(code));

describe("what follows from the declarations of commands is what libtpms says of them", () => {
  test.each<[name: string, has: (command: Command) => boolean, expected: ReadonlySet<number>]>([
    ["the first parameter may be encrypted", ({ canDecrypt }) => canDecrypt, DECRYPTING],
    ["the first response parameter may be encrypted", ({ canEncrypt }) => canEncrypt, ENCRYPTING],
    ["the first handle is authorized as user", ({ roles }) => roles[0] === "USER", FIRST_BY_USER],
    ["the first handle is authorized as administrator", ({ roles }) => roles[0] === "ADMIN", FIRST_BY_ADMIN],
    ["the first handle is authorized for duplication", ({ roles }) => roles[0] === "DUP", FIRST_BY_DUP],
    ["the second handle is authorized as user", ({ roles }) => roles[1] === "USER", SECOND_BY_USER],
    ["the third handle is authorized", ({ roles }) => roles[2] !== undefined, new Set()],
    ["sessions are refused", ({ noSessions }) => noSessions, WITHOUT_SESSIONS],
    ["presence may be demanded", ({ physicalPresence }) => physicalPresence === "optional", PRESENCE_OPTIONAL],
    ["presence is demanded", ({ physicalPresence }) => physicalPresence === "required", PRESENCE_REQUIRED],
  ])("%s", (_name, has, expected) => {
    expect(having(has)).toEqual(of(expected));
  });
});
