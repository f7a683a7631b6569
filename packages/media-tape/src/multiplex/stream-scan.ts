import {
  FormatError,
  type MultiplexFooter,
  type MultiplexHeader,
  type TapePlace,
  type TapeStream,
  beginsWithTapeMember,
  checkTapePlace,
  decodeMultiplexFooter,
  decodeMultiplexHeader,
  decodeTapeFragmentFooter,
  decodeTapeFragmentHeader,
  tapeBlockChecksum,
} from '@nb/formats'

/** A footer by its place and checksum. */
export interface FoundFooter {
  readonly block: number
  readonly checksum: string
}

/** Finds out, block by block, which streams of a multiplexed file are whole: those whose footer closes a header of this very file. */
export class StreamScan {
  readonly #place: TapePlace
  readonly #headers = new Map<string, number>()
  readonly #streams: TapeStream[] = []
  #begin: MultiplexHeader | undefined
  #list: MultiplexFooter | undefined
  #lastFooter: FoundFooter | undefined
  #doubtful: number | undefined

  constructor(place: TapePlace) {
    this.#place = place
  }

  /** What the first block says; `undefined` where it does not begin a multiplexed file of this place. */
  get begin(): MultiplexHeader | undefined {
    return this.#begin
  }

  /** The list that closes the file, where it is the block that was added last. */
  get list(): MultiplexFooter | undefined {
    return this.#list
  }

  /** The streams that are whole. */
  get streams(): readonly TapeStream[] {
    return this.#streams
  }

  get lastFooter(): FoundFooter | undefined {
    return this.#lastFooter
  }

  /** The last block that may be the footer of a stream, or the file's first block, and can't be proven to be: no crash leaves such a block. */
  get doubtful(): number | undefined {
    return this.#doubtful
  }

  /** Looks at the block of this number; `undefined` is one that can't be read. */
  add(number: number, block: Buffer | undefined): void {
    this.#list = undefined
    if (block === undefined) {
      this.#doubtful = number
      return
    }
    try {
      if (number === 0) this.#begin = this.#ofPlace(decodeMultiplexHeader(block))
      else if (beginsWithTapeMember(block, 'FRAGMENT.json')) this.#addHeader(number, block)
      else if (beginsWithTapeMember(block, 'FOOTER.json')) this.#addFooter(number, block)
      else if (beginsWithTapeMember(block, 'STREAMS.json')) {
        const list = this.#ofPlace(decodeMultiplexFooter(block))
        if (list.blocks === number + 1 && list.created === this.#begin?.created) this.#list = list
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      if (number === 0 || beginsWithTapeMember(block, 'FOOTER.json')) this.#doubtful = number
    }
  }

  #addHeader(number: number, block: Buffer): void {
    const header = this.#ofPlace(decodeTapeFragmentHeader(block))
    if (header.block === number) this.#headers.set(tapeBlockChecksum(block), number)
  }

  #addFooter(number: number, block: Buffer): void {
    const { stream, backupId, copy, fragment, headerChecksum, ...footer } = this.#ofPlace(
      decodeTapeFragmentFooter(block),
    )
    const headerBlock = this.#headers.get(headerChecksum)
    if (headerBlock === undefined || stream === undefined || footer.block !== number) {
      this.#doubtful = number
      return
    }
    this.#streams.push({ stream, backupId, copy, fragment, headerBlock, footerBlock: number })
    this.#lastFooter = { block: number, checksum: tapeBlockChecksum(block) }
  }

  #ofPlace<Found extends TapePlace>(found: Found): Found {
    checkTapePlace(found, this.#place)
    return found
  }
}
