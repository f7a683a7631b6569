import { type Policy, type Schedule, toPath } from '@nb/contracts'
import { nightlyPolicy } from '@nb/test-kit'
import t from 'tap'
import { checkPolicy } from '../src/check-policy.ts'

const schedule: Schedule = {
  ...{ name: 'full', type: 'full', frequencyMs: 86_400_000, windows: [], retentionLevel: 1 },
}
const row = <Item>(count: number, item: (index: number) => Item): readonly Item[] =>
  Array.from({ length: count }, (_, index) => item(index))
const schedules = (count: number): readonly Schedule[] =>
  row(count, (index) => ({ ...schedule, name: `s${index}` }))

t.test('a policy has as many of each as anybody may mean, and no more', async (t) => {
  const dates = (count: number): Partial<Policy> => ({
    schedules: [{ ...schedule, exclude: { dates: row(count, () => '2026-12-25') } }],
  })
  const window = { weekday: 0, startSeconds: 0, durationSeconds: 1 }
  const windows = (count: number): Partial<Policy> => ({
    schedules: [{ ...schedule, windows: row(count, () => window) }],
  })
  const of: Readonly<Record<string, readonly [most: number, (count: number) => Partial<Policy>]>> = {
    clients: [10_000, (count) => ({ clients: row(count, (index) => `web${index}`) })],
    selections: [10_000, (count) => ({ selections: row(count, (index) => toPath(`/srv/${index}`)) })],
    include: [10_000, (count) => ({ include: row(count, () => '*.log') })],
    exclude: [10_000, (count) => ({ exclude: row(count, () => '*.log') })],
    schedules: [1000, (count) => ({ schedules: schedules(count) })],
    'schedules[0].windows': [1000, windows],
    'schedules[0].exclude.dates': [10_000, dates],
  }
  for (const [field, [most, changes]] of Object.entries(of)) {
    checkPolicy(nightlyPolicy(changes(most)))
    t.throws(() => checkPolicy(nightlyPolicy(changes(most + 1))), {
      ...{ code: 'argument-invalid', details: { field } },
      message: new RegExp(`at most ${most}, not ${most + 1}`),
    })
  }
  t.throws(() => checkPolicy(nightlyPolicy({ exclude: ['x'.repeat(4097)] })), {
    message: /exclude\[0\] must be at most 4096 characters, not 4097/,
  })
  t.throws(() => checkPolicy(nightlyPolicy({ schedules: [...schedules(999), schedule, schedule] })), {
    message: /schedules must be at most 1000, not 1001/,
  })
  t.throws(() => checkPolicy(nightlyPolicy({ schedules: [schedule, schedule] })), {
    message: /names twice "full"/,
  })
})
