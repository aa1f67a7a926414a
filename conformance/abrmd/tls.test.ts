import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { connect } from "node:tls";
import { expect, test } from "vitest";
import { provider } from "../openssl/openssl.ts";
import type { Scenario } from "../scenario.ts";
import { withResourceManager } from "./abrmd.ts";

/** OpenSSL's TLS server on a port of its own choosing, with its key in the TPM. */
async function tlsServer(tpm: Scenario): Promise<{ child: ChildProcess; port: number }> {
  const options = `${provider} -accept 127.0.0.1:0 -key key.pem -cert certificate.pem -naccept 1 -rev`;
  const child = spawn("openssl", ["s_server", ...options.split(" ")], {
    cwd: tpm.directory,
    env: { ...process.env, ...tpm.environment() },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface(child.stdout)) {
    const port = /^ACCEPT .*:(\d+)/.exec(line)?.[1];
    if (port !== undefined) return { child, port: Number(port) };
  }
  throw new Error("the TLS server did not start");
}

withResourceManager("TLS with a key in the TPM", (tpm) => {
  test.each([
    ["TLSv1.3", "EC", "-pkeyopt group:P-256"],
    ["TLSv1.3", "RSA", "-pkeyopt bits:2048"],
    ["TLSv1.2", "RSA", "-pkeyopt bits:2048"],
  ] as const)("a %s handshake with an %s key authenticates the server", async (version, algorithm, options) => {
    await tpm.run(
      `openssl genpkey ${provider} -algorithm ${algorithm} ${options} -out key.pem`,
      `openssl req ${provider} -x509 -new -key key.pem -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -days 2 -out certificate.pem`,
    );
    const { child, port } = await tlsServer(tpm);
    const exited = once(child, "exit");
    const client = connect({
      port,
      host: "127.0.0.1",
      ca: tpm.read("certificate.pem"),
      minVersion: version,
      maxVersion: version,
    });
    await once(client, "secureConnect");
    expect(client.authorized).toBe(true);
    client.write("hello\n");
    const [answer] = await once(client, "data");
    expect(String(answer)).toBe("olleh\n");
    client.destroy();
    child.kill();
    await exited;
  });
});
