import { additionalBytesOf, dataBytesOf, digestBytes, headerBytes, paddingOf } from './basic-header.ts'
import { crc32c } from './crc32c.ts'
import { malformed } from './responses.ts'

/** What takes the PDUs that a {@link PduReceiver} has put together. */
export interface PduTaker {
  /**
   * Where the data of the PDU with this header go: as long as they are; absent when they belong nowhere yet.
   * @throws NbError when such a PDU may not come
   */
  readonly placeFor: (header: Buffer) => Uint8Array | undefined
  /**
   * A PDU is whole, and its digests are right. The header is only lent. The data are a buffer of their own, or the place
   * that `placeFor` gave.
   */
  readonly take: (header: Buffer, data: Uint8Array) => void
}

/** What a receiver checks. */
export interface ReceiverLimits {
  /** Most bytes of data in one PDU: what was declared as MaxRecvDataSegmentLength. */
  readonly maxDataBytes: number
  readonly headerDigest: boolean
  readonly dataDigest: boolean
}

/** Room for headers and what is short; data from this size on are read straight to their place. */
const stageBytes = 32_768
const directBytes = 8192
const nothing = new Uint8Array(0)

/**
 * Puts PDUs together from bytes as they come (RFC 7143, 11.2). Whoever reads puts bytes into `target` and tells by
 * `filled` how many: long data thereby land in their place without a copy.
 *
 * It stands in one of three places: in a header (with additional headers and digest), in data, in what trails the data (padding and
 * digest). What has been read and not looked at yet is `#stage` from `#from` to `#to`.
 */
export class PduReceiver {
  readonly #taker: PduTaker
  readonly #stage = Buffer.allocUnsafe(stageBytes)
  #limits: ReceiverLimits
  #from = 0
  #to = 0
  #place: 'header' | 'data' | 'trailer' = 'header'
  readonly #header = Buffer.allocUnsafe(headerBytes)
  #data: Uint8Array = nothing
  #dataFilled = 0

  constructor(taker: PduTaker, limits: ReceiverLimits) {
    this.#taker = taker
    this.#limits = limits
  }

  /** Other limits from the next PDU on. */
  set limits(limits: ReceiverLimits) {
    this.#limits = limits
  }

  /** Whether it stands in the middle of a PDU. */
  get midway(): boolean {
    return this.#place !== 'header' || this.#from !== this.#to
  }

  /** Where the next bytes are to go; never empty. */
  get target(): Uint8Array {
    if (this.#readsDirectly) return this.#data.subarray(this.#dataFilled)
    return this.#stage.subarray(this.#to)
  }

  get #readsDirectly(): boolean {
    return this.#place === 'data' && this.#data.length - this.#dataFilled >= directBytes
  }

  /**
   * That many bytes have been put into `target`.
   * @throws NbError `message-invalid` when they can't be what a target sends; nothing more is to be read then
   */
  filled(bytes: number): void {
    if (this.#readsDirectly) {
      this.#dataFilled += bytes
      if (this.#dataFilled < this.#data.length) return
      this.#place = 'trailer'
    } else this.#to += bytes
    while (this.#step());
    if (this.#from === this.#to) this.#from = this.#to = 0
    // What is left is the beginning of a header or trailer, or nothing: it always fits.
    else if (this.#from > 0) {
      this.#stage.copyWithin(0, this.#from, this.#to)
      this.#to -= this.#from
      this.#from = 0
    }
  }

  #step(): boolean {
    switch (this.#place) {
      case 'header':
        return this.#readHeader()
      case 'data':
        return this.#readData()
      case 'trailer':
        return this.#readTrailer()
    }
  }

  #readHeader(): boolean {
    const there = this.#to - this.#from
    if (there < headerBytes) return false
    const all = headerBytes + additionalBytesOf(this.#stage.subarray(this.#from))
    const digested = this.#limits.headerDigest ? digestBytes : 0
    if (there < all + digested) return false
    const whole = this.#stage.subarray(this.#from, this.#from + all)
    if (digested > 0) this.#check('header', crc32c(whole), this.#from + all)
    whole.copy(this.#header, 0, 0, headerBytes)
    this.#from += all + digested
    const dataBytes = dataBytesOf(this.#header)
    if (dataBytes > this.#limits.maxDataBytes)
      throw malformed(`${dataBytes} bytes of data in one PDU, more than it was told to`, { dataBytes })
    this.#dataFilled = 0
    this.#data =
      dataBytes === 0 ? nothing : (this.#taker.placeFor(this.#header) ?? Buffer.allocUnsafe(dataBytes))
    this.#place = dataBytes === 0 ? 'trailer' : 'data'
    return true
  }

  #readData(): boolean {
    const bytes = Math.min(this.#data.length - this.#dataFilled, this.#to - this.#from)
    if (bytes === 0) return false
    this.#data.set(this.#stage.subarray(this.#from, this.#from + bytes), this.#dataFilled)
    this.#from += bytes
    this.#dataFilled += bytes
    if (this.#dataFilled === this.#data.length) this.#place = 'trailer'
    return true
  }

  #readTrailer(): boolean {
    const dataBytes = this.#data.length
    const padding = paddingOf(dataBytes)
    const digested = this.#limits.dataDigest && dataBytes > 0 ? digestBytes : 0
    if (this.#to - this.#from < padding + digested) return false
    if (digested > 0) {
      const pad = this.#stage.subarray(this.#from, this.#from + padding)
      this.#check('data', crc32c(this.#data, pad), this.#from + padding)
    }
    this.#from += padding + digested
    this.#place = 'header'
    const data = this.#data
    this.#data = nothing
    this.#taker.take(this.#header, data)
    return true
  }

  #check(what: string, computed: number, at: number): void {
    if (this.#stage.readUInt32LE(at) !== computed)
      throw malformed(`a ${what} whose digest is not that of its bytes`, { digest: what })
  }
}
