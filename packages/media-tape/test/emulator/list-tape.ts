import type { Spaced } from '../../src/emulator/medium/spacing.ts'

/** A tape as a list of blocks and filemarks (`null`), and a place in it: one step at a time, as slow as it is plain. */
export class ListTape {
  list: (Buffer | null)[] = []
  at = 0

  write(one: Buffer | null): void {
    this.list = [...this.list.slice(0, this.at++), one]
  }

  filemarksBefore(at: number): number {
    return this.list.slice(0, at).filter((one) => one === null).length
  }

  space(over: 'blocks' | 'filemarks', count: number): Spaced {
    let passed = 0
    while (passed < Math.abs(count)) {
      const next = count > 0 ? this.list[this.at] : this.list[this.at - 1]
      if (next === undefined)
        return { to: this.at, passed, stoppedBy: count > 0 ? 'end-of-data' : 'beginning' }
      this.at += Math.sign(count)
      if (over === 'filemarks') passed += next === null ? 1 : 0
      else if (next === null) return { to: this.at, passed, stoppedBy: 'filemark' }
      else passed += 1
    }
    return { to: this.at, passed }
  }
}
