import { replaceFile } from '@nb/contracts'
import t from 'tap'
import { createFaultPlan } from '../src/fault-plan.ts'
import { createPowerLossStorage } from '../src/power-loss.ts'

const bytes = (text: string): Buffer => Buffer.from(text)

t.test('content and names that were not made durable are gone with the power', async (t) => {
  const storage = createPowerLossStorage()
  await storage.files.makeDirectory('/d')
  await storage.files.syncDirectory('/')
  const file = await storage.files.open('/d/a', 'create')
  await file.write(bytes('kept'), 0)
  await file.sync()
  await storage.files.syncDirectory('/d')
  await file.write(bytes('lost'), 4)
  await storage.files.rename('/d/a', '/d/b')
  storage.lose()
  await t.rejects(storage.files.stat('/d/b'), { code: 'EPOWER' })
  storage.restore()
  t.same(await storage.files.list('/d'), ['a'])
  t.same(await storage.files.readFile('/d/a'), bytes('kept'))
  await t.rejects(file.write(bytes('x'), 0), { code: 'EPOWER' }, 'objects from before stay dead')
})

t.test('a renamed file whose content was never synced comes back empty', async (t) => {
  const storage = createPowerLossStorage()
  const file = await storage.files.open('/a.tmp', 'create')
  await file.write(bytes('half'), 0)
  await storage.files.rename('/a.tmp', '/a')
  await storage.files.syncDirectory('/')
  storage.lose()
  storage.restore()
  t.same(await storage.files.readFile('/a'), bytes(''))
})

t.test('replaceFile survives a loss at every one of its operations: old or new, never a mix', async (t) => {
  const reference = createPowerLossStorage()
  await replaceFile(reference.files, '/h', bytes('old'))
  const before = reference.operations
  await replaceFile(reference.files, '/h', bytes('new'))
  const span = reference.operations - before
  t.ok(span >= 5, `${span} operations`)
  for (let seed = 0; seed < 20; seed++) {
    for (let at = 1; at <= span; at++) {
      const faults = createFaultPlan([{ point: '*', occurrence: before + at }])
      const storage = createPowerLossStorage({ faults, seed })
      await replaceFile(storage.files, '/h', bytes('old'))
      await t.rejects(replaceFile(storage.files, '/h', bytes('new')), { code: 'EPOWER' })
      faults.assertAllHit()
      storage.restore()
      const content = (await storage.files.readFile('/h'))?.toString()
      if (content !== 'old' && content !== 'new') t.fail(`seed ${seed}, operation ${at}: ${content}`)
    }
  }
})

t.test('a database keeps what was synced, and everything before it', async (t) => {
  const storage = createPowerLossStorage()
  const database = storage.database('main')
  const jobs = database.sublevel<string, { n: number }>('jobs', { valueEncoding: 'json' })
  await jobs.put('1', { n: 1 })
  await database.batch([{ type: 'put', sublevel: jobs, key: '2', value: { n: 2 } }], { sync: true } as object)
  await jobs.put('3', { n: 3 })
  storage.lose()
  await t.rejects(jobs.put('4', { n: 4 }), { code: 'EPOWER' })
  storage.restore()
  const again = storage.database('main').sublevel<string, { n: number }>('jobs', { valueEncoding: 'json' })
  t.same(await again.keys().all(), ['1', '2'])
  t.same(await again.get('2'), { n: 2 })
})

t.test('a planned fault that was not hit fails', async (t) => {
  const faults = createFaultPlan([{ point: 'rename', occurrence: 2 }])
  t.equal(faults.hit('rename'), false)
  t.throws(() => faults.assertAllHit(), /rename #2 \(passed 1 times\)/)
  t.equal(faults.hit('rename'), true)
  faults.assertAllHit()
})
