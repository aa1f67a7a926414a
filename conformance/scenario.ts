import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject } from "vitest";
import type { ProgramName } from "./programs.ts";
import { TpmServer } from "./server.ts";

const TPM_RC_RETRY = "rc 00000922";

/** What a program wrote before it ended well. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

interface Ended extends Output {
  readonly status: number | null;
}

/** How the programs reach the server, and what they need to be told of it. */
export interface Route {
  readonly name: string;
  readonly protocol: "swtpm" | "mssim";
  environment(port: number, directory: string): Record<string, string>;
}

export interface ScenarioOptions {
  /** Do not send TPM2_Startup: the scenario does. */
  readonly startup?: boolean;
  /** A new TPM for every test, for scenarios that change what cannot be changed back. */
  readonly freshTpm?: boolean;
  /** Over each protocol, where the protocol itself is at stake: of starting and stopping, of what is large and of what takes long. */
  readonly eachProtocol?: boolean;
  /** Objects stay loaded between programs: for programs that do not save them as contexts. */
  readonly keepObjects?: boolean;
}

/**
 * Runs other people's programs in an empty directory of their own against the server under test. Between two
 * programs loaded objects are flushed, as a resource manager would.
 */
export class Scenario {
  readonly #route: Route;
  readonly #options: ScenarioOptions;
  #server = new TpmServer();
  #directory = "";

  constructor(route: Route, options: ScenarioOptions) {
    this.#route = route;
    this.#options = options;
  }

  get server(): TpmServer {
    return this.#server;
  }

  get protocol(): Route["protocol"] {
    return this.#route.protocol;
  }

  /** The port the programs talk to. */
  get port(): number {
    return this.server.running[this.#route.protocol].port;
  }

  /** Where the programs run; paths in command lines are relative to it. */
  get directory(): string {
    return this.#directory;
  }

  /** What the programs are told of the server. */
  environment(): Record<string, string> {
    return this.#route.environment(this.port, this.#directory);
  }

  /** A new TPM. */
  async begin(): Promise<void> {
    this.#server = new TpmServer();
    await this.#server.start({ startup: this.#options.startup ?? true });
  }

  async end(): Promise<void> {
    await this.#server.discard();
  }

  enter(): void {
    this.#directory = mkdtempSync(join(tmpdir(), "vtpm-scenario-"));
  }

  leave(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Runs each line, a program and its arguments, and expects every one to succeed. Returns the last one's output. */
  async run(...commandLines: string[]): Promise<Output> {
    let output: Output = { stdout: "", stderr: "" };
    for (const line of commandLines) {
      const ended = await this.#execute(line);
      if (ended.status !== 0)
        throw new Error(`${line}\nended with status ${ended.status}:\n${ended.stdout}${ended.stderr}${this.#log()}`);
      output = ended;
    }
    return output;
  }

  /** Runs a line that must fail because the TPM answered `code`; the program says so in hexadecimal. */
  async refused(line: string, code: number): Promise<void> {
    const { status, stdout, stderr } = await this.#execute(line);
    const text = `${stdout}${stderr}`;
    expect({ line, failed: status !== 0, text }).toMatchObject({ failed: true });
    const codes = [...text.matchAll(/(?:\(0x|rc 0*|0x)([0-9a-f]{2,8})\b/gi)].map((match) =>
      parseInt(match[1] ?? "", 16),
    );
    if (!codes.includes(code))
      throw new Error(`${line}\nwas to be refused with 0x${code.toString(16)}, but the program said:\n${text}`);
  }

  /** Runs a line that must fail for a reason the program finds itself. */
  async fails(line: string): Promise<Output> {
    const ended = await this.#execute(line);
    expect({ line, failed: ended.status !== 0 }).toEqual({ line, failed: true });
    return ended;
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.#directory, name), content);
  }

  read(name: string): Buffer {
    return readFileSync(join(this.#directory, name));
  }

  /** Flushes what the last test left. */
  async flush(): Promise<void> {
    if (this.#options.startup !== false) await this.server.with((tpm) => tpm.flush("objects and sessions"));
  }

  /** A TPM may answer "retry" at any time; not every program sends its command again then. */
  async #execute(line: string): Promise<Ended> {
    for (;;) {
      const ended = await this.#spawn(line);
      if (!ended.stdout.includes(TPM_RC_RETRY)) return ended;
    }
  }

  async #spawn(line: string): Promise<Ended> {
    const [program = "", ...args] = words(line);
    const child = spawn(program, args, {
      cwd: this.#directory,
      env: { ...process.env, ...this.environment() },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (this.#options.keepObjects !== true && program.startsWith("tpm2_"))
      await this.server.with((tpm) => tpm.flush("objects"), this.#route.protocol);
    return { status, stdout, stderr };
  }

  #log(): string {
    const log = this.server.running.log();
    return log === "" ? "" : `\nthe server said:\n${log}`;
  }
}

/** Splits at blanks; a part in single quotes is one word. */
function words(line: string): string[] {
  return [...line.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ""));
}

/** For all scenarios over each protocol. */
const { EVERY_PROTOCOL } = process.env;

/** Declares the tests of `body` by the first route to the server; otherwise protocols carry the same bytes. */
export function scenarios(
  theme: string,
  programs: ProgramName,
  routes: readonly [Route, ...Route[]],
  body: (tpm: Scenario) => void,
  options: ScenarioOptions = {},
): void {
  const declare = inject("missingPrograms").includes(programs) ? describe.skip : describe;
  for (const route of options.eachProtocol || EVERY_PROTOCOL !== undefined ? routes : [routes[0]]) {
    declare(`${programs}: ${theme}, ${route.name}`, () => {
      const scenario = new Scenario(route, options);
      const begin = () => scenario.begin();
      const end = () => scenario.end();
      if (options.freshTpm) {
        beforeEach(begin);
        afterEach(end);
      } else {
        beforeAll(begin);
        afterAll(end);
        beforeEach(() => scenario.flush());
      }
      beforeEach(() => scenario.enter());
      afterEach(() => scenario.leave());
      body(scenario);
    });
  }
}
