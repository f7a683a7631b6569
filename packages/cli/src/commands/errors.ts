import { type CallOptions, type MediaError, NbError } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { type ExitCode, UsageError } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { isEmpty } from '../unless-there.ts'
import { formatTime } from '../units.ts'
import { given } from './each.ts'

/** Options of `nb errors`. */
export interface ErrorsOptions extends CallOptions {
  readonly volumeId?: string
  readonly drive?: string
  /** Forget them: the way back after a repair. @default false */
  readonly forget?: boolean
}

/**
 * `nb errors`: the errors of media and drives that are remembered, oldest first; with `forget` they are, no more. Rejects with
 * `not-found` for a volume or drive that is not there and has none.
 */
export async function errorsCommand(
  { media }: Pick<Ports, 'media'>,
  { volumeId, drive, forget = false, ...call }: ErrorsOptions,
  output: Output,
): Promise<ExitCode> {
  const which = { ...given('volumeId', volumeId), ...given('drive', drive) }
  if (forget && volumeId === undefined && drive === undefined)
    throw new UsageError('say whose errors to forget, with --volume or --drive')
  const errors: MediaError[] = []
  for await (const error of media.mediaErrors(which, call)) errors.push(error)
  if (errors.length === 0) await checkThere({ media }, which, call)
  if (errors.length === 0 && !output.json) output.note('no errors are remembered')
  else
    await output.table(errors, [
      { title: 'TIME', value: (error) => formatTime(error.at) },
      { title: 'KIND', value: (error) => error.kind },
      { title: 'VOLUME', value: (error) => error.volumeId },
      { title: 'DRIVE', value: (error) => error.drive, shrinks: true },
      { title: 'JOB', value: (error) => error.jobId, align: 'right' },
    ])
  if (!forget) return 0
  await media.forgetErrors(which, call)
  output.note(`forgotten; what they took down comes up with nb drive up, or nb volume unfreeze`)
  return 0
}

/** Errors of what was removed are remembered; but nothing of a mistyped name is. */
async function checkThere(
  { media }: Pick<Ports, 'media'>,
  { volumeId, drive }: Pick<ErrorsOptions, 'volumeId' | 'drive'>,
  call: CallOptions,
): Promise<void> {
  if (drive !== undefined && (await isEmpty(media.drives({ name: drive }, call))))
    throw new NbError('not-found', `there is no drive ${drive}; nb drives lists them`, { details: { drive } })
  if (volumeId !== undefined && (await isEmpty(media.volumes({ volumeId }, call))))
    throw new NbError('not-found', `there is no volume ${volumeId}; nb volumes lists them`, {
      details: { volumeId },
    })
}
