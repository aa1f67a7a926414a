import { type Bytes, Writer } from "@vtpm/wire";
import { TPM_ST } from "../spec/constants.ts";
import { TPM_RC } from "../spec/response-codes.ts";

/** The ten bytes of a refusal. A bad tag is answered in TPM 1.2's way, so that its callers understand. */
export function errorResponse(rc: number): Bytes {
  const writer = new Writer();
  writer.uint16(rc === TPM_RC.BAD_TAG ? TPM_ST.RSP_COMMAND : TPM_ST.NO_SESSIONS);
  writer.uint32(10);
  writer.uint32(rc);
  return writer.finish();
}
