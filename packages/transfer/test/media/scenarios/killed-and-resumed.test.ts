import { readdirSync, rmSync } from 'node:fs'
import { type Files, NbError, type OpenFile, systemFiles } from '@nb/contracts'
import { numberSetting, seededRandom } from '@nb/test-kit'
import t from 'tap'
import { freshDirectory } from '../../client/fresh-directory.ts'
import { makeSource, nextTry, readWritten } from '../resuming.ts'
import { type World, backupId } from '../world.ts'

const seed = numberSetting('NB_SEED', 20_260_101)
const histories = process.env['NB_LONG'] === '1' ? 100 : 2
if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

/** Files of a process that is killed at its so-manyeth change: nothing that it does afterwards has any effect. */
function mortalFiles(lifetime: number): {
  readonly files: Files
  readonly changes: () => number
  /** Kills the process now. */
  readonly die: () => void
} {
  const files = systemFiles()
  let changes = 0
  const live = (): void => {
    changes += 1
    if (changes > lifetime) throw Object.assign(new Error('killed'), { code: 'EKILLED' })
  }
  const mortal = (file: OpenFile): OpenFile => ({
    ...bound(file),
    write: async (data, position) => (live(), file.write(data, position)),
    sync: async () => (live(), file.sync()),
    truncate: async (size) => (live(), file.truncate(size)),
  })
  return {
    changes: () => changes,
    die: () => void (changes = Math.max(changes, lifetime)),
    files: {
      ...bound(files),
      open: async (path, mode) => {
        if (mode === 'create') live()
        return mortal(await files.open(path, mode))
      },
      rename: async (from, to) => (live(), files.rename(from, to)),
      remove: async (path) => (live(), files.remove(path)),
      removeDirectory: async (path) => (live(), files.removeDirectory(path)),
      makeDirectory: async (path) => (live(), files.makeDirectory(path)),
      syncDirectory: async (path) => (live(), files.syncDirectory(path)),
    },
  }
}

/** The methods of an object as functions that may be copied into another. */
function bound<T extends object>(object: T): T {
  const methods = new Map<string, unknown>()
  for (let each: object = object; each !== Object.prototype; each = Object.getPrototypeOf(each) as object)
    for (const name of Object.getOwnPropertyNames(each)) {
      const value = (object as Record<string, unknown>)[name]
      if (typeof value === 'function' && !methods.has(name)) methods.set(name, value.bind(object))
    }
  return Object.fromEntries(methods) as T
}

t.test(
  'a media server that is killed at any moment, time and again, writes the image of one go',
  async (t) => {
    t.comment(`${histories} histories (100 with NB_LONG=1), seed ${seed}`)
    const root = freshDirectory(t)
    const source = `${root}/source`
    makeSource(source)
    const once = await nextTry(source, root)
    const whole = await once.world.report(await once.world.server.startBackup(once.spec))
    const expected = await readWritten(once.world, whole)
    await once.stop()
    rmSync(once.world.directory, { recursive: true })

    let strays = 0
    for (let history = 0; history < histories; history++) {
      const random = seededRandom(seed + history)
      let before: World | undefined
      for (let tries = 1; ; tries++) {
        t.ok(tries < 30, `try ${tries}`)
        // The first dies between a fragment's commit and the noting of its checkpoint, the others at any moment.
        const dyingAt = tries === 1 ? 2 + Math.floor(random() * 4) : undefined
        const lifetime = dyingAt === undefined ? 30 + Math.floor(random() * 90) : 10_000
        const { files, changes, die } = mortalFiles(lifetime)
        const after = before === undefined ? {} : { after: before }
        const { world, spec, stop } = await nextTry(source, root, { ...after, files })
        // What the job manager learns is durable there, or the process dies with it.
        const noted = random() < 0.5
        world.noting = async (checkpoint) => {
          if (checkpoint.number === dyingAt) die()
          else if (noted || checkpoint.number % 3 > 0) return
          throw new NbError('server-unreachable', 'nobody answers')
        }
        const kept = spec.resumeFrom?.copies[0]?.fragments.length ?? 0
        const there = fragmentFiles(world)
        if (there.length > kept) strays += 1
        const report = await world.report(await world.server.startBackup(spec))
        const wasKilled = report.status > 1
        await stop()
        before = world
        if (wasKilled) {
          t.ok(changes() > 0)
          const last = world.checkpoints.at(-1)
          t.ok(
            fragmentFiles(world).length >= (last?.copies[0]?.fragments.length ?? 0),
            'what is noted is there',
          )
          continue
        }
        t.same(report.written?.counts, whole.written?.counts, `whole after ${tries} tries`)
        const written = await readWritten(world, report)
        t.ok(written.stream.equals(expected.stream), 'the same archive')
        t.same(written.names, expected.names, 'the same list')
        t.ok(world.lists.get(backupId)?.equals(written.list))
        t.equal(
          fragmentFiles(world).length,
          report.written?.copies[0]?.fragments.length,
          'and nothing beside',
        )
        break
      }
    }
    t.ok(strays >= histories, `${strays} tries found what had been written behind the checkpoint`)
  },
)

function fragmentFiles({ directory }: World): readonly string[] {
  try {
    return readdirSync(`${directory}/web1/${backupId}`).filter((name) => name.endsWith('.nbf'))
  } catch {
    return []
  }
}
