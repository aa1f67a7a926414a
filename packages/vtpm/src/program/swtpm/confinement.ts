import { systemReason } from "../../host-error.ts";
import { preloadedJobWorker } from "../../jobs/job-pool.ts";
import { chroot } from "../../native/chroot.ts";
import { NativeError } from "../../native/native-error.ts";
import { forbidCalls, type SeccompAction, seccompSupported } from "../../native/seccomp.ts";
import { UsageError } from "../usage-error.ts";
import { becomeUser, userOf } from "../user.ts";
import { OpenError } from "./log.ts";
import type { Settings } from "./settings.ts";

/** What goes on with less than it was started with. */
export interface Confinement {
  /** What threads for long work run then, since its file may be out of reach. */
  readonly jobWorker: URL;
  /** Becomes the user of `--runas`, if there is one. Throws a `HostError` where that is not allowed. */
  becomeUser(): void;
}

/** Does what `--chroot` says, before anything is opened. Throws a `HostError` when it, or what `--runas` asks for, cannot be done. */
export function confine({ given }: Settings): Confinement {
  const root = given.get("chroot");
  const runas = given.get("runas");
  // What is looked up or read is where it is before, not behind the new root.
  const user = runas === undefined ? undefined : userOf(runas);
  const jobWorker = preloadedJobWorker();
  if (root !== undefined) confining(`chroot failed: ${root}`, () => chroot(root));
  return {
    jobWorker,
    becomeUser() {
      if (user !== undefined) confining(`--runas ${runas}`, () => becomeUser(user));
    },
  };
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

function confining(complaint: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (error instanceof NativeError) throw error;
    throw new OpenError(`${complaint}: ${systemReason(error)}`, { cause: error });
  }
}
