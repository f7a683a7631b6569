import type { SgCalls, SgDevice, SgMemory } from '../../src/index.ts'
import { layout, type Direction } from '../../src/sg/sg-io-header.ts'

/** A request as the kernel finds it in memory, read by the layout of include/scsi/sg.h and not by our code. */
export interface SeenRequest {
  readonly cdb: Buffer
  readonly direction: Direction
  readonly timeoutMs: number
  /** What is written, or the room for what is read. */
  readonly data: Buffer
  readonly sense: Buffer
}

/** What a script does with a request. */
export interface Ending {
  readonly errno?: number
  readonly status?: number
  readonly host?: number
  readonly driver?: number
  readonly residual?: number
  readonly sense?: Uint8Array
  readonly dataIn?: Uint8Array
}

export type Script = (request: SeenRequest) => Ending | Promise<Ending>

/** Calls whose kernel is a script: what its device answers, and what opening gives. */
export class ScriptedCalls implements SgCalls {
  readonly seen: SeenRequest[] = []
  script: Script = () => ({})
  openErrno = 0
  resetErrno = 0
  opened = 0
  closed = 0
  resets = 0
  atOnce = 0
  mostAtOnce = 0
  #next = 0x7f00_0000_0000n

  allocate(sizeBytes: number): SgMemory {
    const address = this.#next
    this.#next += 1n << 32n
    return { bytes: new Uint8Array(sizeBytes).fill(0xee), address }
  }

  async open(): ReturnType<SgCalls['open']> {
    if (this.openErrno !== 0) return { errno: this.openErrno }
    this.opened += 1
    const device: SgDevice = {
      execute: (memory) => this.#execute(memory),
      reset: async () => {
        this.resets += 1
        return this.resetErrno
      },
      close: async () => void (this.closed += 1),
    }
    return { device }
  }

  async #execute({ bytes, address }: SgMemory): Promise<number> {
    const header = Buffer.from(bytes.buffer, bytes.byteOffset, 88)
    // Where a pointer leads, within the one piece of memory.
    const at = (offset: number): number => Number(header.readBigUInt64LE(offset) - address)
    if (header.readInt32LE(0) !== 0x53) throw new Error('interface_id is not S')
    const direction = ({ '-1': 'none', '-2': 'out', '-3': 'in' } as const)[header.readInt32LE(4)]
    if (direction === undefined) throw new Error('no direction')
    const dataBytes = header.readUInt32LE(12)
    const dataAt = dataBytes === 0 ? layout.data : at(16)
    const memory = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const request: SeenRequest = {
      direction,
      cdb: Buffer.from(memory.subarray(at(24), at(24) + header.readUInt8(8))),
      timeoutMs: header.readUInt32LE(40),
      data: Buffer.from(memory.subarray(dataAt, dataAt + dataBytes)),
      sense: memory.subarray(at(32), at(32) + header.readUInt8(9)),
    }
    this.seen.push(request)
    this.atOnce += 1
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce)
    const {
      errno = 0,
      status = 0,
      host = 0,
      driver = 0,
      residual = 0,
      sense,
      dataIn,
    } = await this.script(request)
    this.atOnce -= 1
    memory.set(dataIn ?? [], dataAt)
    memory.set(sense ?? [], at(32))
    header.writeUInt8(status, 64)
    header.writeUInt8(sense?.length ?? 0, 67)
    header.writeUInt16LE(host, 68)
    header.writeUInt16LE(driver, 70)
    header.writeInt32LE(residual, 72)
    return errno
  }
}
