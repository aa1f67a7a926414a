import { expect, test } from "vitest";
import { provider, withProvider } from "./openssl.ts";

const kinds = [
  ["RSA", "-algorithm RSA -pkeyopt bits:2048"],
  ["EC P-256", "-algorithm EC -pkeyopt group:P-256"],
  ["EC P-384", "-algorithm EC -pkeyopt group:P-384"],
] as const;

withProvider("OpenSSL with keys in the TPM", (tpm) => {
  test("random numbers come from the TPM", async () => {
    expect((await tpm.run("openssl rand -provider tpm2 -hex 16")).stdout).toMatch(/^[0-9a-f]{32}\s*$/);
  });

  test.each(kinds)("%s: a key is made, signs and verifies", async (_, options) => {
    tpm.write("message", "a message");
    await tpm.run(
      `openssl genpkey ${provider} ${options} -out key.pem`,
      `openssl pkey ${provider} -in key.pem -pubout -out public.pem`,
      `openssl dgst ${provider} -sha256 -sign key.pem -out signature message`,
      "openssl dgst -sha256 -verify public.pem -signature signature message",
    );
    expect(tpm.read("key.pem").toString()).toContain("BEGIN TSS2 PRIVATE KEY");
  });

  test.each(kinds)("%s: a self-signed certificate verifies", async (_, options) => {
    await tpm.run(
      `openssl genpkey ${provider} ${options} -out key.pem`,
      `openssl req ${provider} -x509 -new -key key.pem -subj /CN=example -days 2 -out certificate.pem`,
      "openssl verify -CAfile certificate.pem certificate.pem",
    );
  });

  test("a message is signed and decrypted by CMS", async () => {
    tpm.write("message", "a message");
    await tpm.run(
      `openssl genpkey ${provider} -algorithm RSA -pkeyopt bits:2048 -out key.pem`,
      `openssl req ${provider} -x509 -new -key key.pem -subj /CN=example -days 2 -out certificate.pem`,
      `openssl cms ${provider} -sign -md sha256 -in message -signer certificate.pem -inkey key.pem -binary -nodetach -out signed.pem -outform PEM`,
      "openssl cms -verify -in signed.pem -inform PEM -CAfile certificate.pem -binary -out verified",
      "openssl cms -encrypt -in message -binary -aes128 -outform PEM -out encrypted.pem certificate.pem",
      `openssl cms ${provider} -decrypt -in encrypted.pem -inform PEM -inkey key.pem -recip certificate.pem -out decrypted`,
    );
    expect(tpm.read("verified").toString()).toBe("a message");
    expect(tpm.read("decrypted").toString()).toBe("a message");
  });

  test("RSA decrypts what OpenSSL encrypted", async () => {
    tpm.write("message", "a message");
    await tpm.run(
      `openssl genpkey ${provider} -algorithm RSA -pkeyopt bits:2048 -out key.pem`,
      `openssl pkey ${provider} -in key.pem -pubout -out public.pem`,
      "openssl pkeyutl -encrypt -pubin -inkey public.pem -in message -out cipher",
      `openssl pkeyutl ${provider} -decrypt -inkey key.pem -in cipher -out plain`,
    );
    expect(tpm.read("plain").toString()).toBe("a message");
  });

  test("a persistent key serves by its handle", async () => {
    tpm.write("message", "a message");
    await tpm.run(
      "tpm2_createprimary -C o -G ecc -c primary.ctx",
      "tpm2_create -C primary.ctx -G ecc256 -u key.pub -r key.priv -c key.ctx",
      "tpm2_evictcontrol -C o -c key.ctx 0x81000100",
      `openssl pkey ${provider} -in handle:0x81000100 -pubout -out public.pem`,
      `openssl pkeyutl ${provider} -sign -inkey handle:0x81000100 -rawin -digest sha256 -in message -out signature`,
      "openssl dgst -sha256 -verify public.pem -signature signature message",
      "tpm2_evictcontrol -C o -c 0x81000100",
    );
  });
});
