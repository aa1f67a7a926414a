import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { cached } from "./cache.ts";

/** The contents of Debian packages in one directory; they are unpacked, not installed. */
export function unpackedPackages(...packages: readonly string[]): string {
  return cached(
    packages
      .map((name) => name.replaceAll("/", "_"))
      .join("+")
      .slice(0, 200),
    (directory) => {
      const archives = join(directory, ".archives");
      execFileSync("mkdir", [archives]);
      // As root apt says that it cannot change to another user in this directory: of no interest here.
      execFileSync("apt-get", ["-q", "download", ...packages], { cwd: archives, stdio: "ignore" });
      for (const archive of readdirSync(archives)) execFileSync("dpkg-deb", ["-x", join(archives, archive), directory]);
      execFileSync("rm", ["-r", archives]);
    },
  );
}

/** The name of the package with the present kernel: it changes with every security update. */
export function kernelPackage(): string {
  const depends = execFileSync("apt-cache", ["depends", "linux-image-amd64"], { encoding: "utf8" });
  const name = /Depends: (linux-image-[0-9]\S*)/.exec(depends)?.[1];
  if (name === undefined) throw new Error(`apt knows no kernel (try apt-get update):\n${depends}`);
  return name;
}
