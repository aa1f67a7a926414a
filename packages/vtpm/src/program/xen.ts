import { once } from "node:events";
import { KernelHypervisor } from "../kernel/xen/kernel-hypervisor.ts";
import { becomeOnlyBackEnd } from "../kernel/xen/only-back-end.ts";
import { TpmsByUuid } from "../kernel/xen/tpms-by-uuid.ts";
import { XenBackEnd } from "../kernel/xen/xen-back-end.ts";
import { Xenstore } from "../kernel/xen/xenstore.ts";
import { Poller } from "../native/poller.ts";
import { createEnd } from "./end-signal.ts";
import { profileOf } from "./profile-option.ts";
import { createLog } from "./program-log.ts";
import { version } from "./version.ts";
import type { XenOptions } from "./xen-command.ts";

/** Serves the TPMs of Xen domains until a signal asks for the end, or xenstored goes away. Rejects with a `HostError`. */
export async function serveXen(options: XenOptions): Promise<void> {
  const log = createLog(options.verbose);
  const end = createEnd();
  const asked = once(end.signal, "abort");
  const profile = options.profile === undefined ? undefined : profileOf(options.profile);
  const xenstore = await Xenstore.connect(options.xenstore);
  let giveUp: (() => Promise<void>) | undefined;
  let poller: Poller | undefined;
  try {
    giveUp = await becomeOnlyBackEnd(options.xenstore);
    poller = new Poller();
    const hypervisor = new KernelHypervisor(poller);
    try {
      const tpms = new TpmsByUuid({ directory: options.state, profile, startup: options.startup, onFault: log.fault });
      const backEnd = await XenBackEnd.start({
        xenstore,
        hypervisor,
        openTpm: (uuid) => tpms.open(uuid),
        onNote: log.note,
        onFault: log.fault,
      });
      announce(options, backEnd.root);
      const lost = await Promise.race([asked.then(() => undefined), xenstore.lost]);
      log.note(lost === undefined ? `ending, as ${String(end.signal.reason)} asked` : lost.message);
      await backEnd.stop();
      if (lost !== undefined) throw lost;
    } finally {
      hypervisor.close();
    }
  } finally {
    await poller?.close();
    xenstore.close();
    await giveUp?.();
  }
}

function announce({ json, state }: XenOptions, root: string): void {
  // Whoever started us may have stopped reading.
  process.stdout.on("error", () => {});
  const ready = { version: version(), pid: process.pid, root, state };
  process.stdout.write(
    json ? `${JSON.stringify(ready)}\n` : `vtpm ${ready.version}: serving the devices in ${root}, state in ${state}\n`,
  );
}
