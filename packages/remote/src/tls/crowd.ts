/** Keeps at most so many; one more ends the one that has been here for longest. */
export class Crowd<Member> {
  readonly #most: number
  readonly #end: (member: Member) => void
  /** In the order in which they came. */
  readonly #members = new Set<Member>()

  constructor(most: number, end: (member: Member) => void) {
    this.#most = most
    this.#end = end
  }

  get size(): number {
    return this.#members.size
  }

  add(member: Member): void {
    this.#members.add(member)
    if (this.#members.size <= this.#most) return
    const [oldest] = this.#members
    if (oldest === undefined) return
    this.#members.delete(oldest)
    this.#end(oldest)
  }

  delete(member: Member): void {
    this.#members.delete(member)
  }
}
