import { beforeEach, expect, test } from "vitest";
import type { Scenario } from "../scenario.ts";
import { withTools } from "./tpm2-tools.ts";

const TPM_RC_POLICY_FAIL_SESSION_1 = 0x99d;
const TPM_RC_LOCALITY = 0x907;
const TPM_RC_VALUE_PARAMETER_4 = 0x4c4;
const TPM_RC_PCR_CHANGED = 0x128;
const TPM_RC_AUTH_FAIL_SESSION_1 = 0x98e;

/** A trial session that runs `steps` and leaves the policy digest in `file`. */
async function trial(tpm: Scenario, file: string, ...steps: string[]): Promise<void> {
  await tpm.run("tpm2_startauthsession -S trial.ctx");
  for (const [i, step] of steps.entries())
    await tpm.run(`${step} -S trial.ctx ${i === steps.length - 1 ? `-L ${file}` : ""}`);
  await tpm.run("tpm2_flushcontext trial.ctx");
}

/** A policy session that ran `steps`. */
async function policySession(tpm: Scenario, ...steps: string[]): Promise<void> {
  await tpm.run("tpm2_startauthsession --policy-session -S session.ctx");
  for (const step of steps) await tpm.run(`${step} -S session.ctx`);
}

const endSession = "tpm2_flushcontext session.ctx";

/** Seals a secret under the policy in `file`. */
async function seal(tpm: Scenario, file: string, extra = ""): Promise<void> {
  tpm.write("secret", "the sealed secret");
  await tpm.run(
    `tpm2_create -C primary.ctx -i secret -L ${file} ${extra} -u sealed.pub -r sealed.priv`,
    "tpm2_load -C primary.ctx -u sealed.pub -r sealed.priv -c sealed.ctx",
  );
}

async function unseals(tpm: Scenario, auth = "session:session.ctx"): Promise<void> {
  await tpm.run(`tpm2_unseal -c sealed.ctx -p ${auth} -o unsealed`);
  expect(tpm.read("unsealed").toString()).toBe("the sealed secret");
}

const withPrimary = (theme: string, body: (tpm: Scenario) => void) =>
  withTools(theme, (tpm) => {
    beforeEach(async () => {
      await tpm.run("tpm2_createprimary -C o -G ecc -c primary.ctx", "tpm2_pcrreset 16 23");
    });
    body(tpm);
  });

withPrimary("sealing", (tpm) => {
  test("a secret is sealed and unsealed with a password", async () => {
    tpm.write("secret", "the sealed secret");
    await tpm.run("tpm2_create -C primary.ctx -i secret -p pass -u sealed.pub -r sealed.priv -c sealed.ctx");
    await unseals(tpm, "pass");
    await tpm.refused("tpm2_unseal -c sealed.ctx -p wrong", TPM_RC_AUTH_FAIL_SESSION_1);
    await tpm.run("tpm2_dictionarylockout -c");
  });

  test.each(["sha1:16", "sha256:16", "sha256:0,1,16+sha1:23", "sha384:16,23", "sha512:16"])(
    "unsealing under PCRs %s ends when one of them changes",
    async (pcrs) => {
      await trial(tpm, "policy", `tpm2_policypcr -l ${pcrs}`);
      await seal(tpm, "policy");
      await policySession(tpm, `tpm2_policypcr -l ${pcrs}`);
      await unseals(tpm);
      await tpm.run(endSession, "tpm2_pcrevent 16 /etc/hostname");
      await policySession(tpm, `tpm2_policypcr -l ${pcrs}`);
      await tpm.refused("tpm2_unseal -c sealed.ctx -p session:session.ctx", TPM_RC_POLICY_FAIL_SESSION_1);
    },
  );

  test("a PCR that changes after the policy was satisfied is noticed", async () => {
    await trial(tpm, "policy", "tpm2_policypcr -l sha256:5");
    await seal(tpm, "policy");
    await policySession(tpm, "tpm2_policypcr -l sha256:5");
    await tpm.run("tpm2_pcrevent 5 /etc/hostname");
    await tpm.refused("tpm2_unseal -c sealed.ctx -p session:session.ctx", TPM_RC_PCR_CHANGED);
  });

  test("the tool's own PCR policy and session do the same", async () => {
    await tpm.run("tpm2_createpolicy --policy-pcr -l sha256:16 -L policy");
    await seal(tpm, "policy");
    await unseals(tpm, "pcr:sha256:16");
  });

  test("a sealed secret is not opened without its policy", async () => {
    await trial(tpm, "policy", "tpm2_policypcr -l sha256:16");
    await seal(tpm, "policy");
    await policySession(tpm);
    await tpm.refused("tpm2_unseal -c sealed.ctx -p session:session.ctx", TPM_RC_POLICY_FAIL_SESSION_1);
    await tpm.refused("tpm2_unseal -c sealed.ctx", 0x12f);
  });
});

