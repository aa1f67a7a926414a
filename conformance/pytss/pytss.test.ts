import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "vitest";
import { type Route, scenarios } from "../scenario.ts";

const script = fileURLToPath(new URL("./session_heavy.py", import.meta.url));
const checks = [...readFileSync(script, "utf8").matchAll(/^@check\ndef (\w+)/gm)].map(([, name = ""]) => name);

const environment = () => ({ TSS2_LOG: "all+none" });
const routes: readonly [Route, Route] = [
  { name: "over the TCG simulator's protocol", protocol: "mssim", environment },
  { name: "over swtpm's protocol", protocol: "swtpm", environment },
];

scenarios("the enhanced system API", "tpm2-pytss", routes, (tpm) => {
  for (const check of checks)
    test(check.replaceAll("_", " "), async () => {
      await tpm.run(`/usr/bin/python3 ${script} ${tpm.protocol}:host=127.0.0.1,port=${tpm.port} ${check}`);
    });
});
