import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { senseOf, type SmallTape, type TapeAnswer } from './small-tape.ts'
import { type Digests, type Field, responseHeader, type SeenRequest, unwire, wire } from './target-side.ts'

export interface ScriptedTargetOptions {
  /** What the initiator must prove itself with; `own` is what the target does. */
  readonly chap?: { readonly name: string; readonly secret: string; readonly own?: string }
  readonly digests?: boolean
  /** Most commands at once. @default 64 */
  readonly window?: number
  /** Answers in the operational stage that differ from the usual. */
  readonly answers?: Readonly<Record<string, string>>
  /** Data in one Data-In PDU. @default 10 000 */
  readonly dataInBytes?: number
  /** Whether the status comes with the last data. @default true */
  readonly collapse?: boolean
  /** The status class and detail that logins are refused with. */
  readonly refuse?: readonly [number, number]
  readonly redirect?: string
  /** What SendTargets is answered with, in parts. */
  readonly targets?: readonly (readonly string[])[]
}

/** What the connections of a target share. */
export interface TargetHost {
  readonly name: string
  readonly options: ScriptedTargetOptions
  readonly tape: SmallTape
  readonly seen: SeenRequest[]
  readonly violations: string[]
  readonly held: boolean
  readonly window: number
  readonly silent: boolean
  script(connection: TargetConnection, request: SeenRequest): boolean
  loggedIn(): void
}

interface TargetTask {
  readonly request: SeenRequest
  readonly cdb: Buffer
  readonly data: Buffer
  received: number
  readySent: number
  done: boolean
}

const none = 0xffff_ffff
const empty = Buffer.alloc(0)

/** One connection of the scripted target: from login to loss. It plays by the rules unless the target's script says otherwise. */
export class TargetConnection {
  readonly target: TargetHost
  readonly #socket: Socket
  readonly tasks: TargetTask[] = []
  keys: Record<string, string> = {}
  digests: Digests = { header: false, data: false }
  stat = 1000
  expected = 0
  #read: Buffer = empty
  #full = false
  readonly #known = new Set<number>()
  #challenge: { id: number; bytes: Buffer } | undefined
  #attention = true

