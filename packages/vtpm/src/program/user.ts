import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { userName } from "../files.ts";
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
  const { id, group } = lookUp("passwd", runas);
  const groups = execFileSync("id", ["-G", runas], { encoding: "utf8" });
  return { uid: id, gid: group, groups: groups.trim().split(" ").map(Number) };
}

/** Throws the system's error where that is not allowed. */
export function becomeUser({ uid, gid, groups }: User): void {
  process.setgroups?.([...groups]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

/** Who this process is, as `user:group`. */
export function userAndGroup(): string {
  return `${userName()}:${groupName(String(process.getegid?.() ?? "unknown"))}`;
}

function groupName(id: string): string {
  try {
    const groups = readFileSync("/etc/group", "utf8").split("\n");
    return groups.map((line) => line.split(":")).find(([, , number]) => number === id)?.[0] ?? id;
  } catch {
    return id; // there is no list of groups
  }
}
