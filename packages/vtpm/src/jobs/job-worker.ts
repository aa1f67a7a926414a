import { parentPort } from "node:worker_threads";
import { createNodeProvider } from "@vtpm/crypto/node";
import { type Job, runJob } from "@vtpm/tpm2";

/** The thread of a job pool: a job in, its result out. An error ends it, and the pool takes note. */
const crypto = createNodeProvider();
parentPort?.on("message", (job: Job) => parentPort?.postMessage(runJob(crypto, job)));
