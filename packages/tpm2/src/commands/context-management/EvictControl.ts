import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { HANDLE, TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_DH_OBJECT, TPMI_DH_PERSISTENT, TPMI_RH_PROVISION } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { OBJECT_ATTRIBUTES } from "../../state/object.ts";
import { hierarchyParts } from "../../subsystems/limited-hierarchies.ts";

const NEVER_PERSISTENT = OBJECT_ATTRIBUTES.of({ temporary: true, stClear: true, publicOnly: true });

/**
 * Makes a copy of an object that stays in the TPM, or removes such a copy.
 *
 * @spec Part 3, "TPM2_EvictControl"
 * @rc ATTRIBUTES (objectHandle)   a sequence, public only, or not made to last
 * @rc HANDLE (objectHandle)       a persistent object, and persistentHandle is another
 * @rc HIERARCHY (objectHandle)    not of the hierarchy that authorizes, or of one limited to a firmware
 * @rc RANGE (persistentHandle)    not among the handles of whoever authorizes
 * @rc NV_DEFINED                  the handle is taken
 * @rc NV_SPACE                    there is no room
 */
export const EvictControl = defineCommand({
  code: TPM_CC.EvictControl,
  handles: { auth: authorized(TPMI_RH_PROVISION, "USER"), objectHandle: TPMI_DH_OBJECT },
  parameters: { persistentHandle: TPMI_DH_PERSISTENT },
  nv: true,
  physicalPresence: "optional",
  execute(tpm, { auth, objectHandle, persistentHandle }, at) {
    const object = tpm.objects.findKey(objectHandle);
    if (object !== undefined && hierarchyParts(object.hierarchy).limit !== undefined) {
      throw at("objectHandle", TPM_RC.HIERARCHY);
    }
    if (object === undefined || OBJECT_ATTRIBUTES.intersects(object.attributes, NEVER_PERSISTENT)) {
      throw at("objectHandle", TPM_RC.ATTRIBUTES);
    }
    const isPersistent = OBJECT_ATTRIBUTES.has(object.attributes, "evict");
    if (isPersistent && objectHandle !== persistentHandle) throw at("objectHandle", TPM_RC.HANDLE);
    const isPlatformObject = OBJECT_ATTRIBUTES.has(object.attributes, "ppsHierarchy");
    const byPlatform = auth === TPM_RH.PLATFORM;
    // The platform may remove what the owner has made persistent, not the other way round.
    if (byPlatform ? !isPersistent && !isPlatformObject : isPlatformObject) throw at("objectHandle", TPM_RC.HIERARCHY);
    if (isPersistent) {
      tpm.objects.removePersistent(persistentHandle);
      return;
    }
    const isPlatformHandle = persistentHandle >= HANDLE.PLATFORM_PERSISTENT;
    if (isPlatformHandle !== byPlatform) throw at("persistentHandle", TPM_RC.RANGE);
    if (tpm.objects.find(persistentHandle) !== undefined) throw new TpmError(TPM_RC.NV_DEFINED);
    tpm.objects.makePersistent(persistentHandle, object);
  },
});
