import { stat } from "node:fs/promises";
import { createServer } from "node:net";
import { systemErrorCode } from "../../host-error.ts";
import { XenError } from "./xen-error.ts";

/**
 * Makes this process the only back end of a xenstored. Two would open each other's TPMs, fail, and close the devices that the
 * other one serves. Rejects with `XEN_IN_USE` if there is one; resolves to what gives the place up, as any end of the process does.
 */
export async function becomeOnlyBackEnd(xenstored: string): Promise<() => Promise<void>> {
  // The socket itself and not its path, of which there are several: /var/run is /run.
  const { dev, ino } = await stat(xenstored);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      if (systemErrorCode(error) !== "EADDRINUSE") reject(error);
      else reject(new XenError("XEN_IN_USE", `another vtpm xen serves the devices in ${xenstored}: stop it first`));
    });
    // An abstract name: nothing is left in any directory.
    server.listen(`\0vtpm-xen-${dev}-${ino}`, resolve);
  });
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}
