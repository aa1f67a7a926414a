import { randomBytes } from "node:crypto";
import { commands, handleOf, parametersOf, RH, succeeded } from "./commands.ts";
import type { Connection } from "./connection.ts";
import { HmacSession, type Salt } from "./session.ts";

/** An object as Create makes it. */
export interface CreatedObject {
  readonly privateArea: Buffer;
  readonly publicArea: Buffer;
}

/** An object as Load or CreatePrimary leave it. */
export interface LoadedObject {
  readonly handle: number;
  readonly publicArea: Buffer;
}

/** What is done around the timed commands: each method sends one command and expects success. */
export class Client {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  transact(command: Buffer): Promise<Buffer> {
    return this.#connection.transact(command);
  }

  async run(command: Buffer): Promise<Buffer> {
    return succeeded(await this.transact(command));
  }

  async createPrimary(template: Buffer, hierarchy: number = RH.OWNER): Promise<LoadedObject> {
    const { handle, parameters } = handleOf(await this.transact(commands.createPrimary(hierarchy, template)));
    return { handle, publicArea: parameters.sized() };
  }

  async create(parent: number, template: Buffer, data?: Buffer): Promise<CreatedObject> {
    return createdObject(await this.transact(commands.create(parent, template, data)));
  }

  async load(parent: number, object: CreatedObject): Promise<LoadedObject> {
    const { handle } = handleOf(await this.transact(commands.load(parent, object.privateArea, object.publicArea)));
    return { handle, publicArea: object.publicArea };
  }

  async createAndLoad(parent: number, template: Buffer, data?: Buffer): Promise<LoadedObject> {
    return this.load(parent, await this.create(parent, template, data));
  }

  async startSession(options: {
    readonly tpmKey?: number;
    readonly salt?: Salt;
    readonly encrypts: boolean;
  }): Promise<HmacSession> {
    const nonceCaller = randomBytes(16);
    const encrypted = options.salt?.encrypted ?? Buffer.alloc(2);
    const response = await this.transact(
      commands.startAuthSession(options.tpmKey ?? RH.NULL, nonceCaller, encrypted, options.encrypts),
    );
    const { handle, parameters } = handleOf(response);
    return new HmacSession(
      handle,
      nonceCaller,
      Buffer.from(parameters.sized()),
      options.salt?.salt ?? Buffer.alloc(0),
      options.encrypts,
    );
  }

  /** Defines an index of `size` bytes, writes it once, and returns its name. */
  async defineIndex(index: number, size: number): Promise<Buffer> {
    const authorizationReadWriteNoDictionaryAttack = 0x02040004;
    await this.run(commands.nvDefine(index, authorizationReadWriteNoDictionaryAttack, size));
    await this.run(commands.nvWrite(index, Buffer.alloc(size)));
    const parameters = parametersOf(await this.transact(commands.nvReadPublic(index)));
    parameters.sized();
    return Buffer.from(parameters.sized());
  }
}

/** What a response to Create holds. */
export function createdObject(response: Buffer): CreatedObject {
  const parameters = parametersOf(response);
  return { privateArea: Buffer.from(parameters.sized()), publicArea: Buffer.from(parameters.sized()) };
}
