import { beforeEach, expect, test } from "vitest";
import { withTools } from "./tpm2-tools.ts";

const TPM_RC_TICKET_PARAMETER_4 = 0x4e0;

withTools("attestation", (tpm) => {
  beforeEach(async () => {
    await tpm.run(
      "tpm2_createek -G ecc -c ek.ctx -u ek.pub",
      "tpm2_createak -C ek.ctx -G ecc -g sha256 -s ecdsa -c ak.ctx -u ak.pem -f pem -n ak.name",
    );
  });

  test.each(["sha256:0,1,2", "sha1:0,7,16+sha256:23", "sha384:0", "sha512:1,2,3", "sha256:all"])(
    "a quote of %s is checked",
    async (selection) => {
      await tpm.run(
        "tpm2_pcrevent 16 /etc/hostname",
        `tpm2_quote -c ak.ctx -l ${selection} -q c0ffee -g sha256 -m quote.msg -s quote.sig -o quote.pcrs`,
        "tpm2_checkquote -u ak.pem -g sha256 -q c0ffee -m quote.msg -s quote.sig -f quote.pcrs",
      );
    },
  );

  test("a quote with another nonce or another PCR value does not pass", async () => {
    await tpm.run("tpm2_quote -c ak.ctx -l sha256:16 -q c0ffee -g sha256 -m quote.msg -s quote.sig -o quote.pcrs");
    await tpm.fails("tpm2_checkquote -u ak.pem -g sha256 -q c0ffed -m quote.msg -s quote.sig -f quote.pcrs");
    await tpm.run(
      "tpm2_pcrevent 16 /etc/hostname",
      "tpm2_quote -c ak.ctx -l sha256:16 -q c0ffee -g sha256 -m other.msg -s other.sig -o other.pcrs",
    );
    await tpm.fails("tpm2_checkquote -u ak.pem -g sha256 -q c0ffee -m quote.msg -s quote.sig -f other.pcrs");
  });

  test("a quote satisfies OpenSSL", async () => {
    await tpm.run(
      "tpm2_quote -c ak.ctx -l sha256:0,1 -g sha256 -f plain -m quote.msg -s quote.sig",
      "openssl dgst -sha256 -verify ak.pem -signature quote.sig quote.msg",
    );
    expect(tpm.read("quote.msg").subarray(0, 6).toString("hex")).toBe("ff5443478018");
  });

  test.each(["rsassa", "rsapss"])("an RSA attestation key quotes with %s", async (scheme) => {
    await tpm.run(
      "tpm2_createek -G rsa -c rsa.ctx",
      `tpm2_createak -C rsa.ctx -G rsa -g sha256 -s ${scheme} -c rsaak.ctx -u rsaak.pem -f pem`,
      `tpm2_quote -c rsaak.ctx --scheme ${scheme} -l sha256:0 -g sha256 -q aa -f plain -m quote.msg -s quote.sig`,
      `openssl dgst -sha256 ${scheme === "rsapss" ? "-sigopt rsa_padding_mode:pss" : ""} -verify rsaak.pem -signature quote.sig quote.msg`,
    );
  });

  test("a key is certified", async () => {
    await tpm.run(
      "tpm2_createprimary -C o -G ecc -c primary.ctx",
      "tpm2_create -C primary.ctx -G rsa -u key.pub -r key.priv",
      "tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx -n key.name",
      "tpm2_certify -c key.ctx -C ak.ctx -g sha256 -o attestation -s signature -f plain",
      "openssl dgst -sha256 -verify ak.pem -signature signature attestation",
    );
    expect(tpm.read("attestation").includes(tpm.read("key.name"))).toBe(true);
  });

  test("a key's creation is certified with its ticket, and only with it", async () => {
    await tpm.run(
      "tpm2_createprimary -C o -G ecc -c primary.ctx --creation-hash primary.hash -t primary.ticket",
      "tpm2_certifycreation -C ak.ctx -c primary.ctx -g sha256 -d primary.hash -t primary.ticket -o signature -f plain --attestation attestation",
      "openssl dgst -sha256 -verify ak.pem -signature signature attestation",
    );
    const ticket = tpm.read("primary.ticket");
    ticket[ticket.length - 1] = (ticket[ticket.length - 1] ?? 0) ^ 1;
    tpm.write("primary.ticket", ticket);
    await tpm.refused(
      "tpm2_certifycreation -C ak.ctx -c primary.ctx -g sha256 -d primary.hash -t primary.ticket -o signature --attestation attestation",
      TPM_RC_TICKET_PARAMETER_4,
    );
  });

  test("the time is attested", async () => {
    await tpm.run(
      "tpm2_gettime -c ak.ctx -g sha256 -q abcd -o signature -f plain --attestation attestation",
      "openssl dgst -sha256 -verify ak.pem -signature signature attestation",
    );
  });

  test("an NV index's content is attested", async () => {
    tpm.write("content", "what is in there");
    await tpm.run(
      "tpm2_nvdefine -C o -s 16 -a 'ownerread|ownerwrite|authread|authwrite' 0x1500020",
      "tpm2_nvwrite -C o -i content 0x1500020",
      "tpm2_nvcertify -C ak.ctx -c 0x1500020 -g sha256 --size 16 -o signature -f plain --attestation attestation 0x1500020",
      "openssl dgst -sha256 -verify ak.pem -signature signature attestation",
      "tpm2_nvundefine -C o 0x1500020",
    );
    expect(tpm.read("attestation").includes("what is in there")).toBe(true);
  });

  test("audited commands are attested", async () => {
    await tpm.run(
      "tpm2_setcommandauditstatus -C o 0x17B",
      "tpm2_getrandom 8 -o random",
      "tpm2_getcommandauditdigest -c ak.ctx -g sha256 -m attestation -s signature -f plain",
      "openssl dgst -sha256 -verify ak.pem -signature signature attestation",
      "tpm2_setcommandauditstatus -C o -c 0x17B",
    );
  });

  test.each(["rsa", "ecc"])(
    "a credential for the %s endorsement key opens here and only for the right key",
    async (kind) => {
      tpm.write("secret", "the credential's secret");
      await tpm.run(
        `tpm2_createek -G ${kind} -c ek2.ctx -u ek2.pub`,
        `tpm2_createak -C ek2.ctx -G ${kind} -g sha256 -s ${kind === "rsa" ? "rsassa" : "ecdsa"} -c ak2.ctx -u ak2.pub -n ak2.name`,
      );
      const name = tpm.read("ak2.name").toString("hex");
      const activate = [
        "tpm2_startauthsession --policy-session -S session.ctx",
        "tpm2_policysecret -S session.ctx -c e",
        "tpm2_activatecredential -c ak2.ctx -C ek2.ctx -i credential -o opened -P session:session.ctx",
      ];
      await tpm.run(
        `tpm2_makecredential -e ek2.pub -s secret -n ${name} -o credential`,
        ...activate,
        "tpm2_flushcontext session.ctx",
      );
      expect(tpm.read("opened")).toEqual(tpm.read("secret"));
      const other = tpm.read("ak.name").toString("hex");
      await tpm.run(`tpm2_makecredential -e ek2.pub -s secret -n ${other} -o credential`, ...activate.slice(0, 2));
      await tpm.fails(activate[2] ?? "");
    },
  );

  test("makecredential works without a TPM and the TPM opens it", async () => {
    tpm.write("secret", "0123456789");
    await tpm.run("tpm2_createek -G rsa -c ek3.ctx -u ek3.pub");
    const name = tpm.read("ak.name").toString("hex");
    await tpm.run(
      `tpm2_makecredential -T none -e ek3.pub -s secret -n ${name} -o credential`,
      "tpm2_startauthsession --policy-session -S session.ctx",
      "tpm2_policysecret -S session.ctx -c e",
      "tpm2_activatecredential -c ak.ctx -C ek3.ctx -i credential -o opened -P session:session.ctx",
    );
    expect(tpm.read("opened")).toEqual(tpm.read("secret"));
  });
});
