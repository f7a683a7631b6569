import { randomUUID } from 'node:crypto'
import type { CallOptions, Path, RestoreRequest } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { chooseClient } from '../choose-client.ts'
import type { ExitCode } from '../exit-code.ts'
import { UsageError } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'
import { displayPath } from '@nb/contracts'
import { formatBytes, formatCount, formatCounted } from '../units.ts'
import { tellStarted } from './backup.ts'

/** Options of `nb restore`. */
export interface RestoreOptions extends CallOptions {
  /** Files and directories, absolute, as they were backed up. */
  readonly paths: readonly Path[]
  /** Whose backup. @default the only client there is, or this host */
  readonly client?: string
  /** Who receives the files. @default the client that was backed up */
  readonly toClient?: string
  /** As it was then, milliseconds since the epoch. @default now */
  readonly at?: number
  /** The image to restore from. @default the newest at the time */
  readonly image?: string
  readonly policy?: string
  /** Where to. @default where the files came from */
  readonly to?: Path
  /** Taken off the front of every path; only with `to`. */
  readonly strip?: Path
  /** @default 'fail' */
  readonly ifExists?: RestoreRequest['ifExists']
  /** Only tell what would be read and written. @default false */
  readonly preview?: boolean
  /** Wait until the job has ended. @default false */
  readonly wait?: boolean
}

/**
 * `nb restore PATH...`: brings files and directories back. Rejects with `no-image-matches`, `path-not-backed-up` and
 * `argument-invalid` before there is a job; what fails later is the job's status.
 */
export async function restoreCommand(
  { restores, jobs, catalog }: Pick<Ports, 'restores' | 'jobs' | 'catalog'>,
  options: RestoreOptions,
  output: Output,
): Promise<ExitCode> {
  const call = options.signal === undefined ? {} : { signal: options.signal }
  const request = requestOf(options, await chooseClient(catalog, options.client, call))
  if (options.preview === true) return previewRestore({ restores }, request, call, output)
  const { jobId } = await restores.submit(request, call)
  return tellStarted(jobs, [jobId], options.wait === true, call, output)
}

function requestOf(options: RestoreOptions, client: string): RestoreRequest {
  const { paths, to, strip, at, image, policy, toClient, ifExists } = options
  if (strip !== undefined && to === undefined) throw new UsageError('--strip needs --to')
  return {
    requestId: randomUUID(),
    from: {
      client,
      ...(at === undefined ? {} : { at }),
      ...(image === undefined ? {} : { backupId: image }),
      ...(policy === undefined ? {} : { policy }),
    },
    paths,
    target:
      to === undefined
        ? { kind: 'original' }
        : { kind: 'directory', directory: to, ...(strip === undefined ? {} : { strip }) },
    ...(toClient === undefined ? {} : { destinationClient: toClient }),
    ...(ifExists === undefined ? {} : { ifExists }),
    requestedBy: 'nb restore',
  }
}

async function previewRestore(
  { restores }: Pick<Ports, 'restores'>,
  request: RestoreRequest,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const preview = await restores.preview(request, call)
  if (output.json) {
    await output.value(preview)
    return 0
  }
  const target =
    request.target.kind === 'original' ? 'where it came from' : displayPath(request.target.directory)
  await output.line(
    `${formatCounted(preview.entries, 'entry', 'entries')}, ${formatBytes(preview.bytes)} of ${printable(preview.backupId)} to ${target}`,
  )
  await output.table(preview.images, [
    { title: 'READ FROM IMAGE', value: (image) => image.backupId, shrinks: true },
    { title: 'STORAGE UNIT', value: (image) => image.storageUnit, shrinks: true },
    { title: 'ENTRIES', value: (image) => formatCount(image.entries), align: 'right' },
    { title: 'SIZE', value: (image) => formatBytes(image.bytes), align: 'right' },
  ])
  return 0
}
