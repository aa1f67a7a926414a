import { randomBytes } from "node:crypto";
import { open, readdir, rename, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { reasonOf } from "../host-error.ts";
import { hasListener } from "../unix-socket.ts";
import type { DirectoryLock } from "./directory-lock.ts";
import { StoreError } from "./store-error.ts";

/** A listening socket that says who owns the directory, or would like to. It gets this name when it listens, not before. */
const OWNER = /^\.owner-[0-9a-f]{16}$/;
const ATTEMPTS = 5;
/** Bytes that the address of a Unix socket can hold on every system. */
const MAX_ADDRESS_SIZE = 103;

/**
 * Makes this process the only owner of a directory among those that ask by this function: for systems without record locks.
 * Resolves to nothing if another one owns it.
 *
 * Whoever wants the directory puts a listening socket into it under a name of its own and then looks for others: it owns
 * the directory if none of them answers. Of two that come together, whoever looks last sees the other; both may step back,
 * never can both stay. The system closes the socket of a process however it ends, so nothing is left to clean up by hand.
 */
export async function claimDirectory(path: string): Promise<DirectoryLock | undefined> {
  const handle = await lockable(path, () => open(path));
  // A socket's address is short, so a long path is taken through the descriptor.
  const base = Buffer.byteLength(path) + 30 > MAX_ADDRESS_SIZE ? `/proc/self/fd/${handle.fd}` : path;
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const claim = await lockable(path, () => putSocket(base));
      if (!(await lockable(path, () => isOwned(base, claim.name)))) {
        return { release: () => claim.withdraw().finally(() => handle.close()) };
      }
      await claim.withdraw();
      // Two that came together have both stepped back: let them not meet again.
      await wait(Math.random() * 10 * attempt);
    }
    await handle.close();
    return undefined;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

interface Claim {
  readonly name: string;
  withdraw(): Promise<void>;
}

async function putSocket(base: string): Promise<Claim> {
  const name = `.owner-${randomBytes(8).toString("hex")}`;
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(join(base, `${name}.new`), resolve);
  });
  server.on("error", () => {}); // a connection that could not be accepted was only a question, and has its answer
  server.unref();
  await rename(join(base, `${name}.new`), join(base, name));
  return {
    name,
    async withdraw() {
      await rm(join(base, name), { force: true });
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Whether anybody but `self` listens; if not, removes what dead processes have left. */
async function isOwned(base: string, self: string): Promise<boolean> {
  const names = (await readdir(base)).filter((name) => name !== self);
  const others = names.filter((name) => OWNER.test(name));
  for (const name of others) if (await hasListener(join(base, name))) return true;
  for (const name of others) await rm(join(base, name), { force: true });
  return false;
}

async function lockable<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new StoreError("STATE_DIRECTORY", `cannot lock ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
