"use strict";

/**
 * The last step of the build: serves a TPM for a moment with each of the programs that do, makes one, and puts the code that
 * this took beside the bundle, where `bin/load.cjs` finds it.
 */
const { generateKeyPairSync } = require("node:crypto");
const { writeFileSync } = require("node:fs");
const { mkdir, mkdtemp, rm, writeFile } = require("node:fs/promises");
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
  const directory = await mkdtemp(join(tmpdir(), "vtpm-compile-"));
  try {
    await load("swtpm-setup.cjs").main(await setupLine(directory));
  } finally {
    await rm(directory, { recursive: true });
  }
  for (const [path, { script }] of loaded) writeFileSync(compiledCodePath(path), script.createCachedData());
}

/** A TPM with certificates, by a CA whose keys are there: making them would take most of the time. */
async function setupLine(directory) {
  for (const name of ["ca", "state"]) await mkdir(join(directory, name));
  for (const name of ["signkey.pem", "swtpm-localca-rootca-privkey.pem"]) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    await writeFile(join(directory, "ca", name), privateKey.export({ type: "pkcs8", format: "pem" }));
  }
  const files = {
    "localca.conf": "statedir = @/ca\nsigningkey = @/ca/signkey.pem\nissuercert = @/ca/issuercert.pem\n",
    options: "--platform-manufacturer A --platform-version 1 --platform-model B\n",
    "setup.conf":
      "create_certs_tool = swtpm_localca\ncreate_certs_tool_config = @/localca.conf\ncreate_certs_tool_options = @/options\n",
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(directory, name), text.replaceAll("@", directory));
  }
  const place = ["--config", join(directory, "setup.conf"), "--tpm-state", join(directory, "state")];
  return ["--tpm2", ...place, "--create-ek-cert", "--create-platform-cert", "--lock-nvram"];
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
