import type { Catalog, ImageRecord } from '@nb/contracts'
import fc from 'fast-check'
import { nightlyPolicy } from '@nb/test-kit'
import t from 'tap'
import { BackupMemory } from '../src/backup-memory.ts'
import { type BackupsOf, lastBackups } from '../src/last-backups.ts'
import { propertyRuns } from './property-runs.ts'

const hour = 3_600_000
type Image = Pick<ImageRecord, 'backupId' | 'schedule' | 'stream' | 'backupTime' | 'expiresAt'>

/** A catalog of these images, which counts those that are read. */
class Images implements Pick<Catalog, 'listImages'> {
  readonly all: Image[] = []
  read = 0

  async *listImages(): AsyncGenerator<ImageRecord> {
    for (const image of [...this.all].sort((a, b) => b.backupTime - a.backupTime)) {
      this.read += 1
      yield image as ImageRecord
    }
  }

  add(backupTime: number, schedule: string, more: Partial<Image> = {}): string {
    const backupId = `client_${backupTime}`
    this.all.push({ backupId, schedule, backupTime, ...more })
    return backupId
  }

  remove(image: Image | undefined): void {
    const at = this.all.indexOf(image as Image)
    if (at >= 0) this.all.splice(at, 1)
  }
}

const asked = (names: readonly (string | undefined)[]): BackupsOf => ({
  policy: nightlyPolicy({
    schedules: [
      { name: 'full', type: 'full', windows: [], retentionLevel: 1 },
      { name: 'daily', type: 'differential', windows: [], retentionLevel: 1 },
      { name: 'user', type: 'user-backup', windows: [], retentionLevel: 1 },
    ],
  }),
  client: 'client',
  streams: names.map((name) => (name === undefined ? {} : { name })),
})
const said = (backups: Awaited<ReturnType<BackupMemory['ask']>>): unknown =>
  backups.map(({ last, expiresAt }) => [
    ...['full', 'daily', 'user'].map((name) => last.get(name)),
    expiresAt,
  ])

t.test('asked again, only what came since is read', async (t) => {
  const images = new Images()
  const memory = new BackupMemory(images, hour)
  const of = asked([undefined])
  images.add(1, 'full')
  for (let day = 2; day < 8; day++) images.add(day, 'daily')
  await memory.ask(of, 10, {})
  t.equal(images.read, 7, 'back to the full')
  await memory.ask(of, 20, {})
  t.equal(images.read, 8, 'the newest is the same')
  memory.ended(images.add(25, 'daily'))
  const [known] = await memory.ask(of, 30, {})
  t.equal(images.read, 10, 'the new one, and the one that was the newest')
  t.strictSame([known?.last.get('daily'), known?.last.get('full')], [25, 1])
})

t.test('a run whose image began before the newest is found when it ends', async (t) => {
  const images = new Images()
  const memory = new BackupMemory(images, hour)
  const of = asked(['a', 'b'])
  images.add(1, 'full', { stream: 'a' })
  images.add(2, 'full', { stream: 'b' })
  images.add(20, 'daily', { stream: 'b' })
  await memory.ask(of, 30, {})
  memory.ended(images.add(10, 'daily', { stream: 'a' }))
  const [a] = await memory.ask(of, 40, {})
  t.equal(a?.last.get('daily'), 10)
})

t.test(
  'all is read again after recheckMs, when an image expired, and when it is not known what came',
  async (t) => {
    const images = new Images()
    const memory = new BackupMemory(images, hour)
    const of = asked([undefined])
    const full: Image = { backupId: 'full', schedule: 'full', backupTime: 1, expiresAt: 3 * hour }
    images.all.push(full)
    images.add(2, 'daily')
    const knowsFull = async (now: number, other = of): Promise<boolean> =>
      (await memory.ask(other, now, {}))[0]?.last.get('full') !== undefined
    t.equal(await knowsFull(10), true)
    images.remove(full)
    t.equal(await knowsFull(20), true, 'nobody looks at an old image')
    t.equal(memory.recheckAt, 10 + hour)
    t.equal(await knowsFull(10 + hour), false, 'but after recheckMs')
    images.all.push(full)
    t.equal(await knowsFull(20 + hour), false)
    t.equal(await knowsFull(30 + hour, asked([undefined])), true, 'a changed policy')
    images.remove(full)
    memory.ended(undefined)
    t.equal(await knowsFull(40 + hour), false, 'a run that made an image which nobody named')
    images.all.push(full)
    memory.ended(undefined)
    t.equal(await knowsFull(2.5 * hour), true)
    images.remove(full)
    t.equal(await knowsFull(2.9 * hour), true)
    t.equal(await knowsFull(3 * hour), false, 'it has expired')
  },
)

t.test('whatever comes and goes as a task is told of it, it knows what the catalog knows', async (t) => {
  const step = fc.record({
    what: fc.constantFrom('run', 'run', 'run', 'elsewhere', 'remove-newest', 'expire', 'ask'),
    schedule: fc.constantFrom('full', 'daily', 'user'),
    stream: fc.constantFrom('a', 'b', undefined),
    /** Runs may end long after newer ones. */
    beganAgo: fc.nat(30),
    keptFor: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
  })
  const streams = fc.constantFrom([undefined], ['a'], ['a', 'b'])
  await fc.assert(
    fc.asyncProperty(streams, fc.array(step, { maxLength: 40 }), async (names, steps) => {
      const images = new Images()
      const memory = new BackupMemory(images, hour)
      const of = asked(names)
      for (const [at, { what, schedule, stream, beganAgo, keptFor }] of steps.entries()) {
        const now = 1000 + at * 10
        const more = {
          ...(stream === undefined ? {} : { stream }),
          ...(keptFor === undefined ? {} : { expiresAt: now + keptFor * 10 }),
        }
        // Each begins at a moment of its own.
        if (what === 'run') memory.ended(images.add(now - beganAgo * 10 + at / 100, schedule, more))
        else if (what === 'elsewhere') images.add(now, schedule, more)
        else if (what === 'remove-newest')
          images.remove([...images.all].sort((a, b) => b.backupTime - a.backupTime)[0])
        // As a clean-up does.
        for (const image of [...images.all])
          if (image.expiresAt !== undefined && image.expiresAt <= now) images.remove(image)
        const { backups } = await lastBackups(images, of)
        t.strictSame(said(await memory.ask(of, now, {})), said(backups))
      }
    }),
    propertyRuns(t, 100, 5000),
  )
})
