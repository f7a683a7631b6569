import type { Logger, MediaManager, Robot } from '@nb/contracts'
import { isOwnReason, ownReason } from './own-reason.ts'

/** Whether a robot works, as the media manager is told. One that a person has taken down is left as it is. */
export class RobotState {
  readonly #name: string
  readonly #media: MediaManager
  readonly #logger: Logger
  #isDown = false

  constructor({ name, media, logger }: { name: string; media: MediaManager; logger: Logger }) {
    this.#name = name
    this.#media = media
    this.#logger = logger
  }

  get isDown(): boolean {
    return this.#isDown
  }

  /** Takes up what the device manager before has left. */
  async begin(): Promise<void> {
    const { state, stateReason } = (await this.#registered()) ?? {}
    this.#isDown = state === 'down' && isOwnReason(stateReason)
  }

  /** It failed. */
  async failed(why: string): Promise<void> {
    this.#logger.error('robot %s has failed: %s', this.#name, why)
    if (!this.#isDown) await this.#set('down', why)
  }

  /** It did what it was to do. */
  async works(): Promise<void> {
    if (this.#isDown) await this.#set('up')
  }

  async #set(state: 'up' | 'down', reason = ''): Promise<void> {
    this.#isDown = state === 'down'
    const known = await this.#registered()
    if (known?.state === 'down' && !isOwnReason(known.stateReason)) return
    const why = state === 'down' ? { stateReason: ownReason(reason) } : {}
    await this.#media.putRobot({ name: this.#name, state, ...why })
  }

  async #registered(): Promise<Robot | undefined> {
    for await (const robot of this.#media.robots({ name: this.#name })) return robot
    return undefined
  }
}
