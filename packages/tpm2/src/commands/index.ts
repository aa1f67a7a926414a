import type { Command } from "../dispatch/command.ts";
import { ECC_Decrypt } from "./asymmetric/ECC_Decrypt.ts";
import { ECC_Encrypt } from "./asymmetric/ECC_Encrypt.ts";
import { ECC_Parameters } from "./asymmetric/ECC_Parameters.ts";
import { ECDH_KeyGen } from "./asymmetric/ECDH_KeyGen.ts";
import { ECDH_ZGen } from "./asymmetric/ECDH_ZGen.ts";
import { RSA_Decrypt } from "./asymmetric/RSA_Decrypt.ts";
import { RSA_Encrypt } from "./asymmetric/RSA_Encrypt.ts";
import { ZGen_2Phase } from "./asymmetric/ZGen_2Phase.ts";
import { Certify } from "./attestation/Certify.ts";
import { CertifyCreation } from "./attestation/CertifyCreation.ts";
import { CertifyX509 } from "./attestation/CertifyX509.ts";
import { GetSessionAuditDigest } from "./attestation/GetSessionAuditDigest.ts";
import { GetTime } from "./attestation/GetTime.ts";
import { Quote } from "./attestation/Quote.ts";
import { GetCapability } from "./capability/GetCapability.ts";
import { SetCapability } from "./capability/SetCapability.ts";
import { TestParms } from "./capability/TestParms.ts";
import { ACT_SetTimeout } from "./clocks-and-timers/ACT_SetTimeout.ts";
import { ClockRateAdjust } from "./clocks-and-timers/ClockRateAdjust.ts";
import { ClockSet } from "./clocks-and-timers/ClockSet.ts";
import { ReadClock } from "./clocks-and-timers/ReadClock.ts";
import { GetCommandAuditDigest } from "./command-audit/GetCommandAuditDigest.ts";
import { SetCommandCodeAuditStatus } from "./command-audit/SetCommandCodeAuditStatus.ts";
import { ContextLoad } from "./context-management/ContextLoad.ts";
import { ContextSave } from "./context-management/ContextSave.ts";
import { EvictControl } from "./context-management/EvictControl.ts";
import { FlushContext } from "./context-management/FlushContext.ts";
import { DictionaryAttackLockReset } from "./dictionary-attack/DictionaryAttackLockReset.ts";
import { DictionaryAttackParameters } from "./dictionary-attack/DictionaryAttackParameters.ts";
import { Duplicate } from "./duplication/Duplicate.ts";
import { Import } from "./duplication/Import.ts";
import { Rewrap } from "./duplication/Rewrap.ts";
import { PolicyAuthorize } from "./enhanced-authorization/PolicyAuthorize.ts";
import { PolicyAuthorizeNV } from "./enhanced-authorization/PolicyAuthorizeNV.ts";
import { PolicyAuthValue } from "./enhanced-authorization/PolicyAuthValue.ts";
import { PolicyCapability } from "./enhanced-authorization/PolicyCapability.ts";
import { PolicyCommandCode } from "./enhanced-authorization/PolicyCommandCode.ts";
import { PolicyCounterTimer } from "./enhanced-authorization/PolicyCounterTimer.ts";
import { PolicyCpHash } from "./enhanced-authorization/PolicyCpHash.ts";
import { PolicyDuplicationSelect } from "./enhanced-authorization/PolicyDuplicationSelect.ts";
import { PolicyGetDigest } from "./enhanced-authorization/PolicyGetDigest.ts";
import { PolicyLocality } from "./enhanced-authorization/PolicyLocality.ts";
import { PolicyNameHash } from "./enhanced-authorization/PolicyNameHash.ts";
import { PolicyNV } from "./enhanced-authorization/PolicyNV.ts";
import { PolicyNvWritten } from "./enhanced-authorization/PolicyNvWritten.ts";
import { PolicyOR } from "./enhanced-authorization/PolicyOR.ts";
import { PolicyParameters } from "./enhanced-authorization/PolicyParameters.ts";
import { PolicyPassword } from "./enhanced-authorization/PolicyPassword.ts";
import { PolicyPCR } from "./enhanced-authorization/PolicyPCR.ts";
import { PolicyPhysicalPresence } from "./enhanced-authorization/PolicyPhysicalPresence.ts";
import { PolicySecret } from "./enhanced-authorization/PolicySecret.ts";
import { PolicySigned } from "./enhanced-authorization/PolicySigned.ts";
import { PolicyTemplate } from "./enhanced-authorization/PolicyTemplate.ts";
import { PolicyTicket } from "./enhanced-authorization/PolicyTicket.ts";
import { PolicyTransportSPDM } from "./enhanced-authorization/PolicyTransportSPDM.ts";
import { Commit } from "./ephemeral-keys/Commit.ts";
import { EC_Ephemeral } from "./ephemeral-keys/EC_Ephemeral.ts";
import { EventSequenceComplete } from "./hash-hmac-event-sequences/EventSequenceComplete.ts";
import { HashSequenceStart } from "./hash-hmac-event-sequences/HashSequenceStart.ts";
import { MAC_Start } from "./hash-hmac-event-sequences/MAC_Start.ts";
import { SequenceComplete } from "./hash-hmac-event-sequences/SequenceComplete.ts";
import { SequenceUpdate } from "./hash-hmac-event-sequences/SequenceUpdate.ts";
import { ChangeEPS } from "./hierarchy/ChangeEPS.ts";
import { ChangePPS } from "./hierarchy/ChangePPS.ts";
import { Clear } from "./hierarchy/Clear.ts";
import { ClearControl } from "./hierarchy/ClearControl.ts";
import { CreatePrimary } from "./hierarchy/CreatePrimary.ts";
import { HierarchyChangeAuth } from "./hierarchy/HierarchyChangeAuth.ts";
import { HierarchyControl } from "./hierarchy/HierarchyControl.ts";
import { ReadOnlyControl } from "./hierarchy/ReadOnlyControl.ts";
import { SetPrimaryPolicy } from "./hierarchy/SetPrimaryPolicy.ts";
import { PCR_Allocate } from "./integrity-collection/PCR_Allocate.ts";
import { PCR_Event } from "./integrity-collection/PCR_Event.ts";
import { PCR_Extend } from "./integrity-collection/PCR_Extend.ts";
import { PCR_Read } from "./integrity-collection/PCR_Read.ts";
import { PCR_Reset } from "./integrity-collection/PCR_Reset.ts";
import { PCR_SetAuthPolicy } from "./integrity-collection/PCR_SetAuthPolicy.ts";
import { PCR_SetAuthValue } from "./integrity-collection/PCR_SetAuthValue.ts";
import { PP_Commands } from "./miscellaneous-management/PP_Commands.ts";
import { SetAlgorithmSet } from "./miscellaneous-management/SetAlgorithmSet.ts";
import { NV_Certify } from "./non-volatile-storage/NV_Certify.ts";
import { NV_ChangeAuth } from "./non-volatile-storage/NV_ChangeAuth.ts";
import { NV_DefineSpace } from "./non-volatile-storage/NV_DefineSpace.ts";
import { NV_DefineSpace2 } from "./non-volatile-storage/NV_DefineSpace2.ts";
import { NV_Extend } from "./non-volatile-storage/NV_Extend.ts";
import { NV_GlobalWriteLock } from "./non-volatile-storage/NV_GlobalWriteLock.ts";
import { NV_Increment } from "./non-volatile-storage/NV_Increment.ts";
import { NV_Read } from "./non-volatile-storage/NV_Read.ts";
import { NV_ReadLock } from "./non-volatile-storage/NV_ReadLock.ts";
import { NV_ReadPublic } from "./non-volatile-storage/NV_ReadPublic.ts";
import { NV_ReadPublic2 } from "./non-volatile-storage/NV_ReadPublic2.ts";
import { NV_SetBits } from "./non-volatile-storage/NV_SetBits.ts";
import { NV_UndefineSpace } from "./non-volatile-storage/NV_UndefineSpace.ts";
import { NV_UndefineSpaceSpecial } from "./non-volatile-storage/NV_UndefineSpaceSpecial.ts";
import { NV_Write } from "./non-volatile-storage/NV_Write.ts";
import { NV_WriteLock } from "./non-volatile-storage/NV_WriteLock.ts";
import { ActivateCredential } from "./object/ActivateCredential.ts";
import { Create } from "./object/Create.ts";
import { CreateLoaded } from "./object/CreateLoaded.ts";
import { Load } from "./object/Load.ts";
import { LoadExternal } from "./object/LoadExternal.ts";
import { MakeCredential } from "./object/MakeCredential.ts";
import { ObjectChangeAuth } from "./object/ObjectChangeAuth.ts";
import { ReadPublic } from "./object/ReadPublic.ts";
import { Unseal } from "./object/Unseal.ts";
import { GetRandom } from "./random-number-generator/GetRandom.ts";
import { StirRandom } from "./random-number-generator/StirRandom.ts";
import { PolicyRestart } from "./session/PolicyRestart.ts";
import { StartAuthSession } from "./session/StartAuthSession.ts";
import { Sign } from "./signing/Sign.ts";
import { VerifySignature } from "./signing/VerifySignature.ts";
import { Shutdown } from "./start-up/Shutdown.ts";
import { Startup } from "./start-up/Startup.ts";
import { EncryptDecrypt } from "./symmetric/EncryptDecrypt.ts";
import { EncryptDecrypt2 } from "./symmetric/EncryptDecrypt2.ts";
import { Hash } from "./symmetric/Hash.ts";
import { MAC } from "./symmetric/MAC.ts";
import { GetTestResult } from "./testing/GetTestResult.ts";
import { IncrementalSelfTest } from "./testing/IncrementalSelfTest.ts";
import { SelfTest } from "./testing/SelfTest.ts";

