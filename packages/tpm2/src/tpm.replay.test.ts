import { type Bytes, fromHex, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { EvictControl } from "./commands/context-management/EvictControl.ts";
import { FlushContext } from "./commands/context-management/FlushContext.ts";
import { PCR_Extend } from "./commands/integrity-collection/PCR_Extend.ts";
import { Shutdown } from "./commands/start-up/Shutdown.ts";
import { DEFAULT_V1 } from "./profile.ts";
import { TPM_SU } from "./spec/constants.ts";
import { HANDLE, TPM_RH } from "./spec/handles.ts";
import type { PERSISTENT_DATA } from "./state/data.ts";
import { givenPersistent } from "./testing/given.ts";
import { flushAll, readLibtpmsVectors, type Secrets, setSecrets } from "./testing/libtpms-vectors.ts";
import { rcOf, TestTpm } from "./testing/test-tpm.ts";

interface Exchange {
  readonly label: string;
  readonly command: string;
  readonly response: string;
  /** The answer tells the time. */
  readonly volatileAnswer?: boolean;
}

interface Replay {
  readonly state: Secrets & {
    readonly totalResetCount: number;
    readonly resetCount: number;
    readonly timeEpoch: number;
    readonly clock: number;
  };
  readonly population: readonly Exchange[];
  readonly pcrExtendsBeforeShutdown: readonly (readonly [pcr: number, hashAlg: number, digest: string])[];
  readonly answersAfterReset: readonly Exchange[];
}

const { state, population, pcrExtendsBeforeShutdown, answersAfterReset } =
  readLibtpmsVectors<Replay>("lib011-default-v1.replay");

/** What the setup program of swtpm had made persistent before the population. */
const ENDORSEMENT_KEYS = [
  ["CreatePrimary ek_rsa2048_L1", 0x8101_0001],
  ["CreatePrimary ek_ecc_p384_H3", 0x8101_0016],
] as const;

const send = (tpm: TestTpm, hex: string): Bytes => tpm.send(fromHex(hex));

/** The recorded TPM, rebuilt by the commands that made it. */
function rebuilt(): TestTpm {
  const tpm = TestTpm.started({ profile: DEFAULT_V1 });
  setSecrets(tpm, secretsOf(), 1);
  for (const [label, objectHandle] of ENDORSEMENT_KEYS) {
    const creation = answersAfterReset.find((exchange) => exchange.label === label);
    if (creation === undefined) throw new Error(`the vectors have no ${label}`);
    send(tpm, creation.command);
    const auth = TPM_RH.OWNER;
    tpm.run(EvictControl, { auth, objectHandle: HANDLE.TRANSIENT_FIRST, persistentHandle: objectHandle });
    flushAll(tpm);
  }
  for (const { label, command } of population) {
    // Leaves nothing behind, and its parent was loaded by a command that was not recorded.
    if (label === "Create child under srk_rsa2048") continue;
    if (label.startsWith("CreatePrimary")) flushAll(tpm);
    const answer = rcOf(send(tpm, command));
    if (answer !== 0) throw new Error(`${label}: 0x${answer.toString(16)}`);
  }
  return tpm;
}

function secretsOf(): Secrets {
  const { EPSeed, SPSeed, PPSeed, phProof, shProof, ehProof } = state;
  return { EPSeed, SPSeed, PPSeed, phProof, shProof, ehProof } as Secrets; // all of them are in this file
}

/** The same after PCR extends, an orderly shutdown and a TPM Reset. */
function afterReset(): TestTpm {
  const tpm = rebuilt();
  for (const [pcrHandle, hashAlg, digest] of pcrExtendsBeforeShutdown) {
    tpm.run(PCR_Extend, { pcrHandle, digests: [{ hashAlg, digest: fromHex(digest) }] });
  }
  tpm.run(Shutdown, { shutdownType: TPM_SU.CLEAR });
  const counts: Partial<PERSISTENT_DATA> = {
    totalResetCount: BigInt(state.totalResetCount),
    resetCount: state.resetCount,
  };
  givenPersistent(tpm, counts);
  tpm.powerOn();
  return tpm;
}

describe("a TPM rebuilt with the seeds of a recorded one", () => {
  const tpm = afterReset();

  test.each(answersAfterReset.filter(({ volatileAnswer }) => volatileAnswer !== true))(
    "answers as it did: $label",
    ({ label, command, response }) => {
      if (label.startsWith("CreatePrimary")) flushAll(tpm);
      expect(toHex(send(tpm, command))).toBe(response);
      // A child was unloaded again, its parent stayed.
      if (/^Load|^CreateLoaded/.test(label)) tpm.run(FlushContext, { flushHandle: HANDLE.TRANSIENT_FIRST + 1 });
    },
  );
});
