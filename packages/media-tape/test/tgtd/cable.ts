import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { IscsiPortal } from '../../src/index.ts'

/** A cable to a portal, that can be held, so that nothing gets through to it, and pulled. */
export class Cable {
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #held = false

  static async to(portal: IscsiPortal): Promise<Cable> {
    const cable = new Cable(portal)
    await new Promise<void>((resolve) => cable.#server.listen(0, '127.0.0.1', resolve))
    return cable
  }

  private constructor(portal: IscsiPortal) {
    this.#server = createServer({ noDelay: true }, (near) => {
      const far = connect({ ...portal, noDelay: true })
      const pair = [near, far] as const
      this.#pairs.add(pair)
      for (const [socket, other] of [pair, [far, near] as const]) {
        socket.on('error', () => undefined)
        socket.on('close', () => {
          this.#pairs.delete(pair)
          other.destroy()
        })
      }
      near.on('data', (bytes) => far.write(bytes))
      far.on('data', (bytes) => near.write(bytes))
      if (this.#held) near.pause()
    })
  }

  get portal(): IscsiPortal {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port }
  }

  hold(): void {
    this.#held = true
    for (const [near] of this.#pairs) near.pause()
  }

  release(): void {
    this.#held = false
    for (const [near] of this.#pairs) near.resume()
  }

  pull(): void {
    for (const pair of [...this.#pairs]) for (const socket of pair) socket.destroy()
  }

  async remove(): Promise<void> {
    this.pull()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
