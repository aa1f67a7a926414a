import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockFile } from "../native/flock.ts";
import { LocalCa } from "./local-ca.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vtpm-local-ca-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a CA that somebody else has locked is not waited for without end, and nothing of it is made", async () => {
  mkdirSync(join(directory, "ca"));
  const lock = join(directory, "ca/.lock.swtpm-localca");
  const place = {
    stateDirectory: join(directory, "ca"),
    signingKey: join(directory, "keys/signkey.pem"),
    issuerCertificate: join(directory, "certificates/issuercert.pem"),
    serial: join(directory, "ca/certserial"),
    lockPatienceMs: 50,
  };
  const held = await lockFile(lock, 0o644, 0);
  await expect(LocalCa.open(place)).rejects.toMatchObject({
    code: "CA_LOCKED",
    message: expect.stringMatching(
      /^the CA in .*ca has been locked by another process for 0\.05 seconds \(.*lock\.sw.*\): end that process; user \w+ waits no longer$/,
    ),
  });
  expect(readdirSync(directory)).toEqual(["ca"]);
  await held?.release();
  expect((await LocalCa.open(place)).created).toBe(true);
  // Directories of its files are made, too.
  expect(readdirSync(directory).sort()).toEqual(["ca", "certificates", "keys"]);
  expect((await LocalCa.open(place)).created).toBe(false);
});
