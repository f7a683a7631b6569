import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type ChannelListener,
  type JobLogLine,
  type RunResult,
  readChannel,
  systemClock,
  toPath,
} from '@nb/contracts'
import { createLocalChannels } from '@nb/remote'
import { createVirtualClock } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { createClientAgent } from '../../../src/index.ts'
import { freshDirectory } from '../fresh-directory.ts'

const names = { policy: 'daily', schedule: 'full', scheduleType: 'full' } as const

/** A client with one file and a folder of scripts. */
function site(t: Test, { clock = systemClock() } = {}) {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  const scripts = join(directory, 'scripts')
  mkdirSync(source)
  mkdirSync(scripts, { mode: 0o755 })
  writeFileSync(join(source, 'file'), 'content')
  const channels = createLocalChannels({ clock: systemClock() })
  const lines: JobLogLine[] = []
  const waiting: { readonly text: RegExp; readonly resolve: () => void }[] = []
  const log = {
    append: async (input: { readonly lines: readonly JobLogLine[] }): Promise<void> => {
      lines.push(...input.lines)
      for (const { text, resolve } of waiting) if (lines.some((line) => text.test(line.text))) resolve()
    },
  }
  const agent = createClientAgent({ channels, clock, log }, { scripts: { directory: scripts } })
  t.teardown(() => agent.stop())
  const drain = async (listener: ChannelListener): Promise<number> => {
    let bytes = 0
    try {
      for await (const chunk of readChannel(await listener.accept())) bytes += chunk.length
    } catch {
      // A run that failed breaks its channels.
    }
    return bytes
  }
  return {
    directory,
    source,
    agent,
    lines,
    texts: () => lines.map(({ text }) => text),
    said: (text: RegExp): Promise<void> =>
      new Promise((resolve) => {
        waiting.push({ text, resolve })
        if (lines.some((line) => text.test(line.text))) resolve()
      }),
    script: (name: string, body: string, mode = 0o755): void => {
      writeFileSync(join(scripts, name), `#!/bin/sh\n${body}\n`)
      chmodSync(join(scripts, name), mode)
    },
    begin: async (roots = [source]) => {
      const [data, metadata] = [await channels.listen(), await channels.listen()]
      const bytes = Promise.all([drain(data), drain(metadata)])
      const { runId } = await agent.startBackup({
        jobId: '7',
        backupId: 'web_1_1767225600',
        names,
        walk: { roots: roots.map(toPath), exclude: [], include: [], crossMountPoints: false },
        data: data.ticket,
        metadata: metadata.ticket,
      })
      const result = agent.waitRun({ runId }).then(async (ended): Promise<RunResult> => {
        await Promise.all([data.close(), metadata.close()])
        return ended
      })
      return { runId, result, bytes }
    },
  }
}

t.test('both scripts run, around the reading, and know which backup it is', async (t) => {
  const { directory, script, begin, texts } = site(t)
  script(
    'start_notify',
    `echo "start: $* $NB_JOB_ID $NB_STATUS"; echo before > ${directory}/source/made-by-start`,
  )
  script('end_notify', 'echo "end: $* $NB_BACKUP_ID $NB_CLIENT $NB_STATUS"')
  const { result } = await begin()
  const { status, sent } = await result
  t.equal(status, 0)
  t.equal(sent?.counts.entries, 3, 'what the start script made is in the backup')
  const told = texts().filter((text) => /script: |^read /.test(text))
  t.match(told, [
    /^start script: start: web_1 daily full full 7 $/,
    /^read 3 entries/,
    /^end script: end: web_1 daily full full 0 web_1_1767225600 web_1 0$/,
  ])
})

t.test('the most specific script runs, and no other', async (t) => {
  const { script, begin, texts } = site(t)
  script('start_notify', 'echo general')
  script('start_notify.daily', 'echo of the policy')
  script('start_notify.daily.full', 'echo of the schedule')
  script('end_notify.weekly', 'echo of another')
  await (
    await begin()
  ).result
  t.same(
    texts().filter((text) => text.includes('script: ')),
    ['start script: of the schedule'],
  )
})

