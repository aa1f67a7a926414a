import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "vitest";
import { type Route, scenarios } from "../scenario.ts";

const script = fileURLToPath(new URL("./feature_api.py", import.meta.url));
const checks = [...readFileSync(script, "utf8").matchAll(/^@check\ndef (\w+)/gm)].map(([, name = ""]) => name);
const route: Route = {
  name: "over swtpm's protocol",
  protocol: "swtpm",
  environment: () => ({ TSS2_LOG: "all+none" }),
};

for (const profile of ["P_ECCP256SHA256", "P_RSA2048SHA256"])
  scenarios(
    `the feature API with ${profile}`,
    "tpm2-pytss",
    [route],
    (tpm) => {
      for (const check of checks)
        test(check.replaceAll("_", " "), async () => {
          await tpm.run(`/usr/bin/python3 ${script} swtpm:host=127.0.0.1,port=${tpm.port} ${check} ${profile}`);
        });
    },
    { freshTpm: true },
  );
