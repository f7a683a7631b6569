import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { duplicateJobRequest, verifyJobRequest } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { tapeStorageUnit } from '../../src/compose.ts'
import { scratch } from '../support/run-example.ts'
import { restoreTo } from '../support/site.ts'
import { terminalOf } from '../support/terminal.ts'
import {
  backUpToTape,
  bootOnTape,
  randomFiles,
  startLibrary,
  tapePolicy,
  tgtdMissing,
} from '../support/tape-site.ts'
import { logOf, submit, wholeCatalog } from '../support/whole-catalog.ts'

t.setTimeout(120_000)

t.test(
  'a lost catalog is made again from ten tapes alone, with spanned images and an incremental chain',
  { skip: tgtdMissing },
  async (t) => {
    const library = await startLibrary({ drives: 2, slots: 10, tapes: 10, smalls: 10, small_mb: 5 })
    t.teardown(() => library.remove())
    const root = scratch('cupboard')
    const source = join(root, 'source')
    randomFiles(source, 12, 900_000)
    const first = await bootOnTape(join(root, 'first'), library, { tape: { unmountDelayMs: 0 } })
    const policy = tapePolicy('p', source)
    t.equal((await backUpToTape(first, policy)).status, 0)
    writeFileSync(join(source, 'file-1'), 'changed')
    rmSync(join(source, 'file-2'))
    t.equal((await backUpToTape(first, policy, 'incr')).status, 0)
    writeFileSync(join(source, 'file-3'), 'changed too')
    const last = await backUpToTape(first, policy, 'incr')
    t.equal(last.status, 0, last.statusText ?? '')
    const [full] = (await collect(first.ports.catalog.listImages({}))).sort(
      (a, b) => a.backupTime - b.backupTime,
    )
    if (full === undefined) throw new Error('there is no image')
    const on = new Set(full.copies[0]?.fragments.map(({ volumeId = '' }) => volumeId))
    t.ok(on.size >= 3, `the full is on ${[...on].join(', ')}`)

    t.comment('verified, and duplicated from tape to tape')
    const verified = await submit(first, verifyJobRequest(full, { requestId: 'v' }))
    t.equal(verified.status, 0, verified.statusText ?? '')
    t.match(await logOf(first, verified), new RegExp(`on volume ${[...on].join(', ')}`))
    await first.ports.media.putPool({ name: 'second', scratch: false })
    const used = new Set(
      (await collect(first.ports.media.volumes({})))
        .filter(({ assignedAt }) => assignedAt !== undefined)
        .map(({ volumeId }) => volumeId),
    )
    for (const volume of await collect(first.ports.media.volumes({})))
      if (!used.has(volume.volumeId)) await first.ports.media.putVolume({ ...volume, pool: 'second' })
    const storage = { kind: 'unit', name: tapeStorageUnit } as const
    const duplicated = await submit(
      first,
      duplicateJobRequest(full, { requestId: 'd', storage, volumePool: 'second' }),
    )
    t.equal(duplicated.status, 0, duplicated.statusText ?? '')
    const again = await first.ports.catalog.getImage({ backupId: full.backupId })
    if (again === undefined) throw new Error('the image is gone')
    const twice = await submit(first, verifyJobRequest(again, { requestId: 'v2', copy: 2 }))
    t.equal(twice.status, 0, twice.statusText ?? '')
    t.same(await collect(first.ports.media.allocations({})), [], 'all is given back')
    const before = await wholeCatalog(first)
    const volumes = (await collect(first.ports.media.volumes({})))
      .filter(({ assignedAt }) => assignedAt !== undefined)
      .map(({ volumeId }) => volumeId)
    await first.stop()

    t.comment('another server, which knows nothing but the volumes')
    const second = await bootOnTape(join(root, 'second'), library, { tape: { unmountDelayMs: 0 } })
    t.teardown(() => second.stop())
    const { nb, stop: closeTerminal } = await terminalOf(second, join(root, 'second'))
    t.teardown(closeTerminal)
    const missing = again.copies.map(({ fragments }) => fragments[0]?.volumeId ?? '')
    const others = volumes.filter((volumeId) => !missing.includes(volumeId))
    t.match(await nb('import', tapeStorageUnit, '--pool', 'found'), {
      code: 1,
      err: /no volumes of pool found/,
    })
    await second.ports.media.putPool({ name: 'found', scratch: false })
    for (const volume of await collect(second.ports.media.volumes({})))
      if (others.includes(volume.volumeId)) await second.ports.media.putVolume({ ...volume, pool: 'found' })
    const partly = await nb('import', tapeStorageUnit, '--pool', 'found', '--wait')
    t.match(partly, { code: 1, out: /191/ }, 'without the full the incrementals can not be there either')
    const log = await logOf(second, { id: '1' })
    t.match(log, new RegExp(`on volume ${missing[0]}, which is missing here`))
    t.notMatch(log, new RegExp(`volume ${missing[0]} holds`), 'of another pool none was read')
    t.same(await wholeCatalog(second), [], 'nothing of it stays')
    t.match(await nb('import', tapeStorageUnit, '--wait'), { code: 0 }, 'the whole library')
    const [blank] = (await collect(second.ports.media.volumes({}))).flatMap(({ volumeId }) =>
      volumes.includes(volumeId) ? [] : [volumeId],
    )
    t.match(await logOf(second, { id: '2' }), new RegExp(`volume ${blank} is blank`), 'and blank tapes')
    t.same(await wholeCatalog(second), before, 'entry for entry')
    for (const volumeId of volumes) {
      const [volume] = await collect(second.ports.media.volumes({ volumeId }))
      t.match(volume, { state: 'imported' }, volumeId)
    }
    const [one = ''] = others
    t.match(await nb('import', tapeStorageUnit, '--volume', one, '--wait'), { code: 0 })
    t.match(
      await logOf(second, { id: '3' }),
      new RegExp(`volume ${one} holds[^]*\\b0 images brought back, 0 not`),
    )
    const restored = await restoreTo(second, source, last.backupId ?? '', join(root, 'restored'))
    t.equal(restored.status, 0, restored.statusText ?? '')
    t.same(compareTrees(source, join(root, 'restored')), [])
  },
)
