import { createDecipheriv, createHash, createHmac } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { withTools } from "./tpm2-tools.ts";

withTools("encryption", (tpm) => {
  beforeEach(async () => {
    await tpm.run("tpm2_createprimary -C o -G ecc -c primary.ctx");
    tpm.write("plain", "a secret of 27 bytes length");
  });

  const rsaKey =
    "tpm2_create -C primary.ctx -G rsa2048 -u key.pub -r key.priv -c key.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt'";

  test.each([
    ["rsaes", "rsa_padding_mode:pkcs1"],
    ["oaep", "rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256"],
  ])("the TPM decrypts %s by OpenSSL", async (scheme, padding) => {
    await tpm.run(
      rsaKey,
      "tpm2_readpublic -c key.ctx -f pem -o key.pem",
      `openssl pkeyutl -encrypt -pubin -inkey key.pem -pkeyopt ${padding} -in plain -out cipher`,
      `tpm2_rsadecrypt -c key.ctx -s ${scheme} -o decrypted cipher`,
    );
    expect(tpm.read("decrypted")).toEqual(tpm.read("plain"));
  });

  test.each(["rsaes", "oaep"])("the TPM encrypts and decrypts with %s", async (scheme) => {
    await tpm.run(
      rsaKey,
      `tpm2_rsaencrypt -c key.ctx -s ${scheme} -o cipher plain`,
      `tpm2_rsadecrypt -c key.ctx -s ${scheme} -o decrypted cipher`,
    );
    expect(tpm.read("decrypted")).toEqual(tpm.read("plain"));
  });

  test("unpadded RSA keeps the number", async () => {
    tpm.write("number", Buffer.concat([Buffer.alloc(1), Buffer.alloc(255, 5)]));
    await tpm.run(
      rsaKey,
      "tpm2_rsaencrypt -c key.ctx -s null -o cipher number",
      "tpm2_rsadecrypt -c key.ctx -s null -o decrypted cipher",
    );
    expect(tpm.read("decrypted")).toEqual(tpm.read("number"));
  });

  test("a damaged cipher text is refused", async () => {
    await tpm.run(rsaKey, "tpm2_rsaencrypt -c key.ctx -s oaep -o cipher plain");
    const damaged = tpm.read("cipher");
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    tpm.write("cipher", damaged);
    await tpm.fails("tpm2_rsadecrypt -c key.ctx -s oaep -o decrypted cipher");
    await tpm.run("tpm2_getrandom 8");
  });

  test.each(["cfb", "cbc", "ofb", "ctr"])("AES-128 in mode %s goes there and back", async (mode) => {
    tpm.write("plain", Buffer.alloc(64, 0x5a));
    tpm.write("iv", Buffer.alloc(16, 3));
    await tpm.run(
      `tpm2_create -C primary.ctx -G aes128${mode} -u key.pub -r key.priv -c key.ctx`,
      `tpm2_encryptdecrypt -c key.ctx -t iv -o cipher plain`,
      `tpm2_encryptdecrypt -c key.ctx -t iv -d -o decrypted cipher`,
    );
    expect(tpm.read("decrypted")).toEqual(tpm.read("plain"));
    expect(tpm.read("cipher")).not.toEqual(tpm.read("plain"));
  });

  test.each([128, 256])("AES-%i CFB agrees with node:crypto on an imported key", async (bits) => {
    const key = Buffer.alloc(bits / 8, 0x42);
    tpm.write("raw", key);
    tpm.write("iv", Buffer.alloc(16, 9));
    await tpm.run(
      "tpm2_import -C primary.ctx -G aes -i raw -u key.pub -r key.priv",
      "tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx",
      "tpm2_encryptdecrypt -c key.ctx -G cfb -t iv -o cipher plain",
    );
    const decipher = createDecipheriv(`aes-${bits}-cfb`, key, Buffer.alloc(16, 9));
    expect(Buffer.concat([decipher.update(tpm.read("cipher")), decipher.final()])).toEqual(tpm.read("plain"));
  });

  test("more data than one command holds goes through in pieces", async () => {
    tpm.write("plain", Buffer.alloc(4096, 0x11));
    await tpm.run(
      "tpm2_create -C primary.ctx -G aes256cfb -u key.pub -r key.priv -c key.ctx",
      "tpm2_encryptdecrypt -c key.ctx -o cipher plain",
      "tpm2_encryptdecrypt -c key.ctx -d -o decrypted cipher",
    );
    expect(tpm.read("decrypted")).toEqual(tpm.read("plain"));
  });

  test.each(["ecc256", "ecc384", "ecc521"])("both sides of ECDH on %s agree", async (curve) => {
    await tpm.run(
      `tpm2_create -C primary.ctx -G ${curve} -u key.pub -r key.priv -c key.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt'`,
      "tpm2_ecdhkeygen -c key.ctx -u point -o one",
      "tpm2_ecdhzgen -c key.ctx -u point -o two",
    );
    expect(tpm.read("one")).toEqual(tpm.read("two"));
  });

  test("ephemeral keys serve one two-phase exchange", async () => {
    await tpm.run(
      "tpm2_create -C primary.ctx -G ecc256:ecdh -u key.pub -r key.priv -c key.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt'",
      "tpm2_ecephemeral -u q.eph -t counter ecc256",
    );
    expect(tpm.read("q.eph").length).toBeGreaterThan(60);
    expect(tpm.read("counter").length).toBe(2);
  });

  test.each(["sha1", "sha256", "sha384", "sha512"])("hash with %s, short and long", async (hash) => {
    for (const size of [0, 1, 1024, 1025, 5000]) {
      tpm.write("data", Buffer.alloc(size, 0x61));
      await tpm.run(`tpm2_hash -C n -g ${hash} -o digest data`);
      expect(tpm.read("digest").toString("hex")).toBe(createHash(hash).update(Buffer.alloc(size, 0x61)).digest("hex"));
    }
  });

  test.each(["sha1", "sha256", "sha384", "sha512"])(
    "HMAC with %s, short and long, under a key from outside",
    async (hash) => {
      const key = "000102030405060708090a0b0c0d0e0f";
      tpm.write("raw", Buffer.from(key, "hex"));
      for (const size of [3, 3000]) {
        tpm.write("data", Buffer.alloc(size, 0x61));
        await tpm.run(
          `tpm2_loadexternal -C n -G hmac:${hash} -a 'userwithauth|sign' -r raw -c key.ctx`,
          "tpm2_hmac -c key.ctx -o mac data",
        );
        const expected = createHmac(hash, Buffer.from(key, "hex")).update(Buffer.alloc(size, 0x61)).digest("hex");
        expect(tpm.read("mac").toString("hex")).toBe(expected);
      }
    },
  );

  test.each(["ecc224", "ecc256", "ecc384", "ecc521", "ecc_sm2_p256"])(
    "the parameters of curve %s are told",
    async (curve) => {
      await tpm.run(`tpm2_geteccparameters -o parameters ${curve}`);
      expect(tpm.read("parameters").length).toBeGreaterThan(150);
    },
  );
});
