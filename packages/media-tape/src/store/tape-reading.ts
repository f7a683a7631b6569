import {
  type CallOptions,
  type Clock,
  type DescribedFragment,
  type FragmentReader,
  type MediumContent,
  type MountedMedium,
  NbError,
  type TapeDrive,
} from '@nb/contracts'
import type { TapeIdentity } from '@nb/formats'
import { BlockReader } from '../fragment/block-reader.ts'
import { describeFragment } from '../fragment/describe-fragment.ts'
import type { ReadVolume, WantedFragment } from '../fragment/find-fragment.ts'
import { openFragment } from '../fragment/open-fragment.ts'
import { ReadingTurns } from '../fragment/reading-turns.ts'
import { contentsOf } from './contents.ts'
import { guardedDrive } from './guarded-drive.ts'

/** What a volume is read with. */
export interface TapeReadingParts {
  readonly storageUnit: string
  readonly identity: TapeIdentity
  readonly drive: TapeDrive
  readonly clock: Clock
  /** Throws where the drive may not be moved now; asked before each motion. */
  readonly check: () => void
}

/** Reads a mounted volume, for all who have it. */
export class TapeReading {
  readonly #volume: ReadVolume
  readonly #drive: TapeDrive

  constructor({ storageUnit, identity, drive, clock, check }: TapeReadingParts) {
    this.#drive = guardedDrive(drive, check)
    const reader = new BlockReader(this.#drive)
    this.#volume = { storageUnit, identity, reader, turns: new ReadingTurns(clock) }
  }

  open(wanted: WantedFragment, options?: CallOptions): Promise<FragmentReader> {
    return openFragment(this.#volume, wanted, options)
  }

  /** What a fragment tells of itself; without a record the volume is gone over, and of those with the same number the last one is meant. */
  async describe(
    { backupId, copy, number, fragment }: Parameters<MountedMedium['describeFragment']>[0],
    options?: CallOptions,
  ): Promise<DescribedFragment | undefined> {
    let found = fragment
    if (found === undefined)
      for await (const content of this.contents(options))
        if (
          content.kind === 'fragment' &&
          content.backupId === backupId &&
          content.copy === copy &&
          content.fragment.number === number
        )
          found = content.fragment
    if (found === undefined) return undefined
    const wanted: WantedFragment = { backupId, copy, fragment: { ...found, number } }
    return describeFragment(this.#volume, wanted, options).catch((error: unknown) => {
      if (error instanceof NbError && error.code === 'fragment-missing') return undefined
      throw error
    })
  }

  contents(options?: CallOptions): AsyncGenerator<MediumContent, void, undefined> {
    return contentsOf(this.#drive, this.#volume, options)
  }
}
