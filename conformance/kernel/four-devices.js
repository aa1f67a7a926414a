/** Four TPMs as devices of the kernel, all of this process; runs in a guest. */
import { once } from "node:events";
import { openTpm, Poller, serveVtpmProxy, TPM_SU, warmUp } from "vtpm";

await warmUp();
const poller = new Poller();
const devices = [];
for (let i = 0; i < 4; i++) {
  const { host } = await openTpm();
  await host.init();
  await host.startup(TPM_SU.CLEAR);
  devices.push(serveVtpmProxy({ host, poller }));
}
console.log(`ready: ${devices.map(({ number }) => `/dev/tpm${number}`)}`);
await once(process, "SIGTERM");
for (const device of devices) device.close();
await poller.close();
process.exit();
