import { NbError, type ScsiCommand, type ScsiResult, type ScsiTransport } from '@nb/contracts'
import { buildAttributes } from '../../src/scsi/attributes.ts'
import { commandsOf, opcodeOf, parseCdb } from '../../src/scsi/cdb.ts'
import type { Cdb, CdbName } from '../../src/scsi/cdb-fields.ts'
import { cdbLayouts } from '../../src/scsi/cdb-layouts.ts'
import { scsiStatus } from '../../src/scsi/command-codes.ts'
import { buildInquiry, buildSerialNumber, buildSupportedPages } from '../../src/scsi/inquiry.ts'
import { buildMode } from '../../src/scsi/mode.ts'
import { buildCompressionPage, buildMediumConfigurationPage } from '../../src/scsi/mode-pages.ts'
import { buildSense, type SenseData, senseKey } from '../../src/scsi/sense.ts'
import { buildTapeAlerts } from '../../src/scsi/tape-alert.ts'
import {
  buildBlockLimits,
  buildDensities,
  buildLongPosition,
  buildShortPosition,
} from '../../src/scsi/tape-answers.ts'
import { buildSupportedOpcodes } from '../../src/scsi/unit-answers.ts'

/** What a drive of the tests is like. */
export interface TapeTargetOptions {
  readonly capacityBytes?: number
  readonly earlyWarningBytes?: number
  /** Commands that it doesn't know. */
  readonly lacks?: readonly CdbName[]
  /** It has no REPORT SUPPORTED OPERATION CODES. */
  readonly silent?: boolean
  /** As tgtd's drives: positions not told, SPACE over blocks counts filemarks, other lengths give nothing. */
  readonly counted?: boolean
}

interface Fault {
  readonly on: CdbName
  /** What comes instead of the command's own end. */
  readonly sense?: SenseData
  readonly status?: number
  /** The connection breaks: before the command has reached the drive, or after it was carried out. */
  readonly breaks?: 'unsent' | 'before' | 'after'
  /** The command is carried out all the same. */
  readonly carriedOut?: boolean
  skip: number
}

/** A drive as a list of blocks and filemarks (`null`) behind SCSI commands, with faults on demand. */
export class TapeTarget implements ScsiTransport {
  readonly name = 'target'
  readonly queueDepth = 1
  nexus = 0
  list: (Buffer | null)[] = []
  at = 0
  loaded = false
  present = true
  writeProtected = false
  worm = false
  compression = true
  density = 0x5e
  blockBytes = 0
  /** Objects of the list that are in the buffer only. */
  buffered = 0
  readonly alerts: Set<number> = new Set()
  readonly log: CdbName[] = []
  readonly #options: TapeTargetOptions
  readonly #faults: Fault[] = []
  readonly #attentions: SenseData[] = []
  #connected = false

  constructor(options: TapeTargetOptions = {}) {
    this.#options = options
  }

  /** Plans a fault for the next command of a name, or a later one. */
  fault(on: CdbName, fault: Omit<Fault, 'on' | 'skip'>, skip = 0): void {
    this.#faults.push({ on, skip, ...fault })
  }
  get planned(): number {
    return this.#faults.length
  }
  attention(asc: number, ascq: number): void {
    this.#attentions.push({ key: senseKey.unitAttention, asc, ascq })
  }
  /** What a loss of power does to the drive: the buffer is gone, the tape is rewound. */
  powerCycle(): void {
    this.list.splice(this.list.length - this.buffered, this.buffered)
    this.buffered = 0
    this.at = 0
    this.disconnect()
    this.attention(0x29, 0x01)
  }
  disconnect(): void {
    this.#connected = false
  }

