import { reasonOf } from "../../host-error.ts";
import { sendDatagram } from "../../native/datagram.ts";
import type { Log } from "./log.ts";

/** Tells systemd, if it asked to be told, that commands are served. */
export function notifySystemd(log: Log): void {
  const address = process.env["NOTIFY_SOCKET"];
  if (address === undefined || !/^[/@]./.test(address)) return;
  try {
    sendDatagram(address, "READY=1");
  } catch (error) {
    log.write(`systemd cannot be told of readiness at ${address}: ${reasonOf(error)}`);
  }
}
