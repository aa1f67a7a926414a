import { reasonOf } from "../../host-error.ts";
import { sendDatagram } from "../../native/datagram.ts";
import type { Log } from "./log.ts";

/** Tells systemd, at the address where it asked to be told, that commands are served. */
export function notifySystemd(address: string, log: Log): void {
  if (!/^[/@]./.test(address)) return;
  try {
    sendDatagram(address, "READY=1");
  } catch (error) {
    log.write(`systemd cannot be told of readiness at ${address}: ${reasonOf(error)}`);
  }
}
