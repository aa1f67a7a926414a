/**
 * What a Startup is after: an unorderly stop or Shutdown(CLEAR) (reset), Shutdown(STATE) with Startup(CLEAR) (restart) or
 * with Startup(STATE) (resume).
 *
 * @spec Part 1, "Startup State"
 */
export type StartupKind = "reset" | "restart" | "resume";
