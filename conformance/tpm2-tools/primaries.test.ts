import { expect, test } from "vitest";
import { field, withToolsOverEachProtocol } from "./tpm2-tools.ts";

withToolsOverEachProtocol("primary keys", (tpm) => {
  test.each([
    ["rsa2048", "rsa"],
    ["rsa3072", "rsa"],
    ["ecc192", "ecc"],
    ["ecc224", "ecc"],
    ["ecc256", "ecc"],
    ["ecc384", "ecc"],
    ["ecc521", "ecc"],
    ["ecc_nist_p256", "ecc"],
    ["ecc_sm2_p256", "ecc"],
  ])("a storage key of kind %s", async (kind, type) => {
    const made = await tpm.run(`tpm2_createprimary -C o -g sha256 -G ${kind} -c primary.ctx`);
    expect(made.stdout).toMatch(new RegExp(`value: ${type}\\b`));
    await tpm.run(
      "tpm2_create -C primary.ctx -G ecc256 -u key.pub -r key.priv",
      "tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx",
    );
  });

  test.each([
    ["rsa1024:rsassa:null", "sign|userwithauth|sensitivedataorigin"],
    ["rsa2048:rsapss:null", "sign|userwithauth|sensitivedataorigin"],
    ["rsa2048:oaep:null", "decrypt|userwithauth|sensitivedataorigin"],
    ["rsa2048:rsaes:null", "decrypt|userwithauth|sensitivedataorigin"],
    ["ecc256:ecdsa:null", "sign|userwithauth|sensitivedataorigin"],
    ["ecc256:ecschnorr:null", "sign|userwithauth|sensitivedataorigin"],
    ["ecc256:ecdh:null", "decrypt|userwithauth|sensitivedataorigin"],
    ["hmac", "sign|userwithauth|sensitivedataorigin"],
    ["hmac:sha384", "sign|userwithauth|sensitivedataorigin"],
    ["aes128cfb", "decrypt|sign|userwithauth|sensitivedataorigin"],
    ["aes256cbc", "decrypt|sign|userwithauth|sensitivedataorigin"],
    ["aes256", "restricted|decrypt|userwithauth|sensitivedataorigin"],
    ["camellia128cfb", "decrypt|sign|userwithauth|sensitivedataorigin"],
    ["xor", "decrypt|userwithauth|sensitivedataorigin"],
  ])("an ordinary key of kind %s", async (kind, attributes) => {
    await tpm.run(`tpm2_createprimary -C o -G ${kind} -a 'fixedtpm|fixedparent|${attributes}' -c primary.ctx`);
    expect(field(await tpm.run("tpm2_readpublic -c primary.ctx"), "name")).toMatch(/^000b[0-9a-f]{64}$/);
  });

  test.each(["sha1", "sha256", "sha384", "sha512"])("a name made with %s", async (hash) => {
    await tpm.run(`tpm2_createprimary -C o -g ${hash} -G ecc -c primary.ctx`);
    expect(field(await tpm.run("tpm2_readpublic -c primary.ctx -n key.name"), "name")).toBe(
      tpm.read("key.name").toString("hex"),
    );
  });

  test.each(["o", "e", "p", "n"])("the same template in hierarchy %s gives the same key again", async (hierarchy) => {
    for (const name of ["one", "two"])
      await tpm.run(
        `tpm2_createprimary -C ${hierarchy} -G ecc -c ${name}.ctx`,
        `tpm2_readpublic -c ${name}.ctx -o ${name}.pub`,
      );
    expect(tpm.read("one.pub")).toEqual(tpm.read("two.pub"));
  });

  test("hierarchies give different keys for the same template", async () => {
    const names = new Set<string>();
    for (const hierarchy of ["o", "e", "p", "n"]) {
      await tpm.run(`tpm2_createprimary -C ${hierarchy} -G ecc -c key.ctx`, "tpm2_readpublic -c key.ctx -n key.name");
      names.add(tpm.read("key.name").toString("hex"));
    }
    expect(names.size).toBe(4);
  });

  test("another unique value gives another key", async () => {
    tpm.write(
      "unique",
      Buffer.concat([Buffer.from([32, 0]), Buffer.alloc(32, 7), Buffer.from([32, 0]), Buffer.alloc(32, 9)]),
    );
    await tpm.run("tpm2_createprimary -C o -G ecc -c one.ctx", "tpm2_readpublic -c one.ctx -n one.name");
    await tpm.run("tpm2_createprimary -C o -G ecc -u unique -c two.ctx", "tpm2_readpublic -c two.ctx -n two.name");
    expect(tpm.read("one.name")).not.toEqual(tpm.read("two.name"));
  });

  test.each(["rsa", "ecc"])("the %s endorsement key follows its standard template", async (kind) => {
    await tpm.run(`tpm2_createek -G ${kind} -c ek.ctx -u ek.pub`);
    const shown = await tpm.run("tpm2_readpublic -c ek.ctx");
    expect(field(shown, "authorization policy")).toBe(
      "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa",
    );
  });

  test("a primary key of a kind the TPM lacks is refused", async () => {
    await tpm.refused("tpm2_createprimary -C o -G ecc -g sm3_256 -c x.ctx", 0x2c3);
  });
});
