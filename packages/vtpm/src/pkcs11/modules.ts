import { readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, isAbsolute, join } from "node:path";
import { HostError } from "../host-error.ts";
import { NativeError } from "../native/native-error.ts";
import { Cryptoki } from "./cryptoki.ts";
import { Pkcs11Error } from "./pkcs11-error.ts";
import type { Pkcs11Uri } from "./pkcs11-uri.ts";

const SUFFIX = ".module";
/** Where p11-kit's configuration says which modules there are; a name that is in two of them counts where it is first. */
const CONFIGURATION = [join(homedir(), ".config/pkcs11/modules"), "/etc/pkcs11/modules", "/usr/share/p11-kit/modules"];
/** Where modules are that are named without a directory. */
const LIBRARIES = [
  `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/pkcs11`,
  "/usr/lib64/pkcs11",
  "/usr/lib/pkcs11",
];

/**
 * The modules that a URI means: the one that it names, or those of p11-kit's configuration. They are loaded without p11-kit's
 * proxy, which would let them take functions of this program for their libraries'.
 */
export function modulesOf({ text, query }: Pkcs11Uri): readonly Cryptoki[] {
  const [path, name] = (["module-path", "module-name"] as const).map((attribute) => {
    const value = query.get(attribute);
    return value === undefined ? undefined : Buffer.from(value).toString();
  });
  if (path !== undefined) return [new Cryptoki(isDirectory(path) ? inDirectory(path, name) : path)];
  const configured = configuredModules();
  if (name !== undefined) return [new Cryptoki(configured.get(name) ?? inLibraries(name))];
  if (configured.size === 0) {
    throw new Pkcs11Error(
      "PKCS11_MODULE",
      `no PKCS #11 module is configured for ${text}: install one, or name its file with "?module-path=" in the URI`,
    );
  }
  return usable([...new Set(configured.values())]);
}

/** Those that can be used, at least one: that one of them cannot hinders nobody who wants another. */
function usable(paths: readonly string[]): readonly Cryptoki[] {
  const modules: Cryptoki[] = [];
  const failures: HostError[] = [];
  for (const path of paths) {
    try {
      modules.push(new Cryptoki(path));
    } catch (error) {
      if (!(error instanceof HostError) || error instanceof NativeError) throw error;
      failures.push(error);
    }
  }
  const [failure] = failures;
  if (modules.length === 0 && failure !== undefined) throw failure;
  return modules;
}

/** The files of the modules by the names of p11-kit's files. @see pkcs11.conf(5) */
function configuredModules(): Map<string, string> {
  const modules = new Map<string, string>();
  for (const directory of CONFIGURATION) {
    for (const file of filesIn(directory)) {
      const name = basename(file, SUFFIX);
      if (!file.endsWith(SUFFIX) || modules.has(name)) continue;
      const module = /^\s*module:\s*(.+?)\s*$/m.exec(readFileSync(join(directory, file), "utf8"))?.[1];
      if (module !== undefined) modules.set(name, isAbsolute(module) ? module : inLibraries(module));
    }
  }
  return modules;
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return []; // there need not be one
  }
}

function inLibraries(name: string): string {
  for (const directory of LIBRARIES) {
    const path = inDirectory(directory, name);
    if (isThere(path)) return path;
  }
  return name;
}

/** The file of a module that may be named without prefix and suffix. @spec RFC 7512, "PKCS #11 URI Scheme Query Attribute Semantics" */
function inDirectory(directory: string, name = ""): string {
  const paths = [name, `${name}.so`, `lib${name}.so`].map((file) => join(directory, file));
  return paths.find(isThere) ?? join(directory, name);
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
