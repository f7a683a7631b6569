import { type AddressInfo, createServer, type Server } from 'node:net'
import { SmallTape } from './small-tape.ts'
import { type ScriptedTargetOptions, TargetConnection, type TargetHost } from './target-connection.ts'
import type { SeenRequest } from './target-side.ts'

type Script = (connection: TargetConnection, request: SeenRequest) => boolean

/** An iSCSI target with a small tape drive, for tests that need it to misbehave. */
export class ScriptedTarget implements TargetHost {
  readonly name = 'iqn.2026-11.example.test:tape'
  readonly tape: SmallTape = new SmallTape()
  readonly options: ScriptedTargetOptions
  readonly seen: SeenRequest[] = []
  /** What the initiator did against the rules. */
  readonly violations: string[] = []
  held = false
  /** Commands that it takes at once. */
  window: number
  /** Whether it answers nothing. */
  silent = false
  logins = 0
  #scripts: Script[] = []
  readonly #server: Server
  readonly connections = new Set<TargetConnection>()

  static async start(options: ScriptedTargetOptions = {}): Promise<ScriptedTarget> {
    const target = new ScriptedTarget(options)
    await new Promise<void>((resolve) => target.#server.listen(0, '127.0.0.1', resolve))
    return target
  }

  private constructor(options: ScriptedTargetOptions) {
    this.options = options
    this.window = options.window ?? 64
    this.#server = createServer((socket) => {
      const connection = new TargetConnection(this, socket)
      this.connections.add(connection)
      socket.once('close', () => this.connections.delete(connection))
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** For the next request that the script answers `true` to: it is not worked on as usual. */
  once(script: Script): void {
    this.#scripts.push(script)
  }

  script(connection: TargetConnection, request: SeenRequest): boolean {
    const at = this.#scripts.findIndex((script) => script(connection, request))
    if (at !== -1) this.#scripts.splice(at, 1)
    return at !== -1
  }

  /** Planned misbehaviour that did not happen. */
  get scriptsLeft(): number {
    return this.#scripts.length
  }

  loggedIn(): void {
    this.logins += 1
  }

  release(): void {
    this.held = false
    for (const connection of this.connections) connection.run()
  }

  /** Breaks all connections. */
  break(): void {
    for (const connection of [...this.connections]) connection.destroy()
  }

  async stop(): Promise<void> {
    this.break()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