  constructor(target: TargetHost, socket: Socket) {
    this.target = target
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#read = Buffer.concat([this.#read, chunk])
      for (let next = this.#next(); next !== undefined; next = this.#next()) this.#take(next)
    })
  }

  #next(): SeenRequest | undefined {
    const found = this.#socket.destroyed ? undefined : unwire(this.#read, this.digests)
    if (found !== undefined) this.#read = found.rest
    return found?.request
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Reads nothing more until `resume`. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Sends what is left, and then closes. */
  end(): void {
    this.#socket.end()
  }

  raw(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  /** Sends a PDU with the numbers that are due. */
  send(opcode: number, flags: number, fields: readonly Field[], data: Buffer = empty, counts = true): void {
    const window = this.target.window
    const max = (this.expected + window - 1 - this.tasks.length) >>> 0
    const header = responseHeader(opcode, flags, data.length, [
      [24, 4, this.stat],
      [28, 4, this.expected],
      [32, 4, max],
      ...fields,
    ])
    if (counts) this.stat = (this.stat + 1) >>> 0
    this.raw(wire(header, data, this.digests))
  }

  #take(request: SeenRequest): void {
    if (this.target.silent) return
    const { opcode, immediate, commandNumber } = request
    if (!this.#full) return this.#login(request)
    this.target.seen.push(request)
    if (opcode === 1) this.#known.add(request.taskTag)
    if (!immediate && opcode !== 5) {
      if (commandNumber !== this.expected)
        this.target.violations.push(`CmdSN ${commandNumber}, not ${this.expected}`)
      this.expected = (this.expected + 1) >>> 0
    }
    if (!this.target.script(this, request)) this.work(request)
  }

  /** Works on a request as usual. */
  work(request: SeenRequest): void {
    const { opcode } = request
    switch (opcode) {
      case 0x00:
        if (request.taskTag !== none)
          this.send(
            0x20,
            0x80,
            [
              [16, 4, request.taskTag],
              [20, 4, none],
            ],
            request.data,
          )
        break
      case 0x01:
        this.#command(request)
        break
      case 0x02:
        this.#manage(request)
        break
      case 0x04:
        this.#text(request)
        break
      case 0x05:
        this.#dataOut(request)
        break
      case 0x06:
        this.send(0x26, 0x80, [[16, 4, request.taskTag]])
        this.#socket.end()
        break
      default:
        this.target.violations.push(`opcode ${opcode}`)
    }
  }

  #login(request: SeenRequest): void {
    const { options } = this.target
    const given = Object.fromEntries(
      request.data
        .toString()
        .split('\0')
        .filter(Boolean)
        .map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]),
    )
    Object.assign(this.keys, given)
    const stage = (request.flags >> 2) & 3
    const answer = (
      flags: number,
      keys: Readonly<Record<string, string>>,
      fields: readonly Field[] = [],
    ): void => {
      this.expected = request.commandNumber
      const text = Buffer.from(
        Object.entries(keys)
          .map(([key, value]) => `${key}=${value}\0`)
          .join(''),
      )
      this.send(
        0x23,
        flags,
        [
          [8, 4, request.header.readUInt32BE(8)],
          [12, 2, request.header.readUInt16BE(12)],
          [16, 4, request.taskTag],
          // With a refusal the number of the status says nothing, and some targets leave it out.
          ...(fields.some(([at]) => at === 36) ? [[24, 4, 0] as const] : []),
          ...fields,
        ],
        text,
      )
    }
    if (options.refuse !== undefined)
      return answer(0, {}, [
        [36, 1, options.refuse[0]],
        [37, 1, options.refuse[1]],
      ])
    if (options.redirect !== undefined)
      return answer(0, { TargetAddress: options.redirect }, [
        [36, 1, 1],
        [37, 1, 1],
      ])
    if (stage === 0) {
      if (options.chap === undefined) return answer(0x81, { AuthMethod: 'None' })
      if (given['CHAP_A'] !== undefined) {
        this.#challenge = { id: 77, bytes: Buffer.from('a challenge that is long enough') }
        return answer(0, { CHAP_A: '5', CHAP_I: '77', CHAP_C: `0x${this.#challenge.bytes.toString('hex')}` })
      }
      if (given['CHAP_R'] === undefined || this.#challenge === undefined)
        return answer(0, { AuthMethod: 'CHAP' })
      const proof = (id: number, secret: string, challenge: Buffer): string =>
        `0x${createHash('md5')
          .update(Buffer.concat([Buffer.from([id]), Buffer.from(secret), challenge]))
          .digest('hex')}`
      const right = proof(this.#challenge.id, options.chap.secret, this.#challenge.bytes)
      if (given['CHAP_N'] !== options.chap.name || given['CHAP_R'] !== right)
        return answer(0, {}, [
          [36, 1, 2],
          [37, 1, 1],
        ])
      if (given['CHAP_C'] === undefined || options.chap.own === undefined) return answer(0x81, {})
      const challenge = Buffer.from(given['CHAP_C'].slice(2), 'hex')
      return answer(0x81, {
        CHAP_N: 'it',
        CHAP_R: proof(Number(given['CHAP_I']), options.chap.own, challenge),
      })
    }
    const digest = (key: string): string =>
      this.keys[key]?.startsWith('CRC32C') === true && options.digests === true ? 'CRC32C' : 'None'
    const agreed = {
      HeaderDigest: digest('HeaderDigest'),
      DataDigest: digest('DataDigest'),
      MaxRecvDataSegmentLength: '16384',
      ...(this.keys['SessionType'] === 'Discovery'
        ? {}
        : {
            InitialR2T: 'No',
            ImmediateData: 'Yes',
            FirstBurstLength: '32768',
            MaxBurstLength: '65536',
            MaxOutstandingR2T: '1',
          }),
      ...options.answers,
    }
    Object.assign(this.keys, { maxReceive: this.keys['MaxRecvDataSegmentLength'] ?? '8192' }, agreed)
    answer(0x87, agreed, [[14, 2, 9]])
    this.digests = { header: agreed.HeaderDigest === 'CRC32C', data: agreed.DataDigest === 'CRC32C' }
    this.#full = true
    this.target.loggedIn()
  }

  #text(request: SeenRequest): void {
    const parts = this.target.options.targets ?? [[`TargetName=${this.target.name}\0`]]
    const turn = request.transferTag === none ? 0 : request.transferTag
    const last = turn === parts.length - 1
    this.send(
      0x24,
      last ? 0x80 : 0x40,
      [
        [16, 4, request.taskTag],
        [20, 4, last ? none : turn + 1],
      ],
      Buffer.from((parts[turn] ?? []).join('')),
    )
  }

  #command(request: SeenRequest): void {
    const writes = (request.flags & 0x20) !== 0
    const data = Buffer.alloc(writes ? request.header.readUInt32BE(20) : 0)
    request.data.copy(data)
    const task: TargetTask = {
      request,
      cdb: request.header.subarray(32),
      data,
      received: request.data.length,
      readySent: 0,
      done: false,
    }
    const first = Math.min(data.length, Number(this.keys['FirstBurstLength'] ?? 65_536))
    if (task.received > first) this.target.violations.push('more immediate data than agreed on')
    this.tasks.push(task)
    if ((request.flags & 0x80) !== 0) this.#wantMore(task)
  }

  #dataOut(request: SeenRequest): void {
    const task = this.tasks.find((one) => one.request.taskTag === request.taskTag)
    // A command may have ended before its data were out.
    if (task === undefined && !this.#known.has(request.taskTag))
      this.target.violations.push('data for no command')
    if (task === undefined) return
    const offset = request.header.readUInt32BE(40)
    if (offset !== task.received) this.target.violations.push(`data for ${offset}, not ${task.received}`)
    if (request.data.length > 16_384) this.target.violations.push('a PDU that is too long')
    request.data.copy(task.data, offset)
    task.received += request.data.length
    if ((request.flags & 0x80) !== 0) this.#wantMore(task)
  }

  #wantMore(task: TargetTask): void {
    const missing = task.data.length - task.received
    if (missing === 0) return this.run()
    const { taskTag } = task.request
    const bytes = Math.min(missing, Number(this.keys['MaxBurstLength'] ?? 262_144))
    this.send(
      0x31,
      0x80,
      [
        [16, 4, taskTag],
        [20, 4, 500 + task.readySent],
        [36, 4, task.readySent++],
        [40, 4, task.received],
        [44, 4, bytes],
      ],
      empty,
      false,
    )
  }

  /** Runs what is complete, in order. */
  run(): void {
    while (!this.target.held) {
      const task = this.tasks[0]
      if (task === undefined || task.received < task.data.length) return
      this.tasks.shift()
      this.#finish(task, this.#execute(task))
    }
  }

  #execute({ cdb, data }: TargetTask): TapeAnswer {
    const always = [0x12, 0xa0, 0x03].includes(cdb[0] ?? 0)
    if (this.#attention && !always) {
      this.#attention = false
      return { status: 2, sense: senseOf(6, 0x29, 0) }
    }
    return this.target.tape.execute(cdb, data, [0, 1])
  }

  #finish({ request, data }: TargetTask, { status, sense, dataIn = empty }: TapeAnswer): void {
    const { taskTag, header } = request
    const expected = header.readUInt32BE(20)
    const writes = (request.flags & 0x20) !== 0
    const moved = writes ? (status === 0 ? data.length : 0) : dataIn.length
    const residual: Field[] = moved < expected ? [[44, 4, expected - moved]] : []
    const under = moved < expected ? 0x02 : 0
    const segment = Math.min(Number(this.keys['maxReceive']), this.target.options.dataInBytes ?? 10_000)
    const collapse = sense === undefined && dataIn.length > 0 && this.target.options.collapse !== false
    let number = 0
    for (let at = 0; at < dataIn.length; at += segment) {
      const part = dataIn.subarray(at, at + segment)
      const last = at + segment >= dataIn.length
      const flags = (last ? 0x80 : 0) | (last && collapse ? 0x01 | under : 0)
      const fields: Field[] = [
        [16, 4, taskTag],
        [20, 4, none],
        [36, 4, number++],
        [40, 4, at],
      ]
      this.send(
        0x25,
        flags,
        [...fields, ...(last && collapse ? ([[3, 1, status], ...residual] as const) : [])],
        part,
        last && collapse,
      )
    }
    if (collapse) return
    const senseData = sense === undefined ? empty : Buffer.concat([Buffer.from([0, sense.length]), sense])
    this.send(0x21, 0x80 | under, [[3, 1, status], [16, 4, taskTag], [36, 4, number], ...residual], senseData)
  }

  #manage(request: SeenRequest): void {
    const abort = (request.flags & 0x7f) === 1
    const at = this.tasks.findIndex((task) => task.request.taskTag === request.transferTag)
    if (abort && at !== -1) this.tasks.splice(at, 1)
    if (!abort) {
      this.tasks.length = 0
      this.#attention = true
    }
    this.send(0x22, 0x80, [
      [2, 1, abort && at === -1 ? 1 : 0],
      [16, 4, request.taskTag],
    ])
  }
}
