/**
 * Finds the programs of others that the scenarios drive, before the first test runs. On Debian as root it installs
 * what is missing; elsewhere the scenarios that need it are skipped, and the run says which and how to get it. With
 * CI=true nothing may be missing.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { peerProgram } from "../bench/swtpm-programs.ts";

interface Programs {
  readonly packages: readonly string[];
  /** Succeeds where everything is there. */
  readonly probe: readonly string[];
}

const tcti = ["libtss2-tcti-swtpm0", "libtss2-tcti-mssim0"];

const required = {
  "tpm2-tools": {
    packages: ["tpm2-tools", "openssl", ...tcti],
    probe: ["sh", "-c", "tpm2_getcap -v && openssl version && ls /usr/lib/*/libtss2-tcti-swtpm.so.0"],
  },
  "IBM TSS": { packages: ["tss2", "openssl"], probe: ["sh", "-c", "command -v tssstartup tssgetcapability openssl"] },
  "tpm2-pytss": {
    packages: ["python3-tpm2-pytss", ...tcti],
    probe: ["/usr/bin/python3", "-c", "import tpm2_pytss"],
  },
  "tpm2-openssl": {
    packages: ["tpm2-openssl", "openssl", "tpm2-tools", ...tcti],
    probe: ["sh", "-c", "ls /usr/lib/*/ossl-modules/tpm2.so && openssl version && tpm2_getcap -v"],
  },
  "tpm2-abrmd": {
    packages: ["tpm2-abrmd", "libtss2-tcti-tabrmd0", "dbus-daemon", "tpm2-openssl", "openssl", "tpm2-tools", ...tcti],
    probe: [
      "sh",
      "-c",
      "ls /usr/sbin/tpm2-abrmd /usr/lib/*/libtss2-tcti-tabrmd.so.0 /usr/lib/*/ossl-modules/tpm2.so && dbus-daemon --version",
    ],
  },
  libvirt: {
    packages: ["libvirt-daemon", "libvirt-daemon-system", "libvirt-clients", "qemu-system-x86", "swtpm"],
    probe: ["sh", "-c", "libvirtd --version && virtlogd --version && virsh --version && qemu-system-x86_64 --version"],
  },
  swtpm: { packages: ["swtpm", "swtpm-tools"], probe: [peerProgram("swtpm"), "--version"] },
  strace: { packages: ["strace"], probe: ["strace", "--version"] },
  QEMU: {
    packages: ["qemu-system-x86", "seabios", "ovmf", "xz-utils"],
    // apt brings the guest's kernel, too, which is unpacked and not installed.
    probe: [
      "sh",
      "-c",
      "qemu-system-x86_64 --version && setpriv --version && xz --version && flock --version && ls /usr/share/OVMF/OVMF_CODE_4M.fd && apt-cache show linux-image-amd64",
    ],
  },
  "PKCS #11": {
    packages: ["softhsm2", "gnutls-bin", "opensc", "openssl", "libtss2-tcti-swtpm0"],
    // apt brings tpm2-pkcs11, too, which is unpacked and not installed: all users of p11-kit would look for its TPM.
    probe: [
      "sh",
      "-c",
      "softhsm2-util --version && p11tool --version && command -v pkcs11-tool && ls /usr/lib/softhsm/libsofthsm2.so && apt-cache show libtpm2-pkcs11-1",
    ],
  },
  "file systems": {
    packages: ["e2fsprogs", "xfsprogs", "btrfs-progs"],
    probe: ["sh", "-c", "mkfs.ext4 -V && mkfs.xfs -V && mkfs.btrfs --version"],
  },
  "certificate tools": {
    packages: ["openssl", "gnutls-bin", "python3-cryptography"],
    probe: ["sh", "-c", "openssl version && certtool --version && /usr/bin/python3 -c 'import cryptography'"],
  },
} satisfies Record<string, Programs>;

/** The name a scenario asks for. */
export type ProgramName = keyof typeof required;

declare module "vitest" {
  interface ProvidedContext {
    /** Names of what is missing. */
    missingPrograms: ProgramName[];
  }
}

/** vitest's global set-up. */
export default function setup(project: TestProject): void {
  buildServer();
  const names = Object.keys(required).filter((name): name is ProgramName => name in required);
  let missing = names.filter((name) => !isThere(name));
  if (missing.length > 0 && canInstall()) {
    const packages = [...new Set(missing.flatMap((name) => required[name].packages))];
    console.log(`conformance: installing ${packages.join(" ")}`);
    install(packages);
    missing = missing.filter((name) => !isThere(name));
  }
  for (const name of missing) {
    console.log(`conformance: SKIPPED: every scenario with ${name}: it is not installed here.`);
    console.log(`  To run them on Debian: apt-get install ${required[name].packages.join(" ")}`);
  }
  const { CI } = process.env;
  if (missing.length > 0 && CI === "true")
    throw new Error(`missing programs, and CI=true allows none to be missing: ${missing.join(", ")}`);
  project.provide("missingPrograms", missing);
}

function isThere(name: ProgramName): boolean {
  const [program = "", ...args] = required[name].probe;
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync("/etc/debian_version") && existsSync("/usr/bin/apt-get");
}

function install(packages: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", ...packages]]) {
    const { status, stderr } = spawnSync("apt-get", args, { env, encoding: "utf8", maxBuffer: 1 << 26 });
    if (status !== 0) console.log(`conformance: apt-get ${args.join(" ")} failed:\n${stderr}`);
  }
}

/** The scenarios start the server as its users do, as a program: it must be the one of these sources. */
function buildServer(): void {
  const { TPM_UNDER_TEST } = process.env;
  if (TPM_UNDER_TEST === "swtpm") return;
  const root = fileURLToPath(new URL("..", import.meta.url));
  const { status, stdout, stderr } = spawnSync("npm", ["run", "build"], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`the server does not build:\n${stdout}${stderr}`);
}
