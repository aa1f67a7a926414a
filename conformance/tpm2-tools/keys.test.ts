import { beforeEach, expect, test } from "vitest";
import { field, withTools } from "./tpm2-tools.ts";

const TPM_RC_AUTH_FAIL_SESSION_1 = 0x98e;
const TPM_RC_BAD_AUTH_SESSION_1 = 0x9a2;
const TPM_RC_INTEGRITY_PARAMETER_1 = 0x1df;

withTools("objects", (tpm) => {
  beforeEach(async () => {
    await tpm.run("tpm2_createprimary -C o -G ecc -c primary.ctx");
  });

  test.each(["rsa2048", "ecc256", "ecc384", "hmac", "aes128", "aes256cfb", "keyedhash"])(
    "a %s key is created and loaded",
    async (kind) => {
      const input = kind === "keyedhash" ? "-i data" : "";
      tpm.write("data", "some data");
      await tpm.run(
        `tpm2_create -C primary.ctx ${kind === "keyedhash" ? "" : `-G ${kind}`} ${input} -u key.pub -r key.priv`,
      );
      await tpm.run("tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx -n key.name");
      expect(field(await tpm.run("tpm2_readpublic -c key.ctx"), "name")).toBe(tpm.read("key.name").toString("hex"));
    },
  );

  test("creating and loading in one step gives a usable key", async () => {
    await tpm.run("tpm2_create -C primary.ctx -G ecc -u key.pub -r key.priv -c key.ctx");
    tpm.write("message", "a message");
    await tpm.run(
      "tpm2_sign -c key.ctx -g sha256 -o signature message",
      "tpm2_verifysignature -c key.ctx -g sha256 -m message -s signature",
    );
  });

  test("a storage key under a storage key under the primary", async () => {
    const attributes = "-a 'restricted|decrypt|fixedtpm|fixedparent|sensitivedataorigin|userwithauth'";
    await tpm.run(
      `tpm2_create -C primary.ctx -G ecc256:aes128cfb ${attributes} -u parent.pub -r parent.priv`,
      "tpm2_load -C primary.ctx -u parent.pub -r parent.priv -c parent.ctx",
      "tpm2_create -C parent.ctx -G rsa2048 -u child.pub -r child.priv",
      "tpm2_load -C parent.ctx -u child.pub -r child.priv -c child.ctx",
    );
  });

  test("a key under another parent is refused", async () => {
    await tpm.run(
      "tpm2_create -C primary.ctx -G ecc -u key.pub -r key.priv",
      "tpm2_createprimary -C e -G ecc -c other.ctx",
    );
    await tpm.refused("tpm2_load -C other.ctx -u key.pub -r key.priv -c key.ctx", TPM_RC_INTEGRITY_PARAMETER_1);
  });

  test("a changed private part is refused", async () => {
    await tpm.run("tpm2_create -C primary.ctx -G ecc -u key.pub -r key.priv");
    const changed = tpm.read("key.priv");
    changed[changed.length - 1] = (changed[changed.length - 1] ?? 0) ^ 1;
    tpm.write("key.priv", changed);
    await tpm.refused("tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx", TPM_RC_INTEGRITY_PARAMETER_1);
  });

  test("a key's password is asked for", async () => {
    await tpm.run(
      "tpm2_create -C primary.ctx -G ecc -p secret -u key.pub -r key.priv -c key.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda'",
    );
    tpm.write("message", "a message");
    await tpm.run("tpm2_sign -c key.ctx -p secret -g sha256 -o signature message");
    await tpm.refused("tpm2_sign -c key.ctx -p wrong -g sha256 -o signature message", TPM_RC_BAD_AUTH_SESSION_1);
  });

  test("an object's password is changed", async () => {
    await tpm.run(
      "tpm2_create -C primary.ctx -G ecc -p old -u key.pub -r key.priv",
      "tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx",
      "tpm2_changeauth -C primary.ctx -c key.ctx -p old -r new.priv new",
      "tpm2_load -C primary.ctx -u key.pub -r new.priv -c key.ctx",
    );
    tpm.write("message", "a message");
    await tpm.run("tpm2_sign -c key.ctx -p new -g sha256 -o signature message");
    await tpm.refused("tpm2_sign -c key.ctx -p old -g sha256 -o signature message", TPM_RC_AUTH_FAIL_SESSION_1);
    await tpm.run("tpm2_dictionarylockout -c");
  });

  test("a parent's password is asked for, also as file and in hexadecimal", async () => {
    tpm.write("password", "pass");
    await tpm.run(
      "tpm2_createprimary -C o -G ecc -p file:password -c locked.ctx",
      "tpm2_create -C locked.ctx -P hex:70617373 -G ecc -u key.pub -r key.priv",
      "tpm2_load -C locked.ctx -P str:pass -u key.pub -r key.priv -c key.ctx",
    );
  });

  test.each(["rsa", "ecc"])("a %s public key is read in PEM, DER and the TPM's own form", async (kind) => {
    await tpm.run(`tpm2_create -C primary.ctx -G ${kind} -u key.pub -r key.priv -c key.ctx`);
    await tpm.run(
      "tpm2_readpublic -c key.ctx -f pem -o key.pem",
      "tpm2_readpublic -c key.ctx -f der -o key.der",
      "tpm2_readpublic -c key.ctx -o again.pub",
    );
    expect(tpm.read("again.pub")).toEqual(tpm.read("key.pub"));
    await tpm.run("openssl pkey -pubin -in key.der -inform DER -out again.pem");
    expect(tpm.read("again.pem")).toEqual(tpm.read("key.pem"));
  });

  test.each([
    ["rsa", "openssl genrsa -out key.pem 2048"],
    ["ecc", "openssl ecparam -name prime256v1 -genkey -noout -out key.pem"],
  ])("an %s key from outside is loaded and signs", async (kind, generate) => {
    tpm.write("message", "a message");
    await tpm.run(
      generate,
      `tpm2_loadexternal -C n -G ${kind} -r key.pem -c key.ctx`,
      `tpm2_sign -c key.ctx -g sha256 ${kind === "rsa" ? "-s rsassa" : ""} -f plain -o signature message`,
      "openssl pkey -in key.pem -pubout -out public.pem",
      "openssl dgst -sha256 -verify public.pem -signature signature message",
    );
  });

  test("a key is imported and used under its new parent", async () => {
    tpm.write("message", "a message");
    await tpm.run(
      "openssl genrsa -out key.pem 2048",
      "tpm2_import -C primary.ctx -G rsa -i key.pem -u key.pub -r key.priv",
      "tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx",
      "tpm2_sign -c key.ctx -g sha256 -s rsassa -f plain -o signature message",
      "openssl pkey -in key.pem -pubout -out public.pem",
      "openssl dgst -sha256 -verify public.pem -signature signature message",
    );
  });

  test("an AES key from outside is imported and decrypts what OpenSSL encrypted", async () => {
    tpm.write("aes", Buffer.from("000102030405060708090a0b0c0d0e0f", "hex"));
    tpm.write("plain", "sixteen bytes!!!");
    await tpm.run(
      "tpm2_import -C primary.ctx -G aes -i aes -u key.pub -r key.priv",
      "tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx",
      "openssl enc -aes-128-cfb -K 000102030405060708090a0b0c0d0e0f -iv 00000000000000000000000000000000 -in plain -out cipher",
      "tpm2_encryptdecrypt -c key.ctx -d -G cfb -o decrypted cipher",
    );
    expect(tpm.read("decrypted").toString()).toBe("sixteen bytes!!!");
  });

  test("a saved context is loaded again, and only the one that is whole", async () => {
    await tpm.run("tpm2_create -C primary.ctx -G ecc -u key.pub -r key.priv -c key.ctx", "tpm2_readpublic -c key.ctx");
    const context = tpm.read("key.ctx");
    context[60] = (context[60] ?? 0) ^ 1;
    tpm.write("key.ctx", context);
    await tpm.fails("tpm2_readpublic -c key.ctx");
  });

  test("a key is made persistent, used, and evicted", async () => {
    tpm.write("message", "a message");
    await tpm.run(
      "tpm2_create -C primary.ctx -G ecc -u key.pub -r key.priv -c key.ctx",
      "tpm2_evictcontrol -C o -c key.ctx 0x81000123",
    );
    expect((await tpm.run("tpm2_getcap handles-persistent")).stdout).toContain("0x81000123");
    await tpm.run("tpm2_sign -c 0x81000123 -g sha256 -o signature message", "tpm2_evictcontrol -C o -c 0x81000123");
    expect((await tpm.run("tpm2_getcap handles-persistent")).stdout).not.toContain("0x81000123");
    await tpm.refused("tpm2_readpublic -c 0x81000123", 0x18b);
  });

  test("the owner may not use the platform's persistent handles", async () => {
    await tpm.refused("tpm2_evictcontrol -C o -c primary.ctx 0x81800001", 0x1cd);
  });
});
