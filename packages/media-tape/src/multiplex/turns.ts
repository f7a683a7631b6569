/**
 * Who writes next: lanes take turns, one piece of work each. A lane that always has work never comes before another that has some as
 * well a second time, so a fast one can't starve the others; one without work is passed over, so a slow one holds nobody up.
 */
export class Turns<Work> {
  /** Lanes with work, in the order of their turns. */
  readonly #lanes = new Map<number, Work[]>()

  /** Adds work at the end of a lane; a lane without work joins behind those that have some. */
  add(lane: number, work: Work): void {
    const waiting = this.#lanes.get(lane)
    if (waiting === undefined) this.#lanes.set(lane, [work])
    else waiting.push(work)
  }

  /** Takes the next piece whose turn it is. With a condition: of the first lane whose next piece meets it; the others keep their turns. */
  take(condition: (work: Work) => boolean = () => true): { lane: number; work: Work } | undefined {
    for (const [lane, waiting] of this.#lanes) {
      const [work] = waiting
      if (work === undefined || !condition(work)) continue
      waiting.shift()
      this.#lanes.delete(lane)
      if (waiting.length > 0) this.#lanes.set(lane, waiting)
      return { lane, work }
    }
    return undefined
  }

  /** Takes all that a lane has. */
  drop(lane: number): readonly Work[] {
    const waiting = this.#lanes.get(lane) ?? []
    this.#lanes.delete(lane)
    return waiting
  }
}
