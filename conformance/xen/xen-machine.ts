import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { cached } from "../guest/cache.ts";
import { unpackedPackages } from "../guest/debian-packages.ts";
import { INIT, ROOT_MODULES, sharedDirectory } from "../guest/guest.ts";
import { buildInitramfs } from "../guest/initramfs.ts";
import { type GuestKernel, guestKernel } from "../guest/kernel.ts";
import { Machine } from "../guest/machine.ts";

/** What Xen's tools need that Debian's smallest system lacks. */
const LIBRARIES = ["libyajl2", "libfdt1", "libnl-3-200", "libnl-route-3-200"];

/** Richer processors than this are not emulated well enough for two paravirtualized domains at once. */
const CPU = "Nehalem";

interface Xen {
  readonly version: string;
  /** Xen's tools and libraries, unpacked. */
  readonly root: string;
  /** The hypervisor, as QEMU loads it. */
  readonly hypervisor: string;
}

/** Debian's present Xen. */
function debianXen(): Xen {
  const depends = execFileSync("apt-cache", ["depends", "xen-system-amd64"], { encoding: "utf8" });
  const version = /xen-hypervisor-(\d+\.\d+)-amd64/.exec(depends)?.[1];
  if (version === undefined) throw new Error(`apt knows no Xen (try apt-get update):\n${depends}`);
  const tools = [`xen-hypervisor-${version}-amd64`, `xen-utils-${version}`, "xen-utils-common", "xenstore-utils"];
  const ours = [`libxenmisc${version}`, "libxencall1", "libxendevicemodel1", "libxenevtchn1", "libxenforeignmemory1"];
  const more = ["libxengnttab1", "libxenhypfs1", "libxenstore4", "libxentoolcore1", "libxentoollog1"];
  const root = unpackedPackages(...tools, ...ours, ...more, ...LIBRARIES);
  const unpacked = cached(`xen-hypervisor-${version}`, (directory) => {
    writeFileSync(join(directory, "xen"), gunzipSync(readFileSync(join(root, `boot/xen-${version}-amd64.gz`))));
  });
  return { version, root, hypervisor: join(unpacked, "xen") };
}

export interface XenMachineOptions {
  /** A shell script for Domain-0, with this machine's programs and, in `$XEN`, Xen's. */
  readonly dom0Script: string;
  /** Files of the other domains, which have busybox, tpm2-tools, Python without its library, and the front end driver. */
  readonly domU: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** A machine with Xen. Domain-0 has the host's root; kernel and first file system of other domains are in `$RIG_DIR`. */
export class XenMachine {
  readonly machine: Machine;
  readonly #directory: string;

  constructor({ dom0Script, domU, timeoutMs }: XenMachineOptions) {
    this.#directory = mkdtempSync(join(tmpdir(), "vtpm-xen-"));
    const kernel = guestKernel();
    const xen = debianXen();
    const put = (name: string, content: string | Buffer): string => {
      const path = join(this.#directory, name);
      writeFileSync(path, content);
      return path;
    };
    put("domu.initramfs", domUInitramfs(kernel, domU));
    const modules = [...ROOT_MODULES, "xen_evtchn", "xen_gntdev", "xen_gntalloc", "xen_privcmd", "xenfs"];
    const initramfs = put("dom0.initramfs", buildInitramfs({ kernel, init: INIT, modules }));
    const preamble = `XEN=${xen.root} XEN_VERSION=${xen.version} KERNEL=${kernel.vmlinux} NODE=${process.execPath}\n`;
    const script = put("script", preamble + dom0Script);
    const words = [
      "console=hvc0 quiet panic=-1 mitigations=off random.trust_cpu=on",
      `rig.root=9p rig.dir=${this.#directory} rig.script=${script}`,
    ];
    const hypervisor = "com1=115200,8n1 console=com1 dom0_mem=1280M,max:1280M noreboot=0";
    this.machine = new Machine({
      cpu: CPU,
      memory: 2048,
      args: [
        ...["-M", "q35", "-monitor", "none", "-kernel", xen.hypervisor],
        ...["-append", `${hypervisor} loglvl=warning guest_loglvl=warning spec-ctrl=no`],
        ...["-initrd", `${kernel.vmlinux} ${words.join(" ")},${initramfs}`],
        ...sharedDirectory("host", "/", "readonly"),
        ...sharedDirectory("rig", this.#directory, "writable"),
      ],
      timeoutMs,
    });
  }

  async exitStatus(): Promise<number> {
    const [, status] = await this.machine.says(/^RIG-EXIT (\d+)$/m);
    return Number(status);
  }

  async remove(): Promise<void> {
    await this.machine.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function domUInitramfs(kernel: GuestKernel, files: Readonly<Record<string, string>>): Buffer {
  const libraries = execFileSync("ldconfig", ["-p"], { encoding: "utf8" });
  const tcti = /=> (.*\/libtss2-tcti-device\.so\.0)$/m.exec(libraries)?.[1];
  if (tcti === undefined) throw new Error("libtss2-tcti-device.so.0 is not installed");
  const tools = ["getrandom", "createprimary", "flushcontext", "pcrextend", "pcrread", "nvread", "nvwrite", "nvdefine"];
  return buildInitramfs({
    kernel,
    init: INIT,
    modules: ["xen-tpmfront"],
    programs: [
      // One program under many names; it looks for its transport by two.
      ...tools.map((tool) => ["/usr/bin/tpm2", `/usr/bin/tpm2_${tool}`] as const),
      [tcti],
      [tcti, tcti.replace(/\.0$/, "")],
      ["/usr/bin/python3"],
    ],
    files: {
      ...files,
      ...pythonStart(),
      // What the kernel calls when the toolstack asks for the end.
      "/sbin/poweroff": "#!/bin/sh\nexec /bin/busybox poweroff -f\n",
    },
  });
}

/** What Python reads to start. */
function pythonStart(): Record<string, Buffer> {
  const directory = execFileSync("/usr/bin/python3", ["-c", "import encodings; print(encodings.__path__[0])"], {
    encoding: "utf8",
  }).trim();
  const names = ["__init__", "aliases", "utf_8", "latin_1", "ascii"];
  return Object.fromEntries(names.map((name) => [`${directory}/${name}.py`, readFileSync(`${directory}/${name}.py`)]));
}
