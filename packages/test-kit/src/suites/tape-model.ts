import type { TapePosition } from '@nb/contracts'

/** A tape as a list of blocks and filemarks (`null`), and a place in it: what a drive has to agree with. */
export class TapeModel {
  list: (Uint8Array | null)[] = []
  at = 0

  get position(): Pick<TapePosition, 'object' | 'file' | 'endOfData'> {
    const file = this.list.slice(0, this.at).filter((one) => one === null).length
    return { object: this.at, file, endOfData: this.at === this.list.length }
  }

  write(one: Uint8Array | null): void {
    this.list = [...this.list.slice(0, this.at++), one]
  }

  /** One step at a time, as slow as it is plain. */
  space(over: 'blocks' | 'filemarks', count: number): { passed: number; stoppedBy?: string } {
    let passed = 0
    while (passed < Math.abs(count)) {
      const next = count > 0 ? this.list[this.at] : this.list[this.at - 1]
      if (next === undefined) return { passed, stoppedBy: count > 0 ? 'end-of-data' : 'beginning' }
      this.at += Math.sign(count)
      if (over === 'filemarks') passed += next === null ? 1 : 0
      else if (next === null) return { passed, stoppedBy: 'filemark' }
      else passed += 1
    }
    return { passed }
  }
}
