import { connect } from "node:net";
import { systemErrorCode } from "./host-error.ts";

/** Whether somebody listens on a Unix socket. Only a refusal, or the absence of the socket, proves that nobody does. */
export function hasListener(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => {
      const code = systemErrorCode(error);
      resolve(code !== "ECONNREFUSED" && code !== "ENOENT");
    });
  });
}
