// A front end that writes nonsense into the page it shares: `node hostile.mjs DOMAIN GRANT`, in Domain-0, which can map it too.
import { KernelHypervisor } from "./kernel-hypervisor.js";
import { Poller } from "./poller.js";

const [, , domain, grant] = process.argv;
const poller = new Poller();
const page = new KernelHypervisor(poller).mapPage(Number(domain), Number(grant)).bytes;
console.log("scribbled");
const end = Date.now() + 600_000;
const scribble = () => {
  for (let i = 0; i < 64; i++) page[i % 12] = Math.floor(Math.random() * 256);
  if (Math.random() < 0.5) page[4] = 1;
  if (Date.now() < end) setTimeout(scribble, 1);
};
scribble();
process.on("SIGTERM", () => process.exit(0));
