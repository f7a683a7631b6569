import type { ClientAgent, DataChannels, Path } from '@nb/contracts'

/** What the suite of `ClientAgent` works on: an agent, and a host with one tree of files. */
export interface ClientAgentFixture {
  readonly agent: ClientAgent
  /** The channels that the agent's tickets are of. */
  readonly channels: DataChannels
  /** Directory with {@link tree} in it and nothing else, on the agent's host. */
  readonly source: Path
  /** Files by path below {@link source}, with `/` between names; one of them holds at least 4 MiB. */
  readonly tree: Readonly<Record<string, Uint8Array>>
  /** A directory of its own in which the suite may restore below; it is there and empty. */
  readonly makeGround: () => Promise<Path>
  /** All files below a directory of the agent's host. */
  readonly filesIn: (directory: Path) => Promise<Readonly<Record<string, Uint8Array>>>
}

/** Declares a test of the suite. */
export type Check = (name: string, body: (fixture: ClientAgentFixture) => Promise<void>) => void
