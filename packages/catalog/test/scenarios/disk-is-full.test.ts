import { type Files, toPath } from '@nb/contracts'
import {
  backUp,
  collect,
  createPowerLossStorage,
  newImage,
  sampleList,
  sendBytes,
  sendList,
} from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { openSite } from '../fixture.ts'

const entries = Array.from({ length: 5000 }, (_, number) => ({ path: `/data/${number}` }))

/** Files that refuse writes to paths that match, while they do. */
function filling(inner: Files): { readonly files: Files; full: RegExp | undefined; code: string } {
  const disk: ReturnType<typeof filling> = {
    full: undefined,
    code: 'ENOSPC',
    files: {
      ...inner,
      open: async (path, mode) => {
        const file = await inner.open(path, mode)
        return {
          ...file,
          write: async (data, position) => {
            if (disk.full?.test(path) === true)
              throw Object.assign(new Error(`${disk.code}: write ${path}`), { code: disk.code })
            await file.write(data, position)
          },
        }
      },
    },
  }
  return disk
}

t.test('a full disk refuses what is new, says so, and harms nothing that exists', async (t) => {
  const disk = filling(createPowerLossStorage().files)
  const site = await openSite(disk.files)
  const { catalog } = site
  const { image } = await backUp(site, { entries })
  const intact = async (): Promise<void> => {
    t.same(await collect(catalog.listImages({})), [image])
    t.equal((await collect(catalog.browse({ client: 'web1', path: toPath('/data') }))).length, 5000)
  }
  const full = { name: 'NbError', code: 'disk-full', status: 155, retryable: true }

  disk.full = /header\.json/
  await t.rejects(catalog.createImage(newImage()), full)
  t.same(await collect(catalog.listImages({ states: ['in-progress', 'discarded'] })), [])
  await t.rejects(catalog.expireImage({ backupId: image.backupId }), full)
  await intact()

  disk.full = undefined
  const { backupId } = await catalog.createImage(newImage())
  const list = sampleList(backupId, entries)
  disk.full = /files\.nbf/
  const { ticket } = await catalog.appendFileList({ backupId })
  await t.rejects(sendBytes(site.channels, ticket, list.bytes), { code: 'channel-broken' })
  await t.rejects(catalog.sealFileList({ backupId, totals: list.completion.fileList }), full)

  disk.full = undefined
  await sendList(site, backupId, list)
  for (const path of [/files\.idx/, /header\.json/]) {
    disk.full = path
    await t.rejects(catalog.completeImage({ backupId, completion: list.completion }), full)
    t.equal((await catalog.getImage({ backupId }))?.state, 'in-progress')
    await intact()
  }
  disk.full = undefined
  const complete = await catalog.completeImage({ backupId, completion: list.completion })
  t.same(await collect(catalog.listImages({})), [complete, image])
  await site.restart(new MemoryLevel<string, string>())
  t.same(await collect(site.catalog.listImages({})), [complete, image])
  t.same(
    site.events.filter(([name]) => name === 'image:damaged'),
    [],
  )
  await site.end()
})

t.test('a disk that fails otherwise is told as a failure of the store', async (t) => {
  const disk = filling(createPowerLossStorage().files)
  const site = await openSite(disk.files)
  disk.full = /header/
  disk.code = 'EIO'
  await t.rejects(site.catalog.createImage(newImage()), {
    name: 'NbError',
    code: 'store-failed',
    status: 220,
  })
  await site.end()
})
