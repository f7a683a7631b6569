/** What expires: it notes its neighbours, so that it is taken out from anywhere at once. In one list at a time. */
export interface Expiring<Item> {
  /** Milliseconds since the epoch. Changed only while it is in no list. */
  readonly expiresAt: number
  /** Only the list writes these. */
  sooner: Item | undefined
  later: Item | undefined
}

/**
 * Items by when they expire. Terms are equal, so what is added nearly always expires last: adding and taking out cost the
 * same however many there are. Only after a clock went back does what is added look for its place.
 */
export class ExpiryList<Item extends Expiring<Item>> {
  #first: Item | undefined
  #last: Item | undefined

  /** The first to expire, which stays. */
  get first(): Item | undefined {
    return this.#first
  }

  /** Adds one that is in no list, behind those that expire at the same time. */
  add(item: Item): void {
    let sooner = this.#last
    while (sooner !== undefined && sooner.expiresAt > item.expiresAt) sooner = sooner.sooner
    const later = sooner === undefined ? this.#first : sooner.later
    this.#join(sooner, item)
    this.#join(item, later)
  }

  /** Takes out one that is in the list. */
  remove(item: Item): void {
    this.#join(item.sooner, item.later)
    item.sooner = undefined
    item.later = undefined
  }

  #join(sooner: Item | undefined, later: Item | undefined): void {
    if (sooner === undefined) this.#first = later
    else sooner.later = later
    if (later === undefined) this.#last = sooner
    else later.sooner = sooner
  }
}
