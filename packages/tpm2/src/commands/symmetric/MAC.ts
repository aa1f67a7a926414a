import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import {
  TPM2B_DIGEST,
  TPM2B_MAX_BUFFER,
  TPMI_ALG_MAC_SCHEME_NULLABLE,
  TPMI_DH_OBJECT,
} from "../../spec/structures/index.ts";
import { macOf, selectMac } from "../../subsystems/macs.ts";

/**
 * Makes a MAC of data in one call. Shares its code with TPM2_HMAC, which it extends by block ciphers.
 *
 * @spec Part 3, "TPM2_MAC"
 * @rc TYPE (handle)        the key makes no MACs
 * @rc VALUE (inScheme)     not the scheme of the key, or none
 * @rc SCHEME (inScheme)    not a scheme for this kind of key
 * @rc HASH (inScheme)      the profile makes no MACs with the hash of the key
 * @rc ATTRIBUTES (handle)  the key is restricted
 * @rc KEY (handle)         the key does not sign
 */
export const MAC = defineCommand({
  code: TPM_CC.MAC,
  handles: { handle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: { buffer: TPM2B_MAX_BUFFER, inScheme: TPMI_ALG_MAC_SCHEME_NULLABLE },
  response: { outMAC: TPM2B_DIGEST },
  execute(tpm, { handle, buffer, inScheme }, at) {
    return { outMAC: macOf(tpm, selectMac(tpm, handle, inScheme, at), buffer) };
  },
});
