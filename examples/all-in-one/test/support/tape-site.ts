import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Job, type Policy, systemClock, toPath } from '@nb/contracts'
import { openTape } from '@nb/example-host-program/tape'
import { readLibraryAccess } from '@nb/media-tape'
import { startTgtd, tgtdMissing, type TgtdLibrary } from '../../../../packages/media-tape/test/tgtd/tgtd.ts'
import { type AllInOne, clientName, tapeStorageUnit } from '../../src/compose.ts'
import type { ServerSettings } from '../../src/settings.ts'
import { boot, type BootedServer } from './boot.ts'

export { tgtdMissing }

/** The name that tgtd's drives have by themselves, by which their quirks are known. */
const model = { vendor: 'IET', product: 'VIRTUAL-TAPE' }

/** A library of tgtd with two drives, whose last volumes are small ones. */
export function startLibrary(options: Readonly<Record<string, string | number>> = {}): Promise<TgtdLibrary> {
  return startTgtd({ tapes: 8, tape_mb: 256, ...model, ...options })
}

/** What `--tape` takes. */
export const urlOf = ({ portal, target }: TgtdLibrary): string =>
  `iscsi://${portal.host}:${portal.port}/${target}`

/** Settings of which the library says its place itself. */
export type SettingsOnTape = Omit<ServerSettings, 'tape'> & {
  readonly tape?: Partial<ServerSettings['tape']>
}

/** Starts a server of this process on a library. Fragments are at most 1 MiB unless said. */
export async function bootOnTape(
  state: string,
  library: TgtdLibrary | { readonly url: string },
  settings: SettingsOnTape = {},
  maxFragmentBytes?: number,
): Promise<BootedServer> {
  const tape = {
    unmountDelayMs: 60_000,
    recoveryIntervalMs: 1000,
    ...settings.tape,
    access: readLibraryAccess({
      library: 'url' in library ? library.url : urlOf(library),
      environment: {},
    }),
  }
  return await boot(state, {
    tape: await openTape(tape, systemClock()),
    settings: { tries: 1, maxJobsPerClient: 10, ...settings, tape },
    ...(maxFragmentBytes === undefined ? {} : { maxFragmentBytes }),
  })
}

/** A policy on tape that only runs by hand. */
export function tapePolicy(name: string, source: string, streams = 1): Policy {
  const day = 86_400_000
  const multiplexing = streams === 1 ? {} : { multiplexing: streams }
  return {
    name,
    active: true,
    clients: [clientName],
    selections: [toPath(source)],
    storage: { kind: 'unit', name: tapeStorageUnit },
    schedules: [
      { name: 'full', type: 'full', frequencyMs: 7 * day, windows: [], retentionLevel: 3, ...multiplexing },
      {
        name: 'incr',
        type: 'differential',
        frequencyMs: day,
        windows: [],
        retentionLevel: 3,
        ...multiplexing,
      },
    ],
  }
}

/** Starts a backup by hand; the policy is stored before. */
export async function begin(
  { ports: { scheduler } }: AllInOne,
  policy: Policy,
  schedule: 'full' | 'incr' = 'full',
): Promise<string> {
  if ((await scheduler.getPolicy({ name: policy.name })) === undefined) await scheduler.putPolicy({ policy })
  const { jobIds } = await scheduler.runNow({ policy: policy.name, schedule })
  return jobIds[0] as string
}

/** Runs a backup by hand to its end. */
export async function backUpToTape(
  server: AllInOne,
  policy: Policy,
  schedule: 'full' | 'incr' = 'full',
): Promise<Job> {
  return await server.ports.jobs.wait({ jobId: await begin(server, policy, schedule) })
}

/** A folder with files of random bytes. */
export function randomFiles(folder: string, files: number, bytes: number): void {
  mkdirSync(folder, { recursive: true })
  for (let file = 0; file < files; file++) writeFileSync(join(folder, `file-${file}`), randomBytes(bytes))
}
