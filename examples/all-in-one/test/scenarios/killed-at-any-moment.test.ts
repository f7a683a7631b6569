import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { collect, numberSetting, seededRandom } from '@nb/test-kit'
import t from 'tap'
import { boot } from '../support/boot.ts'
import { scratch, startExample } from '../support/run-example.ts'
import { assertSound, backUp, editTree, settle, snapshotTree } from '../support/site.ts'

const child = fileURLToPath(new URL('../support/crash-child.ts', import.meta.url))
const rounds = process.env['NB_LONG'] === '1' ? 60 : 12
const seed = numberSetting('NB_SEED', 1)

t.setTimeout(rounds * 20_000)

t.test(
  `killed at ${rounds} random moments (seed ${seed}), once exactly between steps 14 and 15`,
  async (t) => {
    t.comment(`seed ${seed}, ${rounds} kills; the full count is 60 (npm run test:long)`)
    const random = seededRandom(seed)
    const root = scratch('killed')
    const [source, state] = [join(root, 'source'), join(root, 'state')]
    mkdirSync(source)
    const snapshots = new Map<string, string>()
    const reported: string[] = []
    const seen = new Set<string>()
    let spanMs = 1500
    const killedWhile: Record<string, number> = {}

    for (let round = 0; round < rounds; round++) {
      editTree(source, random, round)
      const snapshot = join(root, `snapshot-${round}`)
      snapshotTree(source, snapshot)
      const between = round === 3
      const mode = between ? 'between-14-and-15' : random() < 0.2 ? 'full' : 'incr'
      const target = join(root, `target-${round}`)
      const run = startExample([state, source, target, mode], child)
      await run.printed(/BOOTED/)
      const booted = Date.now()
      const delayMs = Math.floor(random() * spanMs)
      // The very first round runs to its end, to learn how long one takes.
      if (round > 0 && !between) setTimeout(() => run.child.kill('SIGKILL'), delayMs)
      const { stdout, stderr, signal } = await run.ended
      if (round === 0) spanMs = Date.now() - booted
      const report = /BACKUP (\d+) (\S+)/.exec(stdout)
      if (report !== null && Number(report[1]) <= 1) reported.push(report[2] as string)
      const phase = /RESTORE/.test(stdout) ? 'after' : report === null ? 'backup' : 'restore'
      if (signal === 'SIGKILL') killedWhile[phase] = (killedWhile[phase] ?? 0) + 1
      else if (round > 0 && !/ENDED/.test(stdout))
        t.fail(`round ${round} ended by itself: ${stdout}\n${stderr}`)
      if (between) t.equal(signal, 'SIGKILL', 'killed itself between 14 and 15')

      const server = await boot(state)
      await settle(server)
      const images = await collect(server.ports.catalog.listImages({}))
      for (const { backupId } of images) {
        if (!seen.has(backupId)) snapshots.set(backupId, snapshot)
        seen.add(backupId)
      }
      if (between) {
        const [newest] = images
        t.equal(newest && snapshots.get(newest.backupId), snapshot, 'the image was completed at the restart')
        const job = newest && (await server.ports.jobs.get({ jobId: newest.jobId }))
        t.match(job, { state: 'done', status: 0 })
      }
      // All images at every fifth round and at the end, else those of this round.
      const everything = round % 5 === 0 || round === rounds - 1
      const wanted = everything
        ? snapshots
        : new Map([...snapshots].filter(([, folder]) => folder === snapshot))
      await assertSound(server, source, { snapshots: wanted, reported, scratch: root })
      t.equal(
        existsSync(target)
          ? (readdirSync(target, { recursive: true }) as string[]).filter((name) => name.includes('.nb-'))
              .length
          : 0,
        0,
        'no half-written file',
      )
      const next = await backUp(server, source)
      if (next.status !== 0)
        t.fail(`round ${round}: the next backup ended with ${next.status}: ${next.statusText}`)
      snapshots.set(next.backupId as string, snapshot)
      seen.add(next.backupId as string)
      reported.push(next.backupId as string)
      await server.stop()
    }
    t.comment(`killed while: ${JSON.stringify(killedWhile)}; ${snapshots.size} images checked`)
    t.ok((killedWhile['backup'] ?? 0) > 0, 'some kills fell into backups')
  },
)
