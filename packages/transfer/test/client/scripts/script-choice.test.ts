import t from 'tap'
import { scriptFault, scriptNames } from '../../../src/client/scripts/script-choice.ts'

const names = (policy: string, schedule: string): readonly string[] =>
  scriptNames('start', { policy, schedule, scheduleType: 'full' })

t.test('the most specific name comes first', async (t) => {
  t.same(names('daily', 'full'), ['start_notify.daily.full', 'start_notify.daily', 'start_notify'])
  t.same(scriptNames('end', { policy: 'p', schedule: 's', scheduleType: 'full' }).at(-1), 'end_notify')
})

t.test('nobody reaches out of the folder by the name of a policy', async (t) => {
  t.same(names('../../etc/passwd', 'full'), ['start_notify'])
  t.same(names('daily', 'a/b'), ['start_notify.daily', 'start_notify'])
  t.same(names('nul\0', 'x'), ['start_notify'])
  t.same(names('x'.repeat(300), 'full'), ['start_notify'])
  t.same(names('é'.repeat(121), 'x'), ['start_notify.' + 'é'.repeat(121), 'start_notify'].slice(0, 2))
})

t.test('a script that others may change is not run', async (t) => {
  const file = { isFile: true, isDirectory: false, uid: 0, mode: 0o755 }
  const folder = { isFile: false, isDirectory: true, uid: 0, mode: 0o755 }
  t.equal(scriptFault(file, folder, 1000), undefined)
  t.equal(scriptFault({ ...file, uid: 1000, mode: 0o700 }, { ...folder, uid: 1000 }, 1000), undefined)
  const faults: readonly [RegExp, object, object][] = [
    [/^it belongs to user 1001; only root or user 1000/, { uid: 1001 }, {}],
    [/^it can be written by others \(mode 775\)/, { mode: 0o775 }, {}],
    [/^it can be written by others \(mode 757\)/, { mode: 0o757 }, {}],
    [/^it is not executable/, { mode: 0o644 }, {}],
    [/^it is no regular file/, { isFile: false }, {}],
    [/^its folder belongs to user 7/, {}, { uid: 7 }],
    [/^its folder can be written by others \(mode 1777\)/, {}, { mode: 0o1777 }],
    [/^its folder is no directory/, {}, { isDirectory: false }],
  ]
  for (const [fault, ofFile, ofFolder] of faults)
    t.match(scriptFault({ ...file, ...ofFile }, { ...folder, ...ofFolder }, 1000), fault)
})
