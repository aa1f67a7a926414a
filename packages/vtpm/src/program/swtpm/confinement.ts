import { reasonOf } from "../../host-error.ts";
import { preloadedJobWorker } from "../../jobs/job-pool.ts";
import { chroot } from "../../native/chroot.ts";
import { NativeError } from "../../native/native-error.ts";
import { forbidCalls, type SeccompAction, seccompSupported } from "../../native/seccomp.ts";
import { UsageError } from "../usage-error.ts";
import { becomeUser, userOf } from "../user.ts";
import { OpenError } from "./log.ts";
import type { Settings } from "./settings.ts";

/**
 * Takes away what `--chroot` and `--runas` say, before anything is opened. Returns the module that threads for long work run
 * then, since its file may be out of reach. Throws a `HostError` when it cannot be done.
 */
export function confine({ given }: Settings): URL | undefined {
  const root = given.get("chroot");
  const runas = given.get("runas");
  if (root === undefined && runas === undefined) return undefined;
  // What is looked up or read is where it is before, not behind the new root.
  const user = runas === undefined ? undefined : userOf(runas);
  const worker = preloadedJobWorker();
  if (root !== undefined) confining(`--chroot ${root}`, () => chroot(root));
  if (user !== undefined) confining(`--runas ${runas}`, () => becomeUser(user));
  return worker;
}

/** `--seccomp`, or what is done without it. Called last: what it forbids may be needed before. */
export function forbidUnneededCalls({ seccomp }: Settings): void {
  const action = seccomp?.action ?? (seccompSupported() ? "kill" : "none");
  if (action === "none") return;
  if (!seccompSupported()) {
    throw new UsageError(`--seccomp action=${action} cannot be had here: use --seccomp action=none, or leave it out`);
  }
  confining("--seccomp", () => forbidCalls(action as SeccompAction)); // checked with the other words
}

function confining(option: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (error instanceof NativeError) throw error;
    throw new OpenError(`${option}: ${reasonOf(error)}`, { cause: error });
  }
}