withPrimary("policies", (tpm) => {
  test("policy password and policy authvalue ask for the object's password", async () => {
    for (const command of ["tpm2_policypassword", "tpm2_policyauthvalue"]) {
      await trial(tpm, "policy", command);
      await seal(tpm, "policy", "-p pass -a 'fixedtpm|fixedparent|noda'");
      await policySession(tpm, command);
      await unseals(tpm, "session:session.ctx+pass");
      await tpm.run(endSession);
      await policySession(tpm, command);
      await tpm.fails("tpm2_unseal -c sealed.ctx -p session:session.ctx+wrong");
      await tpm.run(endSession);
    }
  });

  test("policy command code allows that command only", async () => {
    await trial(tpm, "policy", "tpm2_policycommandcode TPM2_CC_Unseal");
    await seal(tpm, "policy");
    await policySession(tpm, "tpm2_policycommandcode TPM2_CC_Unseal");
    await unseals(tpm);
    await tpm.run(endSession);
    await policySession(tpm, "tpm2_policycommandcode TPM2_CC_RSA_Decrypt");
    await tpm.refused("tpm2_unseal -c sealed.ctx -p session:session.ctx", TPM_RC_POLICY_FAIL_SESSION_1);
  });

  test("policy locality refuses another locality", async () => {
    await tpm.run(
      "tpm2_startauthsession -S trial.ctx",
      "tpm2_policylocality -S trial.ctx -L policy three",
      "tpm2_flushcontext trial.ctx",
    );
    await seal(tpm, "policy");
    await tpm.run("tpm2_startauthsession --policy-session -S session.ctx", "tpm2_policylocality -S session.ctx three");
    await tpm.refused("tpm2_unseal -c sealed.ctx -p session:session.ctx", TPM_RC_LOCALITY);
  });

  test("policy locality zero passes in locality zero", async () => {
    await tpm.run(
      "tpm2_startauthsession -S trial.ctx",
      "tpm2_policylocality -S trial.ctx -L policy zero",
      "tpm2_flushcontext trial.ctx",
    );
    await seal(tpm, "policy");
    await tpm.run("tpm2_startauthsession --policy-session -S session.ctx", "tpm2_policylocality -S session.ctx zero");
    await unseals(tpm);
  });

  test("policy or takes any of its branches", async () => {
    await trial(tpm, "a", "tpm2_policycommandcode TPM2_CC_Unseal");
    await trial(tpm, "b", "tpm2_policypcr -l sha256:16");
    await trial(tpm, "c", "tpm2_policypassword");
    await trial(tpm, "policy", "tpm2_policypassword", "tpm2_policyor -l sha256:a,b,c");
    await seal(tpm, "policy");
    for (const branch of ["tpm2_policycommandcode TPM2_CC_Unseal", "tpm2_policypcr -l sha256:16"]) {
      await policySession(tpm, branch, "tpm2_policyor -l sha256:a,b,c");
      await unseals(tpm);
      await tpm.run(endSession);
    }
    await policySession(tpm, "tpm2_policyauthvalue");
    await tpm.run("tpm2_policypcr -S session.ctx -l sha256:23");
    await tpm.refused("tpm2_policyor -S session.ctx -l sha256:a,b,c", 0x1c4);
  });

  test("policy secret asks for another entity's password", async () => {
    await trial(tpm, "policy", "tpm2_policysecret -c o");
    await seal(tpm, "policy");
    await policySession(tpm, "tpm2_policysecret -c o");
    await unseals(tpm);
    await tpm.run(
      endSession,
      "tpm2_changeauth -c o ownerpass",
      "tpm2_startauthsession --policy-session -S session.ctx",
    );
    await tpm.refused("tpm2_policysecret -S session.ctx -c o wrong", 0x9a2);
    await tpm.run("tpm2_policysecret -S session.ctx -c o ownerpass");
    await unseals(tpm);
    await tpm.run("tpm2_changeauth -c o -p ownerpass");
  });

  test("policy secret with an expiration yields a ticket that satisfies a later session", async () => {
    await trial(tpm, "policy", "tpm2_policysecret -c o");
    await seal(tpm, "policy");
    await tpm.run(
      "tpm2_startauthsession --policy-session -S session.ctx",
      "tpm2_policysecret -S session.ctx -c o -t -100 -x --ticket ticket --timeout timeout",
      endSession,
      "tpm2_readpublic -c primary.ctx",
    );
    tpm.write("owner.name", Buffer.from("40000001", "hex"));
    await policySession(tpm, "tpm2_policyticket -n owner.name --ticket ticket --timeout timeout");
    await unseals(tpm);
  });

  test("policy signed takes a signature from outside", async () => {
    await tpm.run(
      "openssl genrsa -out signer.pem 2048",
      "openssl pkey -in signer.pem -pubout -out signer.pub.pem",
      "tpm2_loadexternal -C o -G rsa -u signer.pub.pem -c signer.ctx -n signer.name",
    );
    tpm.write("ahash", Buffer.from("00000000", "hex"));
    await tpm.run("openssl dgst -sha256 -sign signer.pem -out signature ahash");
    const step = "tpm2_policysigned -g sha256 -s signature -f rsassa -c signer.ctx";
    await trial(tpm, "policy", step);
    await seal(tpm, "policy");
    await policySession(tpm, step);
    await unseals(tpm);
    tpm.write("ahash", "something else");
    await tpm.run(
      endSession,
      "openssl dgst -sha256 -sign signer.pem -out signature ahash",
      "tpm2_startauthsession --policy-session -S session.ctx",
    );
    await tpm.refused(`${step} -S session.ctx`, 0x5db);
  });

  test("policy authorize takes any policy its key has signed", async () => {
    await tpm.run(
      "openssl genrsa -out signer.pem 2048",
      "openssl pkey -in signer.pem -pubout -out signer.pub.pem",
      "tpm2_loadexternal -C o -G rsa -u signer.pub.pem -c signer.ctx -n signer.name",
    );
    await trial(tpm, "pcr.policy", "tpm2_policypcr -l sha256:16");
    await trial(tpm, "policy", "tpm2_policyauthorize -i pcr.policy -n signer.name");
    await seal(tpm, "policy");
    await tpm.run(
      "openssl dgst -sha256 -sign signer.pem -out signature pcr.policy",
      "tpm2_verifysignature -c signer.ctx -g sha256 -m pcr.policy -s signature -t ticket -f rsassa",
    );
    await policySession(
      tpm,
      "tpm2_policypcr -l sha256:16",
      "tpm2_policyauthorize -i pcr.policy -n signer.name -t ticket",
    );
    await unseals(tpm);
  });

  test("policy authorize of a policy that was not signed is refused", async () => {
    await tpm.run(
      "openssl genrsa -out signer.pem 2048",
      "openssl pkey -in signer.pem -pubout -out signer.pub.pem",
      "tpm2_loadexternal -C o -G rsa -u signer.pub.pem -c signer.ctx -n signer.name",
    );
    await trial(tpm, "pcr.policy", "tpm2_policypcr -l sha256:16");
    await tpm.run("openssl dgst -sha256 -sign signer.pem -out signature pcr.policy");
    await tpm.run("tpm2_verifysignature -c signer.ctx -g sha256 -m pcr.policy -s signature -t ticket -f rsassa");
    const ticket = tpm.read("ticket");
    ticket[ticket.length - 1] = (ticket[ticket.length - 1] ?? 0) ^ 1;
    tpm.write("ticket", ticket);
    await policySession(tpm, "tpm2_policypcr -l sha256:16");
    await tpm.refused(
      "tpm2_policyauthorize -S session.ctx -i pcr.policy -n signer.name -t ticket",
      TPM_RC_VALUE_PARAMETER_4,
    );
  });

  test("policy NV compares with an index", async () => {
    tpm.write("operand", Buffer.from("0000000000000005", "hex"));
    await tpm.run(
      "tpm2_nvdefine -C o -s 8 -a 'ownerread|ownerwrite|authread' 0x1500030",
      "tpm2_nvwrite -C o -i operand 0x1500030",
    );
    const step = "tpm2_policynv -C o -i operand 0x1500030 eq";
    await trial(tpm, "policy", step);
    await seal(tpm, "policy");
    await policySession(tpm, step);
    await unseals(tpm);
    tpm.write("other", Buffer.from("0000000000000006", "hex"));
    await tpm.run(
      endSession,
      "tpm2_nvwrite -C o -i other 0x1500030",
      "tpm2_startauthsession --policy-session -S session.ctx",
    );
    await tpm.refused(`${step} -S session.ctx`, 0x126);
    for (const operator of ["neq", "ugt", "sgt", "uge", "bs"])
      await tpm.run(
        `tpm2_policynv -C o -i ${operator === "bs" ? "other" : "operand"} 0x1500030 ${operator} -S session.ctx`,
      );
    await tpm.run(endSession, "tpm2_nvundefine -C o 0x1500030");
  });

  test("policy authorize NV takes the policy an index holds", async () => {
    await trial(tpm, "inner", "tpm2_policycommandcode TPM2_CC_Unseal");
    await tpm.run("tpm2_nvdefine -C o -s 34 -a 'ownerread|ownerwrite|authread|authwrite' -p nvpass 0x1500031");
    tpm.write("holder", Buffer.concat([Buffer.from([0, 0x0b]), tpm.read("inner")]));
    await tpm.run("tpm2_nvwrite -C 0x1500031 -P nvpass -i holder 0x1500031");
    await trial(tpm, "policy", "tpm2_policyauthorizenv -C 0x1500031 -P nvpass 0x1500031");
    await seal(tpm, "policy");
    await policySession(
      tpm,
      "tpm2_policycommandcode TPM2_CC_Unseal",
      "tpm2_policyauthorizenv -C 0x1500031 -P nvpass 0x1500031",
    );
    await unseals(tpm);
    await tpm.run(endSession, "tpm2_nvundefine -C o 0x1500031");
  });

  test("policy NV written allows the first write only", async () => {
    await trial(tpm, "policy", "tpm2_policynvwritten c");
    await tpm.run("tpm2_nvdefine -C o -s 4 -L policy -a 'ownerread|policywrite' 0x1500032");
    tpm.write("content", "once");
    await policySession(tpm, "tpm2_policynvwritten c");
    await tpm.run("tpm2_nvwrite -C 0x1500032 -P session:session.ctx -i content 0x1500032", endSession);
    await policySession(tpm, "tpm2_policynvwritten c");
    await tpm.refused(
      "tpm2_nvwrite -C 0x1500032 -P session:session.ctx -i content 0x1500032",
      TPM_RC_POLICY_FAIL_SESSION_1,
    );
    await tpm.run(endSession, "tpm2_nvundefine -C o 0x1500032");
  });

  test("policy counter timer compares the TPM's clock", async () => {
    await trial(tpm, "policy", "tpm2_policycountertimer --ugt clock=0");
    await seal(tpm, "policy");
    await policySession(tpm, "tpm2_policycountertimer --ugt clock=0");
    await unseals(tpm);
    await tpm.run(endSession, "tpm2_startauthsession --policy-session -S session.ctx");
    await tpm.refused("tpm2_policycountertimer -S session.ctx --ult clock=0", 0x126);
  });

  test("policy cpHash allows one command with its parameters only", async () => {
    await tpm.run(
      "tpm2_nvdefine -C o -s 4 -a 'ownerread|ownerwrite' 0x1500033",
      "tpm2_nvundefine -C o 0x1500033 --cphash=undefine.cphash",
    );
    await trial(tpm, "policy", "tpm2_policycphash --cphash-input undefine.cphash");
    await tpm.run("tpm2_setprimarypolicy -C o -L policy -g sha256");
    await policySession(tpm, "tpm2_policycphash --cphash-input undefine.cphash");
    await tpm.run("tpm2_nvundefine -C o -P session:session.ctx 0x1500033", "tpm2_setprimarypolicy -C o");
  });

  test("policy name hash allows only the objects it names", async () => {
    await trial(tpm, "unseal.policy", "tpm2_policycommandcode TPM2_CC_Unseal");
    await tpm.run(
      "tpm2_readpublic -c primary.ctx -n primary.name",
      "openssl dgst -sha256 -binary -out name.hash primary.name",
    );
    await trial(tpm, "policy", "tpm2_policynamehash -n name.hash");
    await seal(tpm, "policy");
    await policySession(tpm, "tpm2_policynamehash -n name.hash");
    await tpm.fails("tpm2_unseal -c sealed.ctx -p session:session.ctx");
  });

  test("policy template allows only that template", async () => {
    await tpm.run("tpm2_createprimary -C o -G ecc -c other.ctx --template-data template");
    await tpm.run("openssl dgst -sha256 -binary -out template.hash template");
    await tpm.run(
      "tpm2_startauthsession -S trial.ctx",
      "tpm2_policytemplate -S trial.ctx -L policy --template-hash template.hash",
      "tpm2_flushcontext trial.ctx",
    );
    await tpm.run("tpm2_setprimarypolicy -C o -L policy -g sha256");
    await policySession(tpm, "tpm2_policytemplate --template-hash template.hash");
    await tpm.run("tpm2_createprimary -C o -P session:session.ctx -G ecc -c other.ctx", endSession);
    await policySession(tpm, "tpm2_policytemplate --template-hash template.hash");
    await tpm.fails("tpm2_createprimary -C o -P session:session.ctx -G rsa -c other.ctx");
    await tpm.run(endSession, "tpm2_setprimarypolicy -C o");
  });

  test("a restarted session begins anew", async () => {
    await trial(tpm, "policy", "tpm2_policycommandcode TPM2_CC_Unseal");
    await seal(tpm, "policy");
    await policySession(tpm, "tpm2_policypassword", "tpm2_policyrestart", "tpm2_policycommandcode TPM2_CC_Unseal");
    await unseals(tpm);
  });

  test.each(["sha1", "sha256", "sha384", "sha512"])("a %s session computes its digest with that hash", async (hash) => {
    await tpm.run(
      `tpm2_startauthsession -g ${hash} -S trial.ctx`,
      "tpm2_policypcr -S trial.ctx -l sha256:0",
      "tpm2_policycommandcode -S trial.ctx -L policy TPM2_CC_Sign",
      "tpm2_getpolicydigest -S trial.ctx -o digest",
    );
    expect(tpm.read("digest")).toEqual(tpm.read("policy"));
    expect(tpm.read("policy").length).toBe({ sha1: 20, sha256: 32, sha384: 48, sha512: 64 }[hash]);
  });
});
