import { type CallOptions, throwIfAborted } from '@nb/contracts'
import {
  BlockChecksums,
  FormatError,
  TAPE_BLOCK_BYTES,
  type TapeTrailerName,
  checkTrailerMember,
} from '@nb/formats'
import type { BlockReader } from './block-reader.ts'
import type { FragmentEnds } from './fragment-ends.ts'

/** Members up to this size are kept when they have been checked; greater ones are read again when they are wanted. */
const MOST_KEPT_BYTES = 16 * 1024 ** 2

/** Reads the members of a fragment's trailer, whose places and checksums the footer tells. */
export class TrailerReader {
  readonly #reader: BlockReader
  readonly #ends: FragmentEnds
  /** Logical object of the trailer's first block. */
  readonly #object: number
  readonly #kept = new Map<TapeTrailerName, Buffer>()
  #block: { readonly number: number; readonly bytes: Buffer } | undefined

  constructor(reader: BlockReader, ends: FragmentEnds) {
    const { footer, fileObject } = ends
    this.#reader = reader
    this.#ends = ends
    this.#object = fileObject + footer.block - footer.trailerBlocks
  }

  /** A member's data, checked. Throws `FormatError`. */
  async member(name: TapeTrailerName, options?: CallOptions): Promise<Buffer> {
    const kept = this.#kept.get(name)
    if (kept !== undefined) return kept
    const member = this.#member(name)
    const data = Buffer.allocUnsafe(member.sizeBytes)
    let fill = 0
    for await (const piece of this.#pieces(name, options)) fill += piece.copy(data, fill)
    checkTrailerMember(data, member)
    return data
  }

  /** Checks all members, from the first to the last. Throws `FormatError`. */
  async check(options?: CallOptions): Promise<void> {
    for (const { name, sizeBytes } of this.#ends.footer.members) {
      const own = name.slice('.nb/'.length) as TapeTrailerName
      if (sizeBytes <= MOST_KEPT_BYTES) this.#kept.set(own, await this.member(own, options))
      else for await (const piece of this.stream(own, options)) void piece
    }
  }

  /** A member's data in pieces, valid until the next. Throws `FormatError`, behind the last where its checksum is another. */
  async *stream(name: TapeTrailerName, options?: CallOptions): AsyncGenerator<Buffer, void, undefined> {
    const kept = this.#kept.get(name)
    if (kept !== undefined) {
      if (kept.length > 0) yield kept
      return
    }
    const member = this.#member(name)
    const sum = new BlockChecksums(Math.max(1, member.sizeBytes))
    for await (const piece of this.#pieces(name, options)) {
      sum.update(piece)
      yield piece
    }
    const bytes = sum.finish()
    if (bytes.length > 0 && bytes.readBigUInt64LE().toString(16).padStart(16, '0') !== member.checksum)
      throw new FormatError('FRAGMENT_CHECKSUM', member.offset, `${name} does not match its checksum`)
  }

  async *#pieces(name: TapeTrailerName, options?: CallOptions): AsyncGenerator<Buffer, void, undefined> {
    const { offset, sizeBytes } = this.#member(name)
    const end = offset + sizeBytes
    for (let at = offset; at < end;) {
      throwIfAborted(options)
      const number = Math.floor(at / TAPE_BLOCK_BYTES)
      const bytes = await this.#bytesOf(number, options)
      const from = at - number * TAPE_BLOCK_BYTES
      const piece = bytes.subarray(from, Math.min(TAPE_BLOCK_BYTES, from + end - at))
      yield piece
      at += piece.length
    }
  }

  async #bytesOf(number: number, options?: CallOptions): Promise<Buffer> {
    if (this.#block?.number === number) return this.#block.bytes
    const target = Buffer.allocUnsafe(TAPE_BLOCK_BYTES)
    const bytes = await this.#reader.read(this.#object + number, target, options)
    this.#block = { number, bytes }
    return bytes
  }

  #member(name: TapeTrailerName): FragmentEnds['footer']['members'][number] {
    const found = this.#ends.footer.members.find((member) => member.name === `.nb/${name}`)
    if (found !== undefined) return found
    throw new FormatError('FRAGMENT_INVALID', 0, `A trailer without ${name}`)
  }
}
