import { type Bytes, fromHex, toHex } from "@vtpm/wire";
import { openMemoryHost } from "../host/memory-host.ts";
import { responseCodeOf } from "../host/tpm2-messages.ts";

/** How often: the compiler looks at what has been called a few times. */
const ROUNDS = 3;

/** What a kernel asks of a new TPM, and what it gives a TPM less than a second for. */
const COMMANDS: readonly Bytes[] = [
  "8001 0000000c 00000144 0000", // Startup
  "8001 0000000b 00000143 00", // SelfTest
  "8001 00000016 0000017a 00000006 00000129 00000001", // GetCapability: how many commands
  "8001 00000016 0000017a 00000002 0000011f 00000080", // GetCapability: commands
  "8001 00000016 0000017a 00000005 00000000 00000001", // GetCapability: PCRs
  "8001 0000000c 0000017b 0040", // GetRandom
  "8001 00000014 0000017e 00000001 000b 03 000400", // PCR_Read
  `8002 00000041 00000182 0000000a 00000009 40000009 0000 00 0000 00000001 000b ${"00".repeat(32)}`, // PCR_Extend
].map(fromHex);

/**
 * Exercises what the kernel has little patience for, on a TPM of its own that is then forgotten: code that has not run yet is
 * slow, and in an emulated machine so slow that the kernel would give up a TPM that it has just met.
 */
export async function warmUp(): Promise<void> {
  const jobs = {
    run: () => {
      throw new Error("none of these commands is long");
    },
  };
  const host = await openMemoryHost(jobs);
  for (let round = 0; round < ROUNDS; round++) {
    await host.init();
    for (const command of COMMANDS) {
      const code = responseCodeOf(await host.execute(command));
      // A mistake in the list above: what is refused exercises nothing.
      if (code !== 0) throw new Error(`${toHex(command)} answered 0x${code.toString(16)}`);
    }
  }
}
