import { UINT64 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_PROVISION } from "../../spec/structures/index.ts";

/** Beyond this Clock could overflow. */
const LATEST = 0xffff_0000_0000_0000n;

/**
 * Advances Clock. Unlike the reference, which waits for another reason to write, this stores it at once.
 *
 * @spec Part 3, "TPM2_ClockSet"
 * @rc VALUE (newTime)  earlier than Clock is, or too late
 */
export const ClockSet = defineCommand({
  code: TPM_CC.ClockSet,
  handles: { auth: authorized(TPMI_RH_PROVISION, "USER") },
  parameters: { newTime: UINT64 },
  nv: true,
  physicalPresence: "optional",
  execute(tpm, { newTime }, at) {
    if (newTime > LATEST || newTime < tpm.orderly.clock) throw at("newTime", TPM_RC.VALUE);
    tpm.clock.set(newTime);
    tpm.clock.storeIfDue();
  },
});