/** Every command this engine has, by its code. A profile may have fewer. */
export const COMMANDS: ReadonlyMap<number, Command> = new Map<number, Command>(
  [
    // One table per chapter of Part 3.
    // Session Commands
    StartAuthSession,
    PolicyRestart,
    // Object Commands
    Create,
    Load,
    LoadExternal,
    ReadPublic,
    ActivateCredential,
    MakeCredential,
    Unseal,
    ObjectChangeAuth,
    CreateLoaded,
    // Duplication Commands
    Duplicate,
    Rewrap,
    Import,
    // Asymmetric Primitives
    RSA_Encrypt,
    RSA_Decrypt,
    ECDH_KeyGen,
    ECDH_ZGen,
    ECC_Parameters,
    ZGen_2Phase,
    ECC_Encrypt,
    ECC_Decrypt,
    // Symmetric Primitives
    EncryptDecrypt,
    EncryptDecrypt2,
    Hash,
    MAC,
    // Enhanced Authorization (EA) Commands
    PolicySigned,
    PolicySecret,
    PolicyTicket,
    PolicyOR,
    PolicyPCR,
    PolicyLocality,
    PolicyNV,
    PolicyCounterTimer,
    PolicyCommandCode,
    PolicyPhysicalPresence,
    PolicyCpHash,
    PolicyNameHash,
    PolicyDuplicationSelect,
    PolicyAuthorize,
    PolicyAuthValue,
    PolicyPassword,
    PolicyGetDigest,
    PolicyNvWritten,
    PolicyTemplate,
    PolicyAuthorizeNV,
    PolicyCapability,
    PolicyParameters,
    PolicyTransportSPDM,
    // Start-up
    Startup,
    Shutdown,
    // Testing
    SelfTest,
    IncrementalSelfTest,
    GetTestResult,
    // Random Number Generator
    GetRandom,
    StirRandom,
    // Hash/HMAC/Event Sequences
    MAC_Start,
    HashSequenceStart,
    SequenceUpdate,
    SequenceComplete,
    EventSequenceComplete,
    // Attestation Commands
    Certify,
    CertifyCreation,
    Quote,
    GetSessionAuditDigest,
    GetTime,
    CertifyX509,
    // Ephemeral EC Keys
    Commit,
    EC_Ephemeral,
    // Signing and Signature Verification
    VerifySignature,
    Sign,
    // Command Audit
    SetCommandCodeAuditStatus,
    GetCommandAuditDigest,
    // Integrity Collection (PCR)
    PCR_Extend,
    PCR_Event,
    PCR_Read,
    PCR_Allocate,
    PCR_SetAuthPolicy,
    PCR_SetAuthValue,
    PCR_Reset,
    // Hierarchy Commands
    CreatePrimary,
    HierarchyControl,
    SetPrimaryPolicy,
    ChangePPS,
    ChangeEPS,
    Clear,
    ClearControl,
    HierarchyChangeAuth,
    ReadOnlyControl,
    // Dictionary Attack Functions
    DictionaryAttackLockReset,
    DictionaryAttackParameters,
    // Miscellaneous Management Functions
    PP_Commands,
    SetAlgorithmSet,
    // Context Management
    ContextSave,
    ContextLoad,
    FlushContext,
    EvictControl,
    // Clocks and Timers
    ReadClock,
    ClockSet,
    ClockRateAdjust,
    ACT_SetTimeout,
    // Capability Commands
    GetCapability,
    TestParms,
    SetCapability,
    // Non-volatile Storage
    NV_DefineSpace,
    NV_UndefineSpace,
    NV_UndefineSpaceSpecial,
    NV_ReadPublic,
    NV_Write,
    NV_Increment,
    NV_Extend,
    NV_SetBits,
    NV_WriteLock,
    NV_GlobalWriteLock,
    NV_Read,
    NV_ReadLock,
    NV_ChangeAuth,
    NV_Certify,
    NV_DefineSpace2,
    NV_ReadPublic2,
  ].map((command: Command) => [command.code, command]),
);

