import { execFileSync } from "node:child_process";
import { lookUp } from "./sub-options.ts";

/** A user to become. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** The user of `--runas`: by name with all groups, by number with the group of that number. Throws an `UnknownNameError`. */
export function userOf(runas: string): User {
  if (/^\d+$/.test(runas)) return { uid: Number(runas), gid: Number(runas), groups: [Number(runas)] };
  const { id, group } = lookUp("passwd", "--runas", runas);
  const groups = execFileSync("id", ["-G", runas], { encoding: "utf8" });
  return { uid: id, gid: group, groups: groups.trim().split(" ").map(Number) };
}

/** Throws the system's error where that is not allowed. */
export function becomeUser({ uid, gid, groups }: User): void {
  process.setgroups?.([...groups]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}
