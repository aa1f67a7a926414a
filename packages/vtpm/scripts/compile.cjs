"use strict";

/**
 * The last step of the build: serves a TPM for a moment with each of the programs that do, and puts the code that this took
 * beside the bundle, where `bin/load.cjs` finds it.
 */
const { writeFileSync } = require("node:fs");
const { mkdtemp, rm } = require("node:fs/promises");
const { connect } = require("node:net");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { load, loaded, compiledCodePath } = require("../bin/load.cjs");

/** What firmware and kernels begin with: Startup, SelfTest, GetCapability, PCR_Extend, PCR_Read, GetRandom. */
const COMMANDS = [
  "80010000000c000001440000",
  "80010000000b0000014301",
  "8001000000160000017a000000060000010000000020",
  `80020000004100000182000000000000000940000009000000000000000001000b${"00".repeat(32)}`,
  "8001000000140000017e00000001000b03010000",
  "80010000000c0000017b0020",
];

const PROGRAMS = {
  "vtpm.cjs": (directory, path) => ["serve", "--startup", "none", "--state", directory, "--socket", path],
  "swtpm.cjs": (directory, path) => [
    ...["socket", "--tpm2", "--flags", "not-need-init", "--tpmstate", `dir=${directory}`],
    ...["--server", `type=unixio,path=${path}`, "--ctrl", `type=unixio,path=${path}.ctrl`],
  ],
};

async function main() {
  // A build need not say that a TPM is ready.
  process.stdout.write = () => true;
  for (const [name, commandLine] of Object.entries(PROGRAMS)) {
    const directory = await mkdtemp(join(tmpdir(), "vtpm-compile-"));
    try {
      const path = join(directory, "tpm");
      const ended = load(name).main(commandLine(directory, path));
      await talk(path);
      process.kill(process.pid, "SIGTERM");
      await ended;
    } finally {
      await rm(directory, { recursive: true });
    }
  }
  for (const [path, { script }] of loaded) writeFileSync(compiledCodePath(path), script.createCachedData());
}

async function talk(path) {
  const socket = await connected(path);
  for (const command of COMMANDS) {
    socket.write(Buffer.from(command, "hex"));
    const response = await new Promise((resolve) => socket.once("data", resolve));
    if (response.readUInt32BE(6) !== 0) throw new Error(`${command}: ${response.toString("hex")}`);
  }
  socket.end();
}

/** The server listens when it has opened its state. */
async function connected(path) {
  for (;;) {
    const socket = await new Promise((resolve) => {
      const attempt = connect(path, () => resolve(attempt));
      attempt.once("error", () => resolve(undefined));
    });
    if (socket !== undefined) return socket;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

main();
