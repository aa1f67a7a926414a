import { expect, test } from "vitest";
import { withTools } from "./tpm2-tools.ts";

const TPM_RC_BAD_AUTH_SESSION_1 = 0x9a2;
const TPM_RC_DISABLED = 0x120;
const TPM_RC_HIERARCHY_HANDLE_1 = 0x185;

withTools(
  "hierarchies",
  (tpm) => {
    test.each(["o", "e", "p"])("hierarchy %s gets a password, asks for it, and gets another", async (hierarchy) => {
      await tpm.run(`tpm2_changeauth -c ${hierarchy} first`);
      await tpm.refused(`tpm2_createprimary -C ${hierarchy} -G ecc -c key.ctx`, TPM_RC_BAD_AUTH_SESSION_1);
      await tpm.refused(`tpm2_createprimary -C ${hierarchy} -P wrong -G ecc -c key.ctx`, TPM_RC_BAD_AUTH_SESSION_1);
      await tpm.run(
        `tpm2_createprimary -C ${hierarchy} -P first -G ecc -c key.ctx`,
        `tpm2_changeauth -c ${hierarchy} -p first second`,
        `tpm2_createprimary -C ${hierarchy} -P second -G ecc -c key.ctx`,
        `tpm2_changeauth -c ${hierarchy} -p second`,
        `tpm2_createprimary -C ${hierarchy} -G ecc -c key.ctx`,
      );
    });

    test("owner and endorsement passwords survive a restart, the platform's does not", async () => {
      await tpm.run(
        "tpm2_changeauth -c o ownerpass",
        "tpm2_changeauth -c e endorsepass",
        "tpm2_changeauth -c p platformpass",
      );
      await tpm.server.restart();
      await tpm.refused("tpm2_createprimary -C o -G ecc -c key.ctx", TPM_RC_BAD_AUTH_SESSION_1);
      await tpm.run(
        "tpm2_createprimary -C o -P ownerpass -G ecc -c key.ctx",
        "tpm2_createprimary -C e -P endorsepass -G ecc -c key.ctx",
        "tpm2_createprimary -C p -G ecc -c key.ctx",
      );
    });

    test("a policy authorizes a hierarchy", async () => {
      await tpm.run(
        "tpm2_startauthsession -S trial.ctx",
        "tpm2_policypcr -S trial.ctx -l sha256:0 -L policy",
        "tpm2_flushcontext trial.ctx",
        "tpm2_setprimarypolicy -C o -L policy -g sha256",
        "tpm2_changeauth -c o unknown",
        "tpm2_startauthsession --policy-session -S session.ctx",
        "tpm2_policypcr -S session.ctx -l sha256:0",
        "tpm2_createprimary -C o -P session:session.ctx -G ecc -c key.ctx",
      );
    });

    test("clear gives new owner keys and keeps endorsement and platform keys", async () => {
      const names = async () => {
        const list: string[] = [];
        for (const hierarchy of ["o", "e", "p"]) {
          await tpm.run(
            `tpm2_createprimary -C ${hierarchy} -G ecc -c key.ctx`,
            "tpm2_readpublic -c key.ctx -n key.name",
          );
          list.push(tpm.read("key.name").toString("hex"));
        }
        return list;
      };
      const before = await names();
      await tpm.run("tpm2_changeauth -c o ownerpass", "tpm2_clear -c l");
      const after = await names();
      expect(after.map((name, i) => name === before[i])).toEqual([false, true, true]);
    });

    test("clear removes the owner's indices and persistent keys", async () => {
      await tpm.run(
        "tpm2_createprimary -C o -G ecc -c key.ctx",
        "tpm2_evictcontrol -C o -c key.ctx 0x81000001",
        "tpm2_nvdefine -C o -s 4 -a 'ownerread|ownerwrite' 0x1500001",
        "tpm2_nvdefine -C p -s 4 -a 'ppread|ppwrite|platformcreate' 0x1400001",
        "tpm2_clear -c p",
      );
      expect((await tpm.run("tpm2_getcap handles-persistent")).stdout).not.toContain("0x");
      expect((await tpm.run("tpm2_getcap handles-nv-index")).stdout.trim()).toBe("- 0x1400001");
    });

    test("a disabled clear is refused until the platform allows it again", async () => {
      await tpm.run("tpm2_clearcontrol -C l s");
      await tpm.refused("tpm2_clear -c l", TPM_RC_DISABLED);
      await tpm.fails("tpm2_clearcontrol -C l c");
      await tpm.run("tpm2_clearcontrol -C p c", "tpm2_clear -c l");
    });

    test.each([
      ["shEnable", "o"],
      ["ehEnable", "e"],
    ])("with %s clear hierarchy %s is closed until the next start", async (flag, hierarchy) => {
      await tpm.run(`tpm2_hierarchycontrol -C p ${flag} clear`);
      await tpm.refused(`tpm2_createprimary -C ${hierarchy} -G ecc -c key.ctx`, TPM_RC_HIERARCHY_HANDLE_1);
      expect((await tpm.run("tpm2_getcap properties-variable")).stdout).toMatch(new RegExp(`${flag}:\\s+0`));
      await tpm.run(`tpm2_hierarchycontrol -C p ${flag} set`, `tpm2_createprimary -C ${hierarchy} -G ecc -c key.ctx`);
      await tpm.run(`tpm2_hierarchycontrol -C p ${flag} clear`);
      await tpm.server.restart();
      await tpm.run(`tpm2_createprimary -C ${hierarchy} -G ecc -c key.ctx`);
    });

    test("the platform hierarchy closes itself until the next start", async () => {
      await tpm.run("tpm2_hierarchycontrol -C p phEnable clear");
      await tpm.fails("tpm2_createprimary -C p -G ecc -c key.ctx");
      await tpm.server.restart();
      await tpm.run("tpm2_createprimary -C p -G ecc -c key.ctx");
    });

    test.each([
      ["tpm2_changeeps", "e"],
      ["tpm2_changepps", "p"],
    ])("%s gives new keys in hierarchy %s for good", async (command, hierarchy) => {
      const name = async () => {
        await tpm.run(`tpm2_createprimary -C ${hierarchy} -G ecc -c key.ctx`, "tpm2_readpublic -c key.ctx -n key.name");
        return tpm.read("key.name").toString("hex");
      };
      const before = await name();
      await tpm.run(command);
      const after = await name();
      expect(after).not.toBe(before);
      await tpm.server.restart();
      expect(await name()).toBe(after);
    });
  },
  { freshTpm: true },
);
