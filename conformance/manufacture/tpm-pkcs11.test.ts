import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { unpackedPackages } from "../guest/debian-packages.ts";
import { OpenedTpm } from "./opened-tpm.ts";
import { BIN, output, run, useDirectory } from "./tools.ts";

const missing = inject("missingPrograms");
const MODULUS = `c${"5".repeat(510)}7`;
const TPM = [
  ...["--tpm-spec-family", "2.0", "--tpm-spec-level", "0", "--tpm-spec-revision", "183"],
  ...["--tpm-manufacturer", "id:00001014", "--tpm-model", "swtpm", "--tpm-version", "id:20240125", "--tpm2"],
];
const PIN = "my-pin";

describe.skipIf(missing.includes("PKCS #11") || missing.includes("certificate tools"))("a TPM's keys", () => {
  const directory = useDirectory();
  const at = (name: string): string => directory.file(name);

  test.each([
    ["EC:prime256v1", "ecdsa-with-SHA256"],
    ["rsa:2048", "sha256WithRSAEncryption"],
  ])("are those of a local CA, by tpm2-pkcs11: %s", async (kind, algorithm) => {
    const libraries = join(unpackedPackages("libtpm2-pkcs11-1"), "usr/lib");
    const module = readdirSync(libraries, { recursive: true, encoding: "utf8" }).find((name) =>
      /libtpm2_pkcs11\.so\.\d+\.\d/.test(name),
    );
    const path = join(libraries, module ?? "none");
    await output("mkdir", at("tpm"), at("store"));
    await OpenedTpm.with("this project", at("tpm"), async (tpm) => {
      await tpm.leave();
      const environment = { TPM2_PKCS11_STORE: at("store"), TPM2_PKCS11_TCTI: `swtpm:port=${tpm.port}` };
      const token = async (...args: readonly string[]): Promise<void> => {
        const { status, stderr } = await run("pkcs11-tool", ["--module", path, ...args], environment);
        expect({ status, stderr }).toMatchObject({ status: 0 });
      };
      await token("--slot-index", "0", "--init-token", "--label", "tpm", "--so-pin", "so-pin");
      await token("--token-label", "tpm", "--init-pin", "--so-pin", "so-pin", "--pin", PIN);
      const key = ["--key-type", kind, "--label", "ca", "--id", "01"];
      await token("--token-label", "tpm", "--login", "--pin", PIN, "--keypairgen", ...key);
      const read = ["--read-object", "--type", "pubkey", "--label", "ca", "--output-file", at("ca.der")];
      await token("--token-label", "tpm", ...read);

      // Its certificate is issued by a root elsewhere.
      await output("openssl", "pkey", "-pubin", "-inform", "DER", "-in", at("ca.der"), "-out", at("ca.pub"));
      const root = ["-keyout", at("root.key"), "-out", at("root.pem"), "-subj", "/CN=root", "-days", "30"];
      await output("openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", ...root);
      await output("openssl", "req", "-new", "-key", at("root.key"), "-subj", "/CN=CA in a TPM", "-out", at("request"));
      writeFileSync(at("extensions"), "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n");
      const issue = ["-CA", at("root.pem"), "-CAkey", at("root.key"), "-CAcreateserial", "-extfile", at("extensions")];
      const subject = ["-req", "-in", at("request"), "-force_pubkey", at("ca.pub"), "-out", at("ca.pem")];
      await output("openssl", "x509", ...subject, ...issue);

      const config = [
        `statedir = ${at("ca")}`,
        // As swtpm-create-tpmca writes it.
        `signingkey = pkcs11:token=tpm\\;id=%01\\;object=ca\\;type=private?module-path=${path}`,
        `issuercert = ${at("ca.pem")}`,
        `SWTPM_PKCS11_PIN = ${PIN}`,
        ...Object.entries(environment).map(([name, value]) => `env:${name} = ${value}`),
      ];
      writeFileSync(at("localca.conf"), config.join("\n"));
      writeFileSync(at("options"), "");
      const files = ["--configfile", at("localca.conf"), "--optsfile", at("options"), "--dir", directory.path];
      const args = [join(BIN, "swtpm_localca.cjs"), ...files, "--ek", MODULUS, ...TPM];
      expect(await run(process.execPath, args)).toMatchObject({ status: 0 });
      const chain = ["-CAfile", at("root.pem"), "-untrusted", at("ca.pem"), "-ignore_critical"];
      await output("openssl", "verify", ...chain, at("ek.cert"));
      expect(await output("openssl", "x509", "-noout", "-text", "-in", at("ek.cert"))).toContain(
        `Signature Algorithm: ${algorithm}`,
      );
    });
  });
});
