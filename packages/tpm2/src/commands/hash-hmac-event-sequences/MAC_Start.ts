import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM2B_AUTH, TPMI_ALG_MAC_SCHEME_NULLABLE, TPMI_DH_OBJECT } from "../../spec/structures/index.ts";
import { selectMac, startMac } from "../../subsystems/macs.ts";

/**
 * Starts a MAC of more data than one command holds. Shares its code with TPM2_HMAC_Start, which it extends by block ciphers.
 *
 * @spec Part 3, "TPM2_MAC_Start"
 * @rc TYPE (handle)        the key makes no MACs
 * @rc VALUE (inScheme)     not the scheme of the key, or none
 * @rc SCHEME (inScheme)    not a scheme for this kind of key
 * @rc HASH (inScheme)      the profile makes no MACs with the hash of the key
 * @rc ATTRIBUTES (handle)  the key is restricted
 * @rc KEY (handle)         the key does not sign
 * @rc OBJECT_MEMORY        no slot is free
 */
export const MAC_Start = defineCommand({
  code: TPM_CC.MAC_Start,
  handles: { handle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: { auth: TPM2B_AUTH, inScheme: TPMI_ALG_MAC_SCHEME_NULLABLE },
  responseHandles: { sequenceHandle: TPMI_DH_OBJECT },
  execute(tpm, { handle, auth, inScheme }, at) {
    const mac = selectMac(tpm, handle, inScheme, at);
    return { sequenceHandle: tpm.objects.add(startMac(tpm, mac, auth)) };
  },
});
