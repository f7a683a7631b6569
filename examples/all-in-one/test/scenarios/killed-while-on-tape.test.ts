import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { collect, numberSetting, seededRandom } from '@nb/test-kit'
import t from 'tap'
import { scratch, startExample } from '../support/run-example.ts'
import { assertRestores, editTree, settle, snapshotTree } from '../support/site.ts'
import {
  backUpToTape,
  bootOnTape,
  randomFiles,
  startLibrary,
  tapePolicy,
  tgtdMissing,
  urlOf,
} from '../support/tape-site.ts'

const child = fileURLToPath(new URL('../support/tape-child.ts', import.meta.url))
const rounds = process.env['NB_LONG'] === '1' ? 30 : 4
const seed = numberSetting('NB_SEED', 1)

t.setTimeout(rounds * 40_000)

t.test(
  `killed at ${rounds} random moments while it writes to tape (seed ${seed}), our process and the target in turn`,
  { skip: tgtdMissing },
  async (t) => {
    t.comment(`seed ${seed}, ${rounds} kills; the full count is 30 (npm run test:long)`)
    const random = seededRandom(seed)
    const root = scratch('tape-killed')
    const [source, state] = [join(root, 'source'), join(root, 'state')]
    mkdirSync(source)
    randomFiles(join(source, 'bulk'), 4, 1_000_000)
    const library = await startLibrary()
    t.teardown(() => library.remove())
    const snapshots = new Map<string, string>()
    const reported: string[] = []
    let spanMs = 3000
    const during: Record<string, number> = {}

    for (let round = 0; round < rounds; round++) {
      editTree(source, random, round)
      randomFiles(join(source, 'bulk'), 2, 500_000 + round)
      const snapshot = join(root, `snapshot-${round}`)
      snapshotTree(source, snapshot)
      const streams = round % 4 < 2 ? 1 : 2
      const run = startExample([state, urlOf(library), source, String(streams)], child)
      await run.printed(/BOOTED/)
      const booted = Date.now()
      // The first round of all runs to its end, to learn how long one takes.
      if (round > 0) {
        await Promise.race([sleep(Math.floor(random() * spanMs)), run.ended])
        if (round % 2 === 1) run.child.kill('SIGKILL')
        else {
          await library.stop()
          await library.start()
        }
      }
      const { stdout, stderr, signal } = await run.ended
      if (round === 0) spanMs = Date.now() - booted
      const reports = [...stdout.matchAll(/^BACKUP (\d+) (\S+)/gm)]
      for (const [, status, backupId = ''] of reports) if (Number(status) <= 1) reported.push(backupId)
      const who = signal === 'SIGKILL' ? 'process' : round > 0 && round % 2 === 0 ? 'target' : 'nobody'
      const key = `${who} ${reports.length < 2 ? 'cut jobs' : 'cut no job'}`
      during[key] = (during[key] ?? 0) + 1
      if (signal === null && !/ENDED/.test(stdout))
        t.fail(`round ${round} ended by itself: ${stdout}\n${stderr}`)

      const server = await bootOnTape(state, library, { tape: { streamsPerDrive: 2 } })
      await settle(server)
      const complete = (await collect(server.ports.catalog.listImages({}))).map(({ backupId }) => backupId)
      for (const backupId of complete) if (!snapshots.has(backupId)) snapshots.set(backupId, snapshot)
      for (const backupId of reported) t.ok(complete.includes(backupId), `${backupId} is in the catalog`)
      t.same(await collect(server.ports.broker.grants({})), [], 'no lease stays')
      t.same(await collect(server.ports.media.allocations({})), [], 'no allocation stays')
      const everything = round === rounds - 1
      for (const backupId of complete) {
        const wanted = snapshots.get(backupId)
        if (wanted !== undefined && (everything || wanted === snapshot))
          await assertRestores(server, source, backupId, wanted, root)
      }
      const next = await backUpToTape(server, tapePolicy('first', source, 2), 'incr')
      t.equal(next.status, 0, `the next backup: ${next.statusText ?? ''}`)
      snapshots.set(next.backupId as string, snapshot)
      reported.push(next.backupId as string)
      await server.stop()
    }
    t.comment(`${JSON.stringify(during)}; ${snapshots.size} images checked`)
  },
)
