/** How a command of the small tape ends. */
export interface TapeAnswer {
  readonly status: number
  readonly sense?: Buffer
  readonly dataIn?: Buffer
}

const good: TapeAnswer = { status: 0 }

/** A tape drive of few commands, for a target that tests script. What is on its tape outlives sessions. */
export class SmallTape {
  readonly #objects: (Buffer | null)[] = []
  #at = 0

  execute(cdb: Buffer, dataOut: Buffer, units: readonly number[]): TapeAnswer {
    switch (cdb[0]) {
      case 0x00:
        return good
      case 0x01:
        this.#at = 0
        return good
      case 0x08:
        return this.#read(cdb.readUIntBE(2, 3))
      case 0x0a:
        this.#write(dataOut)
        return good
      case 0x10:
        for (let marks = cdb.readUIntBE(2, 3); marks > 0; marks--) this.#write(null)
        return good
      case 0x12: {
        const data = Buffer.alloc(61)
        data.set([1, 0x80, 6, 2, 56])
        data.write('NB      SMALL-TAPE      0001', 8, 'latin1')
        return { status: 0, dataIn: data.subarray(0, cdb.readUInt16BE(3)) }
      }
      case 0xa0: {
        const data = Buffer.alloc(8 + units.length * 8)
        data.writeUInt32BE(units.length * 8, 0)
        units.forEach((unit, n) => data.writeUInt16BE(unit, 8 + n * 8))
        return { status: 0, dataIn: data.subarray(0, cdb.readUInt32BE(6)) }
      }
      default:
        return { status: 2, sense: senseOf(5, 0x20, 0) }
    }
  }

  #write(object: Buffer | null): void {
    this.#objects.splice(this.#at++, Infinity, object === null ? null : Buffer.from(object))
  }

  #read(asked: number): TapeAnswer {
    const object = this.#objects[this.#at]
    if (object === undefined) return { status: 2, sense: senseOf(8, 0, 5) }
    this.#at += 1
    if (object === null) return { status: 2, sense: senseOf(0x80, 0, 1) }
    const dataIn = object.subarray(0, asked)
    if (object.length === asked) return { status: 0, dataIn }
    return { status: 2, sense: senseOf(0x20, 0, 0, asked - object.length), dataIn }
  }
}

/** Sense data in the fixed format; with an information where one is given. */
export function senseOf(key: number, asc: number, ascq: number, information?: number): Buffer {
  const sense = Buffer.alloc(18)
  sense.set([information === undefined ? 0x70 : 0xf0, 0, key])
  if (information !== undefined) sense.writeInt32BE(information, 3)
  sense.set([10], 7)
  sense.set([asc, ascq], 12)
  return sense
}
