import assert from 'node:assert/strict'
import { type Job, type JobLog, type MediaServer, type Store, NbError } from '@nb/contracts'
import {
  type FakeWorld,
  type FakeWorldOptions,
  type VirtualClock,
  type VirtualClockOptions,
  aroundCalls,
  createFakeWorld,
  createVirtualClock,
} from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import {
  type JobManagerOptions,
  type JobManagerService,
  createJobManager,
  createJobStore,
} from '../src/index.ts'
import { driven } from './fixture.ts'

/** One life of a manager, in which every call it makes and every write of its database is a point to interfere at. */
export interface Life {
  readonly manager: JobManagerService
  /** Names of the points passed so far, in order. */
  readonly points: readonly string[]
  /** Ends this life as a crash does: whatever it called never answers. */
  die(): void
  readonly dead: boolean
}

/** A world that survives the lives of its managers. */
export interface Stage {
  readonly clock: VirtualClock
  readonly world: FakeWorld
  /** Begins a life; `at` is called at each point with its number from 1, before or after the call had its effect. */
  live(at?: (point: number, life: Life) => void): Promise<Life>
}

export function createStage(
  options: Partial<FakeWorldOptions> = {},
  managerOptions: JobManagerOptions = {},
  clockOptions: VirtualClockOptions = {},
): Stage {
  const clock = createVirtualClock(undefined, clockOptions)
  const database = new MemoryLevel()
  let log: JobLog | undefined
  let died = new Promise<never>(() => undefined)
  const append: JobLog['append'] = async (input) => {
    // Whoever talks to a server that crashes gets an error, not silence.
    if (log !== undefined) await Promise.race([log.append(input), died]).catch(() => undefined)
  }
  const world = createFakeWorld({ clock, log: { append }, ...options })

  const live: Stage['live'] = async (at) => {
    const points: string[] = []
    let dead = false
    const forever = new Promise<never>(() => undefined)
    let hangUp: (error: NbError) => void = () => undefined
    died = new Promise<never>((_, reject) => (hangUp = reject))
    died.catch(() => undefined)
    const cut = died
    const pass = async (point: string): Promise<void> => {
      if (dead) await forever
      points.push(point)
      at?.(points.length, life)
      if (dead) await forever
    }
    const hooked = <Port extends object>(name: string, port: Port): Port =>
      aroundCalls(port, {
        before: (method) => pass(`${name}.${method} called`),
        after: (method) => pass(`${name}.${method} answered`),
      })
    const store = withHookedBatch(database, pass)
    const jobStore = createJobStore({ store, clock })
    const mediaServers = new Map<string, MediaServer>(
      [...world.mediaServers].map(([name, server]) => [name, hooked(name, server)]),
    )
    const manager = createJobManager(
      {
        broker: hooked('broker', world.broker),
        catalog: hooked('catalog', world.catalog),
        mediaServers,
        jobStore,
        clock,
      },
      managerOptions,
    )
    const life: Life = {
      manager,
      points,
      die: () => {
        dead = true
        world.broker.hangUp()
        world.connect(undefined)
        log = undefined
        hangUp(new NbError('server-unreachable', 'the job manager has crashed'))
      },
      get dead() {
        return dead
      },
    }
    log = jobStore
    world.connect({
      requestMedia: (input) => Promise.race([manager.requestMedia(input), cut]),
      progress: (input) => Promise.race([manager.progress(input), cut]),
      checkpoint: (input) => Promise.race([manager.checkpoint(input), cut]),
      sessionEnded: (input) => Promise.race([manager.sessionEnded(input), cut]),
    })
    await driven(clock, jobStore.start())
    await clock.advanceUntil(settledOrDead(manager.start(), life), 3_600_000)
    return life
  }
  return { clock, world, live }
}

/** Becomes true when the promise is settled or the life is over. */
export function settledOrDead(promise: Promise<unknown>, life: Life): () => boolean {
  let settled = false
  promise.then(
    () => (settled = true),
    () => (settled = true),
  )
  return () => settled || life.dead
}

function withHookedBatch(database: Store, pass: (point: string) => Promise<void>): Store {
  return new Proxy(database, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      if (name !== 'batch') return (...input: unknown[]): unknown => Reflect.apply(member, target, input)
      return async (...input: unknown[]): Promise<void> => {
        await pass('database.batch called')
        await (Reflect.apply(member, target, input) as Promise<void>)
        await pass('database.batch answered')
      }
    },
  })
}

/** What must hold when all is quiet, whatever happened before. */
export async function assertNothingLeft(
  { world, clock }: Stage,
  manager: JobManagerService,
  job: Job,
): Promise<void> {
  await driven(clock, manager.cleanImages())
  const { broker, catalog, mediaServers } = world
  assert.deepEqual(broker.inForce, [], 'a lease stayed')
  assert.deepEqual(broker.waiting, [], 'a request stayed')
  const complete = catalog.images.filter(({ state }) => state === 'complete')
  assert.equal(catalog.images.length, complete.length, 'half an image stayed')
  assert.equal(
    complete.filter(({ jobId }) => jobId === job.id).length,
    // 3 and 4: an archive is saved, and what it saved is still on the client.
    [0, 1, 3, 4].includes(job.status ?? 99) ? 1 : 0,
    'status and image differ',
  )
  const browsable = new Set(complete.map(({ backupId }) => backupId))
  for (const server of mediaServers.values()) {
    assert.deepEqual(server.live, [], 'a session stayed')
    for (const ids of server.stored.values()) {
      for (const id of ids) assert.ok(browsable.has(id), `fragments of ${id} stayed`)
    }
  }
}
