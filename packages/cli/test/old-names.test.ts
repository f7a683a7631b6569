import type { Command } from 'commander'
import t from 'tap'
import { oldName, oldNames } from '../src/old-names.ts'
import { asMeant } from '../src/other-spellings.ts'
import { createProgram } from '../src/program.ts'
import { suggest } from '../src/suggest.ts'
import { runIn } from './in-memory-server.ts'

const nb = (...args: string[]) => runIn({}, args)
const never = () => Promise.reject(new Error('nothing runs here'))
const program = createProgram({
  ...{ cwd: '/', env: {}, version: '0', run: never, runAlone: never, askQuietly: async () => undefined },
})

t.test('what stands for an old name is there, with its options', async (t) => {
  for (const { name, now, note } of oldNames) {
    t.ok(now.length > 0 || note !== undefined, `${name} is explained`)
    for (const line of now) {
      const words = line.replace(/^nb /, '').split(/[ [\]]+/)
      let command: Command = program
      for (const word of words) command = command.commands.find((each) => each.name() === word) ?? command
      const path = words.slice(0, command.parent === program ? 1 : 2).at(-1)
      t.equal(command.name(), path, `${name}: ${line}`)
      for (const option of words.filter((word) => word.startsWith('--')))
        t.ok(
          command.options.some(({ long }) => long === option),
          `${name}: ${line}: ${option}`,
        )
    }
  }
  t.equal(new Set(oldNames.map(({ name }) => name)).size, oldNames.length, 'each once')
})

t.test('nb help tells what does here what an old command did', async (t) => {
  t.match(await nb('help', 'bpbackup'), {
    code: 0,
    out: /^bpbackup: start backups\. Here:\n {2}nb backup POLICY/,
  })
  t.match(await nb('help', '/usr/openv/netbackup/bin/admincmd/bpdbjobs'), { code: 0, out: /nb jobs/ })
  t.match(await nb('--json', 'help', 'bpps'), { code: 0, out: /^\{"name":"bpps",.*systemctl/ })
  t.match(await nb('help', 'old-names'), {
    code: 0,
    out: /^OLD NAME .*\navailable_media .*nb volumes, nb pools/,
  })
  t.equal(oldName('BPBACKUP.EXE'), undefined)
  t.equal(oldName('bpbackup.exe')?.name, 'bpbackup')
})

t.test('an old name that is typed as a command, and what is mistyped, are told what was meant', async (t) => {
  t.match(await nb('bpdbjobs', '-report'), {
    code: 2,
    err: /^nb: unknown command 'bpdbjobs'\n\(nb help bpdbjobs tells/,
  })
  t.match(await nb('bpbakup'), { code: 2, err: /\(Did you mean nb help bpbackup\?\)/ })
  t.match(await nb('jbos'), { code: 2, err: /\(Did you mean jobs\?\)/ })
  t.match(await nb('help', 'bprestor'), { code: 2, err: /\(Did you mean nb help bprestore\?\)/ })
  t.match(await nb('policy', 'shwo'), { code: 2, err: /\(Did you mean show\?\)/ })
  t.match(await nb('--json', 'jbos'), { code: 2, err: /^\{"error":\{"code":"argument-invalid".*\}\n$/ })
  t.same(suggest('xyz', ['jobs', 'job']), [])
  t.same(suggest('job', ['jobs', 'jab']), ['jab', 'jobs'])
})

t.test('commands are understood as people write them', async (t) => {
  for (const [typed, meant] of [
    ['images verify x', 'verify x'],
    ['images list', 'images'],
    ['images duplicate x --to disk2', 'duplicate x --to disk2'],
    ['jobs cancel 3', 'cancel 3'],
    ['jobs show 3', 'job 3'],
    ['drives up drive0', 'drive up drive0'],
    ['media', 'volumes'],
    ['media freeze A00001', 'volume freeze A00001'],
    ['policies import a.yaml', 'policy import a.yaml'],
    ['policy list', 'policies'],
    ['host list', 'hosts'],
    ['--master m:1 robots inventory r', '--master m:1 robot inventory r'],
    ['storage add disk1', 'storage add disk1'],
    ['list /list', 'list /list'],
    ['volumes A00001', 'volumes A00001'],
    ['--version', '--version'],
  ] as const)
    t.equal(asMeant(program, typed.split(' ')).join(' '), meant, typed)
})
