// Acts in a restore's target by random numbers of its own, so that a seed repeats it, whatever the machine.
import { linkSync, mkdirSync, readdirSync, realpathSync, renameSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { TEMPORARY_PREFIX } from '../../src/client/extractor/temporary-name.ts'
import type { Posix } from '../../src/posix/posix.ts'

/** Names are bytes; as text they are told in Latin 1. */
const bytes = (path: string): Buffer => Buffer.from(path, 'latin1')

export interface Ground {
  readonly random: () => number
  readonly target: string
  readonly outside: string
  /** Paths of the image, without a slash in front. */
  readonly names: readonly string[]
  /** Where the enemy puts what it takes away, on the same file system. */
  readonly away: string
}

/** One who may write into the target, and knows the image and where the restore is at work. */
export class Enemy {
  acts = 0
  readonly said: string[] = []
  readonly #ground: Ground
  #watched: string
  #taken = 0

  constructor(ground: Ground) {
    this.#ground = ground
    this.#watched = ground.names[0] as string
    mkdirSync(ground.away)
  }

  /** Sees where the restore is at work. */
  watch(path: string): void {
    this.#watched = path.slice(1)
  }

  /** System calls before each of which it may act. */
  between(calls: Posix): Posix {
    return new Proxy(calls, {
      get: (target, name) => {
        const call = Reflect.get(target, name) as (...args: unknown[]) => unknown
        return (...args: unknown[]): unknown => {
          if (this.#ground.random() < 0.08) this.#act(String(name))
          return call(...args)
        }
      },
    })
  }

  #act(call: string): void {
    const { target, outside, away } = this.#ground
    const victim = this.#victim()
    const path = bytes(join(target, victim))
    if (!this.#isInside(victim)) return
    const act = this.#pick(['link out', 'link to treasure', 'second name', 'another', 'up', 'away', 'swap'])
    try {
      if (act === 'swap') {
        const second = this.#victim()
        if (!this.#isInside(second)) return
        const other = bytes(join(target, second))
        renameSync(path, join(away, `swap-${this.#taken}`))
        renameSync(other, path)
        renameSync(join(away, `swap-${this.#taken++}`), other)
      } else {
        try {
          renameSync(path, join(away, `${this.#taken++}`))
        } catch {
          // Not there yet: it is in the way then.
          mkdirSync(bytes(join(target, dirname(victim))), { recursive: true })
        }
        if (act === 'link out') symlinkSync(bytes(join(outside, dirname(victim))), path)
        if (act === 'link to treasure') symlinkSync(join(outside, 'treasure'), path)
        if (act === 'second name') linkSync(join(outside, 'treasure'), path)
        if (act === 'another') mkdirSync(path)
        if (act === 'up') symlinkSync('..', path)
      }
      this.acts += 1
      this.said.push(`before ${call}: ${act} at ${victim}`)
    } catch {
      // Its luck: what it wanted to move is not there.
    }
  }

  /** Its own links would lead it out of the target, where it may not write. */
  #isInside(path: string): boolean {
    const { target } = this.#ground
    for (let above = dirname(path); ; above = dirname(above)) {
      try {
        const real = realpathSync(bytes(join(target, above)), 'latin1')
        return `${real}/`.startsWith(`${target}/`)
      } catch {
        if (above === '.') return false
      }
    }
  }

  /** Where the restore is at work, above it, its temporary entry there, or anywhere. */
  #victim(): string {
    const { target, names } = this.#ground
    const where = this.#pick(['here', 'above', 'temporary', 'temporary', 'anywhere'])
    if (where === 'here') return this.#watched
    if (where === 'anywhere') return this.#pick(names)
    const parts = this.#watched.split('/')
    if (where === 'above')
      return parts.slice(0, 1 + Math.floor(this.#ground.random() * parts.length)).join('/')
    const directory = parts.slice(0, -1).join('/')
    try {
      const temporary = readdirSync(bytes(join(target, directory)), 'latin1').filter((name) =>
        name.startsWith(TEMPORARY_PREFIX),
      )
      if (temporary.length > 0) return join(directory, this.#pick(temporary))
    } catch {
      // The directory is not there; so nothing temporary is in it.
    }
    return this.#watched
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#ground.random() * from.length)] as T
  }
}
