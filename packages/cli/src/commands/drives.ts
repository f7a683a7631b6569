import type { Allocation, CallOptions, Drive } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'

/** `nb drives`: the drives, their control states, what is in them, which jobs have them, and for how many hours they were used since they were cleaned. */
export async function drivesCommand(
  { media }: Pick<Ports, 'media'>,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const drives: Drive[] = []
  for await (const drive of media.drives({}, call)) drives.push(drive)
  const jobs = await jobsByDrive({ media }, call)
  if (output.json)
    for (const drive of drives) await output.value({ ...drive, jobIds: jobs.get(drive.name) ?? [] })
  else if (drives.length === 0) output.note('no drives')
  else
    await output.table(drives, [
      { title: 'DRIVE', value: (drive) => drive.name, shrinks: true },
      { title: 'DENSITY', spare: 1, value: (drive) => drive.density },
      { title: 'MEDIA SERVER', spare: 4, value: (drive) => drive.mediaServer, shrinks: true },
      { title: 'ROBOT', spare: 3, value: (drive) => drive.robot },
      { title: 'CONTROL', value: (drive) => drive.control ?? drive.state },
      { title: 'VOLUME', value: (drive) => drive.loadedVolume },
      { title: 'JOBS', value: (drive) => jobs.get(drive.name)?.join(' ') },
      { title: 'SINCE CLEANING', spare: 2, value: hoursSinceCleaning, align: 'right' },
      { title: 'REASON', value: (drive) => drive.stateReason, shrinks: true },
    ])
  return 0
}

/** With a tenth: `103.5 h`. */
function hoursSinceCleaning({ mountMsSinceCleaning }: Drive): string | undefined {
  return mountMsSinceCleaning === undefined ? undefined : `${(mountMsSinceCleaning / 3_600_000).toFixed(1)} h`
}

async function jobsByDrive(
  { media }: Pick<Ports, 'media'>,
  call: CallOptions,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const jobs = new Map<string, string[]>()
  for await (const { jobId, medium } of media.allocations({}, call)) note(jobId, medium)
  return jobs

  function note(jobId: string, medium: Allocation['medium']): void {
    if (medium.kind !== 'tape') return
    jobs.set(medium.drive, [...(jobs.get(medium.drive) ?? []), jobId])
  }
}
