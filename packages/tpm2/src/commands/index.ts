import type { Command } from "../dispatch/command.ts";
import { PolicyAuthorize } from "./enhanced-authorization/PolicyAuthorize.ts";
import { PolicyAuthorizeNV } from "./enhanced-authorization/PolicyAuthorizeNV.ts";
import { PolicyAuthValue } from "./enhanced-authorization/PolicyAuthValue.ts";
import { PolicyCommandCode } from "./enhanced-authorization/PolicyCommandCode.ts";
import { PolicyCounterTimer } from "./enhanced-authorization/PolicyCounterTimer.ts";
import { PolicyCpHash } from "./enhanced-authorization/PolicyCpHash.ts";
import { PolicyDuplicationSelect } from "./enhanced-authorization/PolicyDuplicationSelect.ts";
import { PolicyGetDigest } from "./enhanced-authorization/PolicyGetDigest.ts";
import { PolicyLocality } from "./enhanced-authorization/PolicyLocality.ts";
import { PolicyNameHash } from "./enhanced-authorization/PolicyNameHash.ts";
import { PolicyNV } from "./enhanced-authorization/PolicyNV.ts";
import { PolicyNvWritten } from "./enhanced-authorization/PolicyNvWritten.ts";
import { PolicyOR } from "./enhanced-authorization/PolicyOR.ts";
import { PolicyParameters } from "./enhanced-authorization/PolicyParameters.ts";
import { PolicyPassword } from "./enhanced-authorization/PolicyPassword.ts";
import { PolicyPCR } from "./enhanced-authorization/PolicyPCR.ts";
import { PolicyPhysicalPresence } from "./enhanced-authorization/PolicyPhysicalPresence.ts";
import { PolicySecret } from "./enhanced-authorization/PolicySecret.ts";
import { PolicySigned } from "./enhanced-authorization/PolicySigned.ts";
import { PolicyTemplate } from "./enhanced-authorization/PolicyTemplate.ts";
import { PolicyTicket } from "./enhanced-authorization/PolicyTicket.ts";
import { PolicyRestart } from "./session/PolicyRestart.ts";
import { StartAuthSession } from "./session/StartAuthSession.ts";

/** Every command this engine has, by its code. A profile may have fewer. */
export const COMMANDS: ReadonlyMap<number, Command> = new Map<number, Command>(
  [
    // One table per chapter of Part 3.
    // Session Commands
    StartAuthSession,
    PolicyRestart,
    // Enhanced Authorization (EA) Commands
    PolicySigned,
    PolicySecret,
    PolicyTicket,
    PolicyOR,
    PolicyPCR,
    PolicyLocality,
    PolicyNV,
    PolicyCounterTimer,
    PolicyCommandCode,
    PolicyPhysicalPresence,
    PolicyCpHash,
    PolicyNameHash,
    PolicyDuplicationSelect,
    PolicyAuthorize,
    PolicyAuthValue,
    PolicyPassword,
    PolicyGetDigest,
    PolicyNvWritten,
    PolicyTemplate,
    PolicyAuthorizeNV,
    PolicyParameters,
  ].map((command: Command) => [command.code, command]),
);
