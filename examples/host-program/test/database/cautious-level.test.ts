import { join } from 'node:path'
import type { NbError } from '@nb/contracts'
import t from 'tap'
import { CautiousLevel } from '../../src/database/cautious-level.ts'
import { scratch } from '../../../all-in-one/test/support/run-example.ts'
import { mountSmallDisk } from '../../../all-in-one/test/support/small-disk.ts'

t.test('what is acknowledged around a full disk is there after the next start', async (t) => {
  const disk = mountSmallDisk(join(scratch('cautious'), 'disk'), 1)
  if (typeof disk === 'string') return t.comment(`SKIPPED: ${disk}`)
  t.teardown(() => disk.unmount())
  const location = join(disk.directory, 'database')
  const failures: NbError[] = []
  const database = new CautiousLevel(location, (error) => failures.push(error))
  await database.open()
  const jobs = database.sublevel('jobs')
  const acknowledged: string[] = []
  const put = async (key: string): Promise<void> => {
    await jobs.batch([{ type: 'put', key, value: key.repeat(200) }], { sync: true } as object)
    acknowledged.push(key)
  }
  for (let at = 0; at < 10; at++) await put(`before-${at}`)
  disk.fill()
  const untilFull = async (): Promise<void> => {
    for (let at = 0; at < 100; at++) await put(`until-full-${at}`)
  }
  await t.rejects(untilFull(), { code: 'disk-full', status: 155, message: /takes no further writes/ })
  disk.free()
  await t.rejects(put('after'), { code: 'disk-full' }, 'not even now that there is room')
  await t.rejects(jobs.put('a', 'b'), { code: 'disk-full' })
  await t.rejects(jobs.del('a'), { code: 'disk-full' })
  await t.rejects(jobs.clear(), { code: 'disk-full' })
  await t.rejects(database.batch().put('a', 'b').write(), { code: 'disk-full' })
  t.equal(failures.length, 1, 'told once')
  await database.close()

  const again = new CautiousLevel(location, (error) => failures.push(error))
  await again.open()
  t.same(await again.sublevel('jobs').keys().all(), [...acknowledged].sort())
  await again.batch().put('a', 'b').write()
  t.equal(await again.get('a'), 'b')
  await again.close()
  t.equal(failures.length, 1)
})