  async open(): Promise<void> {
    if (!this.#connected) this.nexus += 1
    this.#connected = true
  }
  async close(): Promise<void> {
    this.#connected = false
  }
  async reset(): Promise<void> {
    this.attention(0x29, 0x00)
  }

  async execute(command: ScsiCommand): Promise<ScsiResult> {
    const lost = (sent: boolean) =>
      new NbError('scsi-transport-lost', 'the connection is gone', { details: { sent } })
    await this.open()
    if (command.nexus !== undefined && command.nexus !== this.nexus) throw lost(false)
    const parsed = parseCdb(command.cdb, 'tape')
    if (parsed.command === 'unknown-opcode' || parsed.command === 'invalid-field')
      return this.#check({ key: senseKey.illegalRequest, asc: 0x20, ascq: 0 })
    this.log.push(parsed.command)
    const index = this.#faults.findIndex(({ on }) => on === parsed.command)
    const fault = this.#faults[index]
    if (fault !== undefined && fault.skip-- === 0) {
      this.#faults.splice(index, 1)
      if (fault.breaks !== undefined) {
        if (fault.breaks === 'after') this.#run(parsed, command)
        this.disconnect()
        throw lost(fault.breaks !== 'unsent')
      }
      if (fault.carriedOut === true) this.#run(parsed, command)
      if (fault.status !== undefined) return { status: fault.status, dataInBytes: 0, dataOutBytes: 0 }
      if (fault.sense !== undefined) return this.#check(fault.sense)
    }
    const attention = parsed.command === 'inquiry' ? undefined : this.#attentions.shift()
    if (attention !== undefined) return this.#check(attention)
    return this.#run(parsed, command)
  }

  #check(sense: SenseData, dataInBytes = 0): ScsiResult {
    return { status: scsiStatus.checkCondition, sense: buildSense(sense), dataInBytes, dataOutBytes: 0 }
  }
  #good(dataInBytes = 0): ScsiResult {
    return { status: scsiStatus.good, dataInBytes, dataOutBytes: 0 }
  }
  #give(command: ScsiCommand, bytes: Uint8Array): ScsiResult {
    const given = bytes.subarray(0, command.dataIn?.length ?? 0)
    command.dataIn?.set(given)
    return this.#good(given.length)
  }
  #illegal(asc: number): ScsiResult {
    return this.#check({ key: senseKey.illegalRequest, asc, ascq: 0 })
  }

  #bytesBefore(object: number): number {
    return this.list.slice(0, object).reduce((sum, one) => sum + (one?.length ?? 0), 0)
  }
  get #nearEnd(): boolean {
    const { capacityBytes = Infinity, earlyWarningBytes = 0 } = this.#options
    return this.#bytesBefore(this.at) >= capacityBytes - earlyWarningBytes
  }

  #run(cdb: Cdb, command: ScsiCommand): ScsiResult {
    const { lacks = [], silent = false, counted = false } = this.#options
    if (lacks.includes(cdb.command)) return this.#illegal(0x20)
    switch (cdb.command) {
      case 'inquiry':
        return this.#inquiry(cdb, command)
      case 'report-supported-opcodes': {
        if (silent) return this.#illegal(0x20)
        const known = commandsOf('tape').filter((name) => !lacks.includes(name))
        return this.#give(
          command,
          buildSupportedOpcodes(
            known.map((name) => ({ ...opcodeOf(name), cdbBytes: cdbLayouts[name].length })),
          ),
        )
      }
      case 'read-block-limits':
        return this.#give(command, buildBlockLimits({ granularity: 0, mostBytes: 8 << 20, leastBytes: 1 }))
      case 'log-sense':
        return this.#give(
          command,
          buildTapeAlerts(new Set([...this.alerts].filter((one) => this.alerts.delete(one)))),
        )
      case 'mode-sense-6':
      case 'mode-sense-10':
        return this.#give(command, this.#mode(cdb.command === 'mode-sense-6' ? 6 : 10))
      case 'read-attribute':
        return this.#give(
          command,
          buildAttributes([
            { id: 0x806, readOnly: false, format: 'ascii', value: Buffer.from('T00001L8'.padEnd(32)) },
          ]),
        )
      case 'report-density-support':
        return this.#give(
          command,
          buildDensities([
            {
              primary: 0x5e,
              secondary: 0x5e,
              writable: true,
              isDefault: true,
              bitsPerMm: 20_668,
              mediaWidth: 127,
              tracks: 6656,
              capacityMegabytes: 12_000_000,
              organization: 'LTO-CVE',
              name: 'U-8',
              description: 'Ultrium 8/32T',
            },
          ]),
        )
      case 'prevent-allow-medium-removal':
        return this.#good()
      case 'load-unload':
      case 'mode-select-6':
      case 'test-unit-ready':
        return this.#setUp(cdb, command, counted)
      default:
        if (!this.loaded)
          return this.#check({ key: senseKey.notReady, asc: 0x3a, ascq: this.present ? 3 : 0 })
        return this.#onTape(cdb, command, counted)
    }
  }

  #inquiry({ vital, page }: { vital: boolean; page: number }, command: ScsiCommand): ScsiResult {
    if (vital && page === 0) return this.#give(command, buildSupportedPages(1, [0, 0x80]))
    if (vital && page === 0x80) return this.#give(command, buildSerialNumber(1, 'T-1'))
    if (vital) return this.#illegal(0x24)
    const who = { qualifier: 0, deviceType: 1, removable: true, version: 6, commandQueueing: true }
    const name = this.#options.counted === true ? ['IET', 'VIRTUAL-TAPE'] : ['NB', 'TARGET']
    return this.#give(
      command,
      buildInquiry({ ...who, vendor: name[0] ?? '', product: name[1] ?? '', revision: '1' }),
    )
  }

  #mode(form: 6 | 10): Uint8Array {
    return buildMode(form, {
      mediumType: 0,
      writeProtected: this.writeProtected,
      bufferedMode: 1,
      speed: 0,
      block: { density: this.density, blocks: 0, blockBytes: this.blockBytes },
      pages: [
        buildCompressionPage({ enabled: this.compression, capable: true, decompress: true, algorithm: 1 }),
        buildMediumConfigurationPage({ worm: this.worm }),
      ],
    })
  }

  #setUp(cdb: Cdb, command: ScsiCommand, counted: boolean): ScsiResult {
    if (cdb.command === 'mode-select-6') {
      const data = command.dataOut ?? new Uint8Array()
      this.density = data[4] ?? 0
      this.blockBytes = Buffer.from(data).readUIntBE(9, 3)
      if (data.length > 14) this.compression = ((data[14] ?? 0) & 0x80) !== 0
      return this.#good()
    }
    if (cdb.command === 'load-unload') {
      const load = counted ? cdb.retension && cdb.load : cdb.load
      if (counted && !cdb.retension) return this.#good()
      if (!this.present) return this.#check({ key: senseKey.notReady, asc: 0x3a, ascq: 0 })
      this.loaded = load
      this.at = 0
      this.buffered = 0
      return this.#good()
    }
    return this.loaded
      ? this.#good()
      : this.#check({ key: senseKey.notReady, asc: 0x3a, ascq: this.present && !counted ? 3 : 0 })
  }

  #onTape(cdb: Cdb, command: ScsiCommand, counted: boolean): ScsiResult {
    const moves = ['rewind', 'space-6', 'space-16', 'locate-16', 'locate-10', 'read-6']
    if (moves.includes(cdb.command)) this.buffered = 0
    switch (cdb.command) {
      case 'rewind':
        this.at = 0
        return this.#good()
      case 'read-position':
        return this.#position(cdb.serviceAction, command, counted)
      case 'locate-16':
      case 'locate-10': {
        const object = cdb.command === 'locate-16' ? cdb.identifier : cdb.object
        this.at = Math.min(object, this.list.length)
        return object > this.list.length
          ? this.#check({ key: senseKey.blankCheck, asc: 0, ascq: 5 })
          : this.#good()
      }
      case 'space-6':
      case 'space-16':
        return counted ? this.#spaceCounted(cdb.over, cdb.count) : this.#space(cdb.over, cdb.count)
      case 'read-6':
        return this.#read(cdb.fixed ? this.blockBytes : cdb.transferLength, command, counted)
      case 'write-6':
        return this.#write(Buffer.from(command.dataOut ?? new Uint8Array()), 0)
      case 'write-filemarks-6':
        if (cdb.count > 0) {
          const ended = this.#write(null, cdb.count)
          if (ended.status !== scsiStatus.good || cdb.immediate) return ended
        }
        if (!cdb.immediate) this.buffered = 0
        return this.#good()
      default:
        return this.#illegal(0x20)
    }
  }

  #position(form: number, command: ScsiCommand, counted: boolean): ScsiResult {
    if (counted) {
      const bytes = new Uint8Array(form === 0 ? 20 : 32)
      bytes[0] = bytes.length
      return this.#give(command, bytes)
    }
    const place = { beginning: this.at === 0, nearEnd: this.#nearEnd, partition: 0, object: this.at }
    const file = this.list.slice(0, this.at).filter((one) => one === null).length
    if (form === 0)
      return this.#give(command, buildShortPosition({ ...place, bufferedObjects: this.buffered }))
    return this.#options.lacks?.includes('locate-16') === true
      ? this.#illegal(0x24)
      : this.#give(command, buildLongPosition({ ...place, file }))
  }

  #write(data: Buffer | null, marks: number): ScsiResult {
    const { capacityBytes = Infinity } = this.#options
    if (this.writeProtected) return this.#check({ key: senseKey.dataProtect, asc: 0x27, ascq: 0 })
    if (data !== null && this.#bytesBefore(this.at) + data.length > capacityBytes)
      return this.#check({
        key: senseKey.volumeOverflow,
        asc: 0,
        ascq: 2,
        endOfMedium: true,
        information: data.length,
      })
    const objects = data === null ? Array.from({ length: marks }, () => null) : [data]
    this.list = [...this.list.slice(0, this.at), ...objects]
    this.at += objects.length
    this.buffered += objects.length
    if (!this.#nearEnd) return this.#good()
    return this.#check({ key: senseKey.noSense, asc: 0, ascq: 2, endOfMedium: true, information: 0 })
  }

  #read(asked: number, command: ScsiCommand, counted: boolean): ScsiResult {
    const block = this.list[this.at]
    if (block === undefined) return this.#check({ key: senseKey.blankCheck, asc: 0, ascq: 5 })
    this.at += 1
    if (block === null)
      return this.#check({ key: senseKey.noSense, asc: 0, ascq: 1, filemark: true, information: asked })
    const got = counted && asked !== block.length ? 0 : Math.min(asked, block.length)
    command.dataIn?.set(block.subarray(0, got))
    if (asked === block.length) return this.#good(got)
    return this.#check(
      { key: senseKey.noSense, asc: 0, ascq: 0, incorrectLength: true, information: asked - block.length },
      got,
    )
  }

  #space(over: number, count: number): ScsiResult {
    if (over === 3) {
      this.at = this.list.length
      return this.#good()
    }
    for (let passed = 0; passed < Math.abs(count);) {
      const information = Math.abs(count) - passed
      const next = count > 0 ? this.list[this.at] : this.list[this.at - 1]
      if (next === undefined)
        return count > 0
          ? this.#check({ key: senseKey.blankCheck, asc: 0, ascq: 5, information })
          : this.#check({ key: senseKey.noSense, asc: 0, ascq: 4, endOfMedium: true, information })
      this.at += Math.sign(count)
      if (over === 0 && next === null)
        return this.#check({ key: senseKey.noSense, asc: 0, ascq: 1, filemark: true, information })
      if (over === 0 || next === null) passed += 1
    }
    return this.#good()
  }

  /** As tgtd spaces: over blocks it counts objects, and to come to the end of data is an error. */
  #spaceCounted(over: number, count: number): ScsiResult {
    const atEnd = (): ScsiResult => this.#check({ key: senseKey.noSense, asc: 0, ascq: 5 })
    if (over === 3) this.at = this.list.length
    else if (over === 0 && count > 0) {
      this.at = Math.min(this.list.length, this.at + count)
      if (this.at === this.list.length) return atEnd()
    } else if (over === 1 && count > 0) {
      for (let left = count; left > 0; this.at++) {
        if (this.at >= this.list.length) return atEnd()
        if (this.list[this.at] === null) left -= 1
      }
    } else if (count !== 0) throw new Error('nobody should space this drive backwards')
    return this.#good()
  }
}
