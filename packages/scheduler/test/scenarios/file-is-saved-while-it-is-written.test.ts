import type { Files, OpenFile } from '@nb/contracts'
import { nightlyPolicy } from '@nb/test-kit'
import t from 'tap'
import { printPolicy } from '../../src/index.ts'
import { directory, site } from '../policy-files/site.ts'

const web = printPolicy(nightlyPolicy({ name: 'web' }))
const edited = `${web}# what Ann wrote\npriority: 7\n`
const path = `${directory}/web.yaml`

/** Calls `before` ahead of every operation on the files, opened ones too. */
function watched(files: Files, before: (files: Files) => Promise<void>): Files {
  const wrap = <Target extends object>(target: Target): Target =>
    new Proxy(target, {
      get: (object, key) => {
        const value: unknown = Reflect.get(object, key)
        if (typeof value !== 'function') return value
        return async (...input: unknown[]) => {
          await before(files)
          const result: unknown = await Reflect.apply(value, object, input)
          return key === 'open' ? wrap(result as OpenFile) : result
        }
      },
    })
  return wrap(files)
}

async function put(files: Files, name: string, text: string): Promise<void> {
  const file = await files.open(name, 'create')
  await file.write(Buffer.from(text), 0)
  await file.sync()
  await file.close()
}

/** As most editors save: a new file takes the name of the old one. */
async function saveByRename(files: Files): Promise<void> {
  await put(files, `${directory}/.web.yaml.swp`, edited)
  await files.rename(`${directory}/.web.yaml.swp`, path)
}

/** As others save: into the file that is there. */
async function saveInPlace(files: Files): Promise<void> {
  if ((await files.stat(path)) === undefined) return put(files, path, edited)
  const file = await files.open(path, 'update')
  await file.truncate(0)
  await file.write(Buffer.from(edited), 0)
  await file.sync()
  await file.close()
}

const changes = {
  'is deactivated': (policy: ReturnType<typeof nightlyPolicy>) => ({ ...policy, active: false }),
  'is removed': () => undefined,
}

for (const [how, save] of Object.entries({ 'by rename': saveByRename, 'in place': saveInPlace }))
  for (const [what, change] of Object.entries(changes))
    t.test(`a file is saved ${how} at every moment while its policy ${what}: neither is lost`, async (t) => {
      let isSaved = true
      let moments = 0
      for (let moment = 0; isSaved; moment++) {
        isSaved = false
        let operation = -1_000_000
        const before = async (files: Files): Promise<void> => {
          if (operation++ !== moment) return
          isSaved = true
          await save(files)
        }
        const place = site(undefined, (files) => watched(files, before))
        await place.write('web.yaml', web)
        await place.write('other.yaml', printPolicy(nightlyPolicy({ name: 'other' })))
        const { scheduler, policies, reports, stop } = await place.boot()
        await policies.stop()
        const changed = change(nightlyPolicy({ name: 'web' }))
        if (changed === undefined) await scheduler.removePolicy({ name: 'web' })
        else await scheduler.putPolicy({ policy: changed, generation: 1 })
        operation = 0
        await policies.reload()
        operation = -1_000_000
        await policies.reload()
        if (!isSaved) break
        moments += 1
        const names = await place.list()
        const texts = await Promise.all(names.map((name) => place.read(name)))
        const stored = await scheduler.getPolicy({ name: 'web' })
        const at = `saved before operation ${moment}: ${names.join(', ')}`
        t.ok(texts.includes(edited), at)
        t.notOk(
          names.some((name) => name.endsWith('.before') || name.endsWith('.tmp')),
          at,
        )
        if (changed !== undefined) t.equal(stored?.active, false, `${at}: nor is the change`)
        if (stored?.priority !== 7) {
          t.ok(reports.at(-1)?.problems.length, `${at}: it does not count, and that is told`)
          t.equal(stored?.active, changed?.active, at)
        }
        await stop()
      }
      t.ok(moments >= 10, `${moments} moments`)
    })

t.test(
  'an editor that had the file open writes to it after it was replaced: that is kept beside, and told',
  async (t) => {
    const place = site()
    await place.write('web.yaml', web)
    const { scheduler, policies, stop } = await place.boot()
    const late = await place.storage.files.open(path, 'update')
    await scheduler.putPolicy({ policy: nightlyPolicy({ name: 'web', priority: 3 }), generation: 1 })
    await policies.stop()
    await late.write(Buffer.from(edited), 0)
    await late.close()
    const { problems } = await policies.reload()
    t.match(problems, [
      { file: 'web.yaml', message: /what was saved is in web.yaml.edited: put both together/ },
    ])
    t.equal(await place.read('web.yaml.edited'), edited)
    t.match(await place.read('web.yaml'), /priority: 3/)
    t.strictSame(await place.list(), ['web.yaml', 'web.yaml.edited'])
    await stop()
  },
)

t.test(
  'the server dies while a file is set aside: the next start puts it back, and keeps its policy',
  async (t) => {
    const place = site()
    await place.write('web.yaml', web)
    await place.write('other.yaml', printPolicy(nightlyPolicy({ name: 'other' })))
    await (await place.boot()).stop()
    await place.storage.files.rename(path, `${directory}/.web.yaml.before`)
    await place.storage.files.syncDirectory(directory)
    const { scheduler, reports, stop } = await place.boot()
    t.match(await scheduler.getPolicy({ name: 'web' }), { generation: 1 })
    t.strictSame(reports, [])
    t.strictSame(await place.list(), ['other.yaml', 'web.yaml'])
    await stop()
  },
)

t.test('an edit that undoes what was written, by somebody who has seen it, counts', async (t) => {
  const place = site()
  await place.write('web.yaml', web)
  const { scheduler, policies, stop } = await place.boot()
  await scheduler.putPolicy({ policy: nightlyPolicy({ name: 'web', priority: 3 }), generation: 1 })
  await policies.reload()
  await place.clock.advance(60_000)
  await place.write('web.yaml', web)
  t.match(await policies.reload(), { problems: [] })
  t.equal((await scheduler.getPolicy({ name: 'web' }))?.priority, undefined)
  await stop()
})
