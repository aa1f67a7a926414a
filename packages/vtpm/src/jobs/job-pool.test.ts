import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { createNodeProvider } from "@vtpm/crypto/node";
import { type Job, runJob, Tpm } from "@vtpm/tpm2";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startupCommand, TPM_SU } from "../host/tpm2-messages.ts";
import { NodePlatform } from "../platform/node-platform.ts";
import { type BuiltProgram, buildProgram } from "../testing/build-program.ts";
import { createPrimaryRsa } from "../testing/commands.ts";
import { JobPool } from "./job-pool.ts";
import { JobCancelled } from "./job-runner.ts";

let built: BuiltProgram;
let worker: URL;
let pool: JobPool;
beforeAll(async () => {
  built = await buildProgram();
  worker = pathToFileURL(built.worker);
});
afterAll(() => built.remove());
afterEach(() => pool.close());

/** A thread made for a test. */
function threadOf(name: string, source: string): URL {
  const path = join(dirname(built.worker), `${name}.js`);
  writeFileSync(path, `import { parentPort } from "node:worker_threads";\n${source}`);
  return pathToFileURL(path);
}

function jobOf(unique: number, keyBits = 2048): Job {
  const tpm = Tpm.manufacture(new NodePlatform());
  tpm.powerOn();
  tpm.execute(startupCommand(TPM_SU.CLEAR));
  const step = tpm.begin(createPrimaryRsa(keyBits, unique));
  if (step.done) throw new Error("the command has no job");
  return step.job;
}

test("a thread finds what would be found here", async () => {
  pool = new JobPool({ worker });
  const job = jobOf(1);
  expect(await pool.run(job).result).toEqual(runJob(createNodeProvider(), job));
});

test("more jobs than threads are all done", async () => {
  pool = new JobPool({ worker, size: 2 });
  const jobs = [1, 2, 3, 4, 5].map((unique) => jobOf(unique));
  const results = await Promise.all(jobs.map((job) => pool.run(job).result));
  const crypto = createNodeProvider();
  expect(results).toEqual(jobs.map((job) => runJob(crypto, job)));
});

test("a cancelled job ends at once, and the next one is done", async () => {
  pool = new JobPool({ worker: threadOf("endless", `parentPort.on("message", () => { for (;;); });`), size: 1 });
  const first = pool.run(jobOf(1));
  const waiting = pool.run(jobOf(2));
  waiting.cancel();
  await expect(waiting.result).rejects.toBeInstanceOf(JobCancelled);
  first.cancel();
  await expect(first.result).rejects.toBeInstanceOf(JobCancelled);
  const next = pool.run(jobOf(3));
  next.cancel();
  await expect(next.result).rejects.toBeInstanceOf(JobCancelled);
});

test("cancelling a job that is done has no effect", async () => {
  pool = new JobPool({ worker, size: 1 });
  const done = pool.run(jobOf(1));
  await done.result;
  done.cancel();
  await pool.run(jobOf(2)).result;
});

test("a job whose thread dies is begun again in another one", async () => {
  // Dies of its first job as long as there is no mark, which it leaves behind.
  const source = `
    import { existsSync, writeFileSync } from "node:fs";
    const mark = new URL("./mark", import.meta.url);
    parentPort.on("message", (job) => {
      if (existsSync(mark)) parentPort.postMessage(job);
      else { writeFileSync(mark, ""); process.exit(1); }
    });`;
  pool = new JobPool({ worker: threadOf("mortal", source), size: 1 });
  const job = jobOf(1);
  expect(await pool.run(job).result).toEqual(job);
});

test("a job that no thread survives is given up, and the pool goes on", async () => {
  const source = `parentPort.on("message", () => { throw new Error("out of luck"); });`;
  pool = new JobPool({ worker: threadOf("fatal", source), size: 1 });
  await expect(pool.run(jobOf(1)).result).rejects.toThrow("a job failed: out of luck");
  await expect(pool.run(jobOf(2)).result).rejects.toThrow("a job failed: out of luck");
});

test("a thread that cannot even start is reported", async () => {
  pool = new JobPool({ worker: new URL("file:///nowhere/job-worker.js"), size: 1 });
  await expect(pool.run(jobOf(1)).result).rejects.toThrow("a job failed");
});
