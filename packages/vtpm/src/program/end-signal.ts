/** Aborts, with who asked for it as the reason, when the process is told to end. */
export function createEnd(): AbortController {
  const end = new AbortController();
  // A second signal is not waited for: the default takes its course.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => end.abort(signal));
  // Node.js would let anybody on this machine in as a debugger.
  process.once("SIGUSR1", () => process.kill(process.pid, "SIGUSR1"));
  return end;
}