t.test('start script fails and nothing is read', async (t) => {
  const { script, begin, texts, directory } = site(t)
  script('start_notify', 'echo "the database does not answer" >&2; exit 9')
  script('end_notify', `touch ${directory}/ended`)
  const { result, bytes } = await begin()
  const { status, error } = await result
  t.equal(status, 73)
  t.match(error, { code: 'start-notify-failed', message: /ended with exit status 9; nothing was read/ })
  t.same(await bytes, [0, 0])
  t.ok(texts().includes('start script: the database does not answer'))
  t.notOk(existsSync(join(directory, 'ended')), 'what did not begin has no end')
})

t.test('start script hangs: 74 after five minutes, and nothing is read', async (t) => {
  const clock = createVirtualClock()
  const { script, begin, said, agent } = site(t, { clock })
  script('start_notify', 'echo waiting; sleep 1000')
  const { result, bytes, runId } = await begin()
  await said(/script: waiting/)
  const signs: (number | undefined)[] = []
  const watching = (async () => {
    for await (const { scriptMs } of agent.progress({ runId })) signs.push(scriptMs)
  })()
  await clock.advance(299_999)
  await clock.advance(1)
  await clock.advance(2000)
  const { status, error } = await result
  t.equal(status, 74)
  t.match(error, { code: 'start-notify-timeout', message: /longer than 300 seconds/ })
  t.same(await bytes, [0, 0])
  await watching
  t.ok((signs.at(-1) ?? 0) >= 290_000, 'all the while the media server saw that something goes on')
})

t.test('end script fails: the backup is good, with a warning', async (t) => {
  const { script, begin, lines } = site(t)
  script('end_notify', 'exit 4')
  const { status, warnings, sent } = await (await begin()).result
  t.same([status, warnings, sent?.counts.warnings], [1, 1, 0])
  const [warning] = lines.filter(({ severity }) => severity === 'warning')
  t.match(
    warning?.text,
    /end_notify ended with exit status 4 \(status 77: a script of the user ended with an error\)/,
  )
})

t.test('end script hangs: 75', async (t) => {
  const clock = createVirtualClock()
  const { script, begin, said } = site(t, { clock })
  script('end_notify', 'echo waiting; sleep 1000')
  const { result } = await begin()
  await said(/script: waiting/)
  await clock.advance(300_000)
  await clock.advance(2000)
  t.match(await result, { status: 75, error: { code: 'end-notify-timeout' } })
})

t.test('a script that others may write to is not run', async (t) => {
  const { script, begin, lines } = site(t)
  script('start_notify', 'exit 0', 0o777)
  t.match(await (await begin()).result, {
    status: 73,
    error: { code: 'start-notify-failed', message: /start_notify is not run: it can be written by others/ },
  })
  script('start_notify', 'exit 0')
  script('end_notify', 'exit 0', 0o666)
  t.equal((await (await begin()).result).status, 1)
  t.match(lines.at(-1)?.text, /end_notify is not run: it can be written by others .*77/)
})

t.test('a backup that failed has its end too, with its status, beside its result', async (t) => {
  const { script, begin, said, directory, texts } = site(t)
  script('start_notify', 'exit 0')
  script('end_notify', 'echo "ended with $NB_STATUS"')
  t.equal((await (await begin([join(directory, 'nowhere')])).result).status, 71)
  await said(/ended with/)
  t.equal(texts().at(-1), 'end script: ended with 71')
})

t.test('a cancel while the start script runs ends it, and nothing is read', async (t) => {
  const { script, begin, said, agent, directory } = site(t)
  script('start_notify', `echo waiting; sleep 1000 && touch ${directory}/finished`)
  script('end_notify', `touch ${directory}/ended`)
  const { result, bytes, runId } = await begin()
  await said(/script: waiting/)
  await agent.abortRun({ runId, reason: 'cancelled' })
  t.match(await result, { status: 63, error: { message: /cancelled/ } })
  t.same(await bytes, [0, 0])
  t.notOk(existsSync(join(directory, 'ended')))
})

t.test('a stop of the agent ends the end script of a failed backup', async (t) => {
  const { script, begin, said, agent, directory } = site(t)
  script('end_notify', 'echo waiting; sleep 1000')
  t.equal((await (await begin([join(directory, 'nowhere')])).result).status, 71)
  await said(/script: waiting/)
  await agent.stop()
  await said(/its end script was ended/)
})