/** Each by its name, with the types of its fields. */
export type { DeclaredCommand } from "../dispatch/command.ts";
export {
  ACT_SetTimeout,
  ActivateCredential,
  Certify,
  CertifyCreation,
  CertifyX509,
  ChangeEPS,
  ChangePPS,
  Clear,
  ClearControl,
  ClockRateAdjust,
  ClockSet,
  Commit,
  ContextLoad,
  ContextSave,
  Create,
  CreateLoaded,
  CreatePrimary,
  DictionaryAttackLockReset,
  DictionaryAttackParameters,
  Duplicate,
  EC_Ephemeral,
  ECC_Decrypt,
  ECC_Encrypt,
  ECC_Parameters,
  ECDH_KeyGen,
  ECDH_ZGen,
  EncryptDecrypt,
  EncryptDecrypt2,
  EventSequenceComplete,
  EvictControl,
  FlushContext,
  GetCapability,
  GetCommandAuditDigest,
  GetRandom,
  GetSessionAuditDigest,
  GetTestResult,
  GetTime,
  Hash,
  HashSequenceStart,
  HierarchyChangeAuth,
  HierarchyControl,
  Import,
  IncrementalSelfTest,
  Load,
  LoadExternal,
  MAC,
  MAC_Start,
  MakeCredential,
  NV_Certify,
  NV_ChangeAuth,
  NV_DefineSpace,
  NV_DefineSpace2,
  NV_Extend,
  NV_GlobalWriteLock,
  NV_Increment,
  NV_Read,
  NV_ReadLock,
  NV_ReadPublic,
  NV_ReadPublic2,
  NV_SetBits,
  NV_UndefineSpace,
  NV_UndefineSpaceSpecial,
  NV_Write,
  NV_WriteLock,
  ObjectChangeAuth,
  PCR_Allocate,
  PCR_Event,
  PCR_Extend,
  PCR_Read,
  PCR_Reset,
  PCR_SetAuthPolicy,
  PCR_SetAuthValue,
  PolicyAuthorize,
  PolicyAuthorizeNV,
  PolicyAuthValue,
  PolicyCapability,
  PolicyCommandCode,
  PolicyCounterTimer,
  PolicyCpHash,
  PolicyDuplicationSelect,
  PolicyGetDigest,
  PolicyLocality,
  PolicyNameHash,
  PolicyNV,
  PolicyNvWritten,
  PolicyOR,
  PolicyParameters,
  PolicyPassword,
  PolicyPCR,
  PolicyPhysicalPresence,
  PolicyRestart,
  PolicySecret,
  PolicySigned,
  PolicyTemplate,
  PolicyTicket,
  PolicyTransportSPDM,
  PP_Commands,
  Quote,
  ReadClock,
  ReadOnlyControl,
  ReadPublic,
  Rewrap,
  RSA_Decrypt,
  RSA_Encrypt,
  SelfTest,
  SequenceComplete,
  SequenceUpdate,
  SetAlgorithmSet,
  SetCapability,
  SetCommandCodeAuditStatus,
  SetPrimaryPolicy,
  Shutdown,
  Sign,
  StartAuthSession,
  Startup,
  StirRandom,
  TestParms,
  Unseal,
  VerifySignature,
  ZGen_2Phase,
};
