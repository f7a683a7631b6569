import type { Drive } from '@nb/contracts'
import { siteOf } from './site.ts'
import { SortedList } from './sorted-list.ts'

/** What a drive's place among the free ones follows from. */
export interface DriveFacts {
  readonly drive: Drive
  readonly held: boolean
  /** Larger is later; 0 is never. */
  readonly lastSelected: number
}

interface FreeDrive {
  readonly name: string
  readonly lastSelected: number
}

interface Site {
  readonly names: Set<string>
  readonly empty: SortedList<FreeDrive>
  readonly loaded: SortedList<FreeDrive>
}

interface Standing {
  readonly site: Site
  readonly key: string
  readonly list: SortedList<FreeDrive> | undefined
  readonly entry: FreeDrive
}

const byUse = (a: FreeDrive, b: FreeDrive): number =>
  a.lastSelected - b.lastSelected || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

const noNames: ReadonlySet<string> = new Set()

/** The drives of each site, the free ones among them in the order in which they are chosen. */
export class DriveIndex {
  readonly #sites: Map<string, Site> = new Map()
  readonly #standings: Map<string, Standing> = new Map()

  /** The names of all drives of a site, in no order. */
  namesOf(site: string): ReadonlySet<string> {
    return this.#sites.get(site)?.names ?? noNames
  }

  /** The free drive to use next: an empty one before a loaded one, then the least recently selected. */
  nextFree(site: string): string | undefined {
    const drives = this.#sites.get(site)
    return (drives?.empty.first() ?? drives?.loaded.first())?.name
  }

  /** Notes the present facts of a drive, or that there is none of that name. */
  refresh(name: string, facts: DriveFacts | undefined): void {
    const before = this.#standings.get(name)
    const key = facts === undefined ? undefined : siteOf(facts.drive)
    before?.list?.delete(before.entry)
    if (before !== undefined && before.key !== key) {
      before.site.names.delete(name)
      if (before.site.names.size === 0) this.#sites.delete(before.key)
    }
    if (facts === undefined || key === undefined) {
      this.#standings.delete(name)
      return
    }
    const site = this.#siteFor(key)
    site.names.add(name)
    const entry = { name, lastSelected: facts.lastSelected }
    const list = isFree(facts)
      ? facts.drive.loadedVolume === undefined
        ? site.empty
        : site.loaded
      : undefined
    list?.add(entry)
    this.#standings.set(name, { site, key, list, entry })
  }

  #siteFor(key: string): Site {
    const known = this.#sites.get(key)
    if (known !== undefined) return known
    const made = { names: new Set<string>(), empty: new SortedList(byUse), loaded: new SortedList(byUse) }
    this.#sites.set(key, made)
    return made
  }
}

/** A drive that may be given to a job: up (not under an operator) and held by none. */
const isFree = ({ drive, held }: DriveFacts): boolean => drive.state === 'up' && !held
