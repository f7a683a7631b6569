import type { Catalog, ImageRecord, JobLogLine, Store, StoredPolicy } from '@nb/contracts'
import { toPath } from '@nb/contracts'
import { createPowerLossStorage, createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import {
  type CatalogBackupParts,
  recoveryWriter,
  withRecoveryFiles,
} from '../../host-program/src/catalog-backup/catalog-backup.ts'

const image = {
  ...{ backupId: 'backup1_1767225600', client: 'backup1', jobId: '7', state: 'complete' },
  selections: [toPath('/recovery/snapshot')],
  neededImages: [],
  copies: [
    { copy: 1, mediaServer: 'backup1', storageUnit: 'disk2', fragments: [{ number: 1, streamBytes: 9 }] },
  ],
} as unknown as ImageRecord

/** What completes an image as the job manager does, over files that may refuse. */
function site(files: CatalogBackupParts['files'], completed = image) {
  const lines: JobLogLine[] = []
  const warnings: string[] = []
  const scheduler = {
    policies: async function* () {
      yield { name: 'catalog' } as StoredPolicy
    },
  }
  const commands = { recover: 'recover', start: (folder: string) => `start ${folder}` }
  const parts: CatalogBackupParts = {
    ...{ files, clock: createVirtualClock(), database: {} as Store, commands },
    ...{ imageDirectory: '/state/images', stateDirectory: '/state', directory: '/recovery' },
    log: { append: async (added) => void lines.push(...added.lines) },
    units: async () => ({ unitFolder: '/disk2' }),
  }
  const writer = recoveryWriter(scheduler, parts, (text) => warnings.push(text))
  const inner = { completeImage: () => Promise.resolve(completed) } as unknown as Catalog
  const catalog = withRecoveryFiles(inner, () => writer)
  const complete = () => catalog.completeImage({ backupId: image.backupId, completion: {} as never })
  return { complete, lines, warnings }
}

t.test('a backup of the catalog is complete when its recovery file is there', async (t) => {
  const { files } = createPowerLossStorage()
  const { complete, lines, warnings } = site(files)
  t.equal(await complete(), image)
  const names = [...(await files.list('/recovery'))].sort()
  t.match(names, [/^recovery-.*\.json$/, /^recovery-.*\.txt$/])
  t.match(lines, [{ severity: 'info', text: `the recovery file is /recovery/${names[0]};` }])
  t.same(warnings, [])
})

t.test('a recovery file that can not be written is told in the job, and the image stays', async (t) => {
  const full = (): Promise<never> => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' }))
  const { complete, lines, warnings } = site({ ...createPowerLossStorage().files, makeDirectory: full })
  t.equal(await complete(), image)
  t.match(lines, [{ severity: 'error', text: /^no recovery file could be written after image .*no space/ }])
  t.equal(warnings.length, 1)
})

t.test('other images have none', async (t) => {
  const { files } = createPowerLossStorage()
  const { complete, lines } = site(files, { ...image, selections: [toPath('/data')] })
  await complete()
  t.same(lines, [])
  t.same(await files.list('/recovery'), [])
})
