import { guestChecks } from "./guest-checks.ts";

guestChecks("a CUSE device", { script: "cuse.sh", modules: ["cuse"], timeoutMs: 600_000 });
