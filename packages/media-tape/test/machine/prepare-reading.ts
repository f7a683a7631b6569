import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FragmentRecord, type Job, type Policy, systemClock } from '@nb/contracts'
import { openTapeLibrary } from '@nb/media-tape'
import {
  backUpToTape,
  begin,
  bootOnTape,
  tapePolicy,
} from '../../../../examples/all-in-one/test/support/tape-site.ts'

// Has the example server back up to two tapes for the story `reading`, and leaves them in the drives: prepare-reading.ts URL SHARE. What each image holds
// stands in SHARE/source/IMAGE afterwards, and in SHARE/images where it is: lines of its name, its volume's drive (0 or 1), tape file and stream
// number (two digits, - without one), a line for each fragment; SHARE/origin is the path of SHARE/source when it was backed up.

const [url = '', share = ''] = process.argv.slice(2)
const mib = 2 ** 20

/** Some files, of sizes around those of blocks; the policy that backs them up. */
function source(name: string, sizes: readonly number[], streams = 1): Policy {
  const folder = join(share, 'source', name)
  mkdirSync(folder, { recursive: true })
  for (const [index, sizeBytes] of sizes.entries()) {
    const path = join(folder, `${name}-${index}`)
    // Half of it can be compressed.
    writeFileSync(
      path,
      Buffer.concat([randomBytes(sizeBytes - (sizeBytes >> 1)), Buffer.alloc(sizeBytes >> 1)]),
    )
    chmodSync(path, 0o640 + (index % 8))
    utimesSync(path, 1_700_000_000 + index, 1_700_000_000 + index)
  }
  return tapePolicy(name, folder, streams)
}

const server = await bootOnTape(
  join(share, 'state'),
  { url },
  { tape: { streamsPerDrive: 3, unmountDelayMs: 0 } },
  100 * mib,
)
const { jobs, catalog, media } = server.ports
// One drive, so that all goes to one volume until that is full, and jobs share it.
await media.setDriveState({ name: 'drive2', state: 'down' })

const where: string[] = []
const volumes: string[] = []
async function note(job: Job): Promise<readonly FragmentRecord[]> {
  if (job.status !== 0) throw new Error(`job ${job.id}: ${job.statusText ?? `status ${job.status}`}`)
  const { copies, policy } = (await catalog.getImage({ backupId: job.backupId ?? '' })) ?? {}
  const fragments = copies?.[0]?.fragments ?? []
  for (const { volumeId = '', filemark, stream } of fragments) {
    if (!volumes.includes(volumeId)) volumes.push(volumeId)
    const number = stream === undefined ? '-' : String(stream).padStart(2, '0')
    where.push(`${policy} ${volumes.indexOf(volumeId)} ${filemark} ${number}`)
  }
  return fragments
}

await note(await backUpToTape(server, source('plain', [1000, 270_000, 900_000, 33, 0, 262_144])))
const sharing = [
  source('one', [1_000_000], 3),
  source('two', [700_000, 12, 333_333], 3),
  source('three', [600_000], 3),
]
const together = await Promise.all(sharing.map((policy) => begin(server, policy)))
const shared = await Promise.all(together.map((jobId) => jobs.wait({ jobId })))
for (const job of shared) {
  const fragments = await note(job)
  if (fragments.some(({ stream }) => stream === undefined))
    throw new Error('the jobs do not share a tape file')
}
const packed = source('packed', [400_000, 100, 2_000_000])
await note(await backUpToTape(server, { ...packed, compression: 'gzip' }))
const spanned = await note(await backUpToTape(server, source('spanned', [100, 9_000_000, 6_000_000, 7])))
if (spanned.length < 2 || volumes.length !== 2)
  throw new Error(`the spanned image has ${spanned.length} fragments on ${volumes.join(', ')}`)
await server.stop()
writeFileSync(join(share, 'images'), `${where.join('\n')}\n`)
writeFileSync(join(share, 'origin'), join(share, 'source'))

// The volumes in the drives, the first one in the first.
const library = await openTapeLibrary(
  { clock: systemClock() },
  { library: url, initiatorName: 'iqn.2026-11.example.nb:writer' },
)
const { robot } = library.robot
for (const [index, volumeId] of volumes.entries()) {
  const from = (await robot.inventory()).find(({ barcode }) => barcode?.startsWith(volumeId) === true)?.place
  if (from === undefined) throw new Error(`${volumeId} is not in the library`)
  await robot.move({ from, to: { kind: 'drive', number: index + 1 } })
  await library.drives[index]?.drive.load()
}
await library.close()
