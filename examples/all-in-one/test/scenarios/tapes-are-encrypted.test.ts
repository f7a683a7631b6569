import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock, systemFiles } from '@nb/contracts'
import {
  createTapeEmulator,
  memoryCartridges,
  openTapeKeyFile,
  type TapeEmulatorOptions,
} from '@nb/media-tape'
import { collect } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { bootEmulated } from '../support/emulated-library.ts'
import { scratch } from '../support/run-example.ts'
import { restoreTo } from '../support/site.ts'
import { backUpToTape, randomFiles, tapePolicy } from '../support/tape-site.ts'

t.setTimeout(120_000)
// A server has a socket that keeps its process alive while all that it has is timers.
const alive = setInterval(() => {}, 2 ** 30)
t.teardown(() => clearInterval(alive))

const pool = 'ENCR_offsite'
const volumes = ['A00001L8', 'A00002L8', 'A00003L8']

/** A server on an emulated library of three small volumes, all in a scratch pool; an encrypted pool takes from it. */
async function site(t: Test, options: Partial<TapeEmulatorOptions> = {}) {
  const root = scratch('encrypted')
  const source = join(root, 'source')
  randomFiles(source, 6, 700_000)
  const keyFile = join(root, 'keys.json')
  const keys = openTapeKeyFile({ files: systemFiles() }, { path: keyFile })
  const cartridges = memoryCartridges()
  const library = createTapeEmulator(
    { clock: systemClock(), store: cartridges },
    { slots: 4, drives: 1, capacityBytes: 5 << 20, earlyWarningBytes: 2 << 20, volumes, ...options },
  )
  await library.start()
  const settings = { tries: 1, tape: { keyFile } }
  const boot = async () => {
    const server = await bootEmulated(join(root, 'state'), library, settings)
    t.teardown(() => server.stop())
    return server
  }
  const server = await boot()
  await server.ports.media.putPool({ name: 'NetBackup', scratch: true })
  await server.ports.media.putPool({ name: pool, scratch: false })
  return {
    root,
    source,
    keys,
    keyFile,
    cartridges,
    server,
    policy: { ...tapePolicy('p', source), volumePool: pool },
  }
}

t.test('a backup to an encrypted pool goes over two volumes, and is restored equal', async (t) => {
  const { root, source, keys, cartridges, server, policy } = await site(t)
  await keys.add({ label: 'offsite 2026' })
  const job = await backUpToTape(server, policy)
  t.equal(job.status, 0, job.statusText ?? '')
  const { backupId = '' } = job
  const target = join(root, 'restored')
  const restore = await restoreTo(server, source, backupId, target)
  t.equal(restore.status, 0, restore.statusText ?? '')
  t.same(compareTrees(source, target), [])

  const texts = async (jobId: string) =>
    (await collect(server.ports.jobs.log({ jobId }))).map(({ text }) => text)
  for (const { id } of [job, restore])
    t.ok(
      (await texts(id)).some((text) =>
        /^drive drive1 encrypts volume A0000. with the key "offsite 2026"/.test(text),
      ),
    )
  const parts = [0, 1, 2, 3, 4, 5].map((file) =>
    readFileSync(join(source, `file-${file}`)).subarray(5000, 5032),
  )
  const { key } = (await keys.active()) ?? { key: Buffer.alloc(1) }
  let encrypted = 0
  for (const name of volumes) {
    const cartridge = await cartridges.open(name)
    for (let at = 0; at < cartridge.index.objects; at++) {
      const bytes = Buffer.from((await cartridge.read(at)) ?? [])
      if (cartridge.index.isEncrypted(at)) encrypted += 1
      for (const secret of [...parts, Buffer.from(key), Buffer.from('file-3')])
        if (bytes.includes(secret)) t.fail(`object ${at} of ${name} shows what is secret`)
    }
  }
  t.ok(encrypted > 16, `${encrypted} encrypted blocks`)
})

t.test('without its key a restore ends with the name of the key, and with it goes well', async (t) => {
  const { root, source, keys, keyFile, server, policy } = await site(t, { capacityBytes: 16 << 20 })
  const without = await backUpToTape(server, policy)
  t.match(without, {
    status: 83,
    statusText: /Pool ENCR_offsite is encrypted, and this media server has no active key/,
  })
  await keys.add({ label: 'first' })
  const job = await backUpToTape(server, policy)
  t.equal(job.status, 0, job.statusText ?? '')
  const files = systemFiles()
  await files.rename(keyFile, `${keyFile}.away`)
  await keys.add({ label: 'second' })
  const failed = await restoreTo(server, source, job.backupId ?? '', join(root, 'none'))
  t.not(failed.status, 0)
  const told = [
    failed.statusText ?? '',
    ...(await collect(server.ports.jobs.log({ jobId: failed.id }))).map(({ text }) => text),
  ]
  t.match(
    told.join('\n'),
    /is encrypted with the key "first", which this media server does not have: add it to its key file/,
  )
  await files.rename(`${keyFile}.away`, keyFile)
  const restored = await restoreTo(server, source, job.backupId ?? '', join(root, 'all'))
  t.equal(restored.status, 0, restored.statusText ?? '')
  t.same(compareTrees(source, join(root, 'all')), [])
})

t.test('a library whose drives do not encrypt gets nothing of an encrypted pool', async (t) => {
  const lacks = ['security-protocol-in', 'security-protocol-out'] as const
  const { keys, cartridges, server, policy } = await site(t, { lacks })
  await keys.add({ label: 'first' })
  const job = await backUpToTape(server, policy)
  t.match(job, { status: 228, statusText: /drive drive1 does not encrypt: nothing was written/ })
  for (const name of volumes) t.equal((await cartridges.open(name)).index.objects, 0)
})
