import { execFileSync } from "node:child_process";
import { userInfo } from "node:os";
import { reasonOf } from "../../host-error.ts";
import { lookUp } from "../sub-options.ts";
import { UsageError } from "../usage-error.ts";

/** `--runas`: the user by name, with all groups, or by number. */
export function becomeUser(user: string): void {
  const { setgid, setgroups, setuid, geteuid } = process;
  if (setgid === undefined || setgroups === undefined || setuid === undefined) {
    throw new UsageError("--runas: this system has no users to become");
  }
  if (geteuid?.() !== 0) {
    if (user === userInfo().username || user === String(geteuid?.())) return;
    throw new UsageError(`--runas ${user}: only root can become another user`);
  }
  const isNumber = /^\d+$/.test(user);
  const { id, group } = isNumber ? { id: Number(user), group: Number(user) } : lookUp("passwd", "--runas", user);
  try {
    const groups = isNumber
      ? [group]
      : execFileSync("id", ["-G", user], { encoding: "utf8" }).trim().split(" ").map(Number);
    setgroups(groups);
    setgid(group);
    setuid(id);
  } catch (error) {
    throw new UsageError(`--runas ${user}: cannot become that user: ${reasonOf(error)}`, { cause: error });
  }
}
