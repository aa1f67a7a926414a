import { beforeEach, expect, test } from "vitest";
import { withTools } from "./tpm2-tools.ts";

withTools("signatures", (tpm) => {
  beforeEach(async () => {
    await tpm.run("tpm2_createprimary -C o -G ecc -c primary.ctx");
    tpm.write("message", "the message to sign");
  });

  test.each(["sha1", "sha256", "sha384", "sha512"])("RSASSA with %s satisfies OpenSSL", async (hash) => {
    await tpm.run(
      "tpm2_create -C primary.ctx -G rsa2048 -u key.pub -r key.priv -c key.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'",
      `tpm2_sign -c key.ctx -g ${hash} -s rsassa -f plain -o signature message`,
      "tpm2_readpublic -c key.ctx -f pem -o key.pem",
      `openssl dgst -${hash} -verify key.pem -signature signature message`,
      `tpm2_verifysignature -c key.ctx -g ${hash} -f rsassa -m message -s signature`,
    );
  });

  test.each(["sha1", "sha256", "sha384"])("RSAPSS with %s satisfies OpenSSL", async (hash) => {
    await tpm.run(
      "tpm2_create -C primary.ctx -G rsa2048 -u key.pub -r key.priv -c key.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'",
      `tpm2_sign -c key.ctx -g ${hash} -s rsapss -f plain -o signature message`,
      "tpm2_readpublic -c key.ctx -f pem -o key.pem",
      `openssl dgst -${hash} -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-2 -verify key.pem -signature signature message`,
      `tpm2_verifysignature -c key.ctx -g ${hash} -f rsapss -m message -s signature`,
    );
  });

  test.each([
    ["ecc224", "sha256"],
    ["ecc256", "sha1"],
    ["ecc256", "sha256"],
    ["ecc256", "sha512"],
    ["ecc384", "sha384"],
    ["ecc384", "sha256"],
    ["ecc521", "sha512"],
    ["ecc521", "sha256"],
  ])("ECDSA on %s with %s satisfies OpenSSL", async (curve, hash) => {
    await tpm.run(
      `tpm2_create -C primary.ctx -G ${curve} -u key.pub -r key.priv -c key.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'`,
      `tpm2_sign -c key.ctx -g ${hash} -s ecdsa -f plain -o signature message`,
      "tpm2_readpublic -c key.ctx -f pem -o key.pem",
      `openssl dgst -${hash} -verify key.pem -signature signature message`,
      `tpm2_verifysignature -c key.ctx -g ${hash} -m message -s signature -f ecdsa`,
    );
  });

  test.each(["ecschnorr", "sm2"])("%s verifies with the TPM itself", async (scheme) => {
    const curve = scheme === "sm2" ? "ecc_sm2_p256" : "ecc256";
    await tpm.run(
      `tpm2_create -C primary.ctx -G ${curve} -u key.pub -r key.priv -c key.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'`,
      `tpm2_sign -c key.ctx -g sha256 -s ${scheme} -o signature message`,
      "tpm2_verifysignature -c key.ctx -g sha256 -m message -s signature -t ticket",
    );
  });

  test("an HMAC key signs and verifies", async () => {
    await tpm.run(
      "tpm2_create -C primary.ctx -G hmac:sha256 -u key.pub -r key.priv -c key.ctx",
      "tpm2_sign -c key.ctx -g sha256 -s hmac -o signature message",
      "tpm2_verifysignature -c key.ctx -g sha256 -m message -s signature",
    );
  });

  test.each(["rsa", "ecc"])("a restricted %s key signs what the TPM hashed, and nothing else", async (kind) => {
    await tpm.run(
      `tpm2_createek -G ${kind} -c ek.ctx`,
      `tpm2_createak -C ek.ctx -G ${kind} -g sha256 -s ${kind === "rsa" ? "rsassa" : "ecdsa"} -c ak.ctx -u ak.pub -f pem`,
      "tpm2_hash -C e -g sha256 -t ticket -o digest message",
      "tpm2_sign -c ak.ctx -g sha256 -d -t ticket -f plain -o signature digest",
      "openssl dgst -sha256 -verify ak.pub -signature signature message",
    );
    await tpm.refused("tpm2_sign -c ak.ctx -g sha256 -d -f plain -o signature digest", 0x3e0);
  });

  test("data that looks like an attestation gets no ticket", async () => {
    tpm.write("forged", Buffer.concat([Buffer.from("ff54434780180022", "hex"), Buffer.alloc(64)]));
    await tpm.run(
      "tpm2_createek -G ecc -c ek.ctx",
      "tpm2_createak -C ek.ctx -G ecc -g sha256 -s ecdsa -c ak.ctx -u ak.pub",
    );
    await tpm.run("tpm2_hash -C e -g sha256 -t ticket -o digest forged");
    await tpm.fails("tpm2_sign -c ak.ctx -g sha256 -d -t ticket -o signature digest");
  });

  test.each(["rsa", "ecc"])("an OpenSSL signature verifies in the TPM, a changed one does not (%s)", async (kind) => {
    await tpm.run(
      kind === "rsa"
        ? "openssl genrsa -out key.pem 2048"
        : "openssl ecparam -name prime256v1 -genkey -noout -out key.pem",
      "openssl pkey -in key.pem -pubout -out public.pem",
      "openssl dgst -sha256 -sign key.pem -out signature message",
      `tpm2_loadexternal -C o -G ${kind} -u public.pem -c key.ctx`,
      `tpm2_verifysignature -c key.ctx -g sha256 -m message -s signature -f ${kind === "rsa" ? "rsassa" : "ecdsa"}`,
    );
    tpm.write("message", "another message");
    await tpm.refused(
      `tpm2_verifysignature -c key.ctx -g sha256 -m message -s signature -f ${kind === "rsa" ? "rsassa" : "ecdsa"}`,
      0x2db,
    );
  });

  test("a decryption key does not sign", async () => {
    await tpm.run(
      "tpm2_create -C primary.ctx -G rsa2048 -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt' -u key.pub -r key.priv -c key.ctx",
    );
    await tpm.refused("tpm2_sign -c key.ctx -g sha256 -s rsassa -o signature message", 0x19c);
  });

  test("ECDAA commits and signs", async () => {
    await tpm.run(
      "tpm2_create -C primary.ctx -G ecc256:ecdaa -u key.pub -r key.priv -c key.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'",
    );
    await tpm.run("tpm2_commit -c key.ctx -t counter --eccpoint-K k.bin --eccpoint-L l.bin -u e.bin");
    expect(tpm.read("counter").length).toBeGreaterThan(0);
  });
});
