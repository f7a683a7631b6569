import type { FileEntry, ImageRecord, Job } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import type { AllInOne } from '../../src/compose.ts'

/** All that a catalog tells, records and entries, but for the job that made a record and when that was done: an import is another job. */
export async function wholeCatalog({ ports: { catalog } }: AllInOne): Promise<readonly unknown[]> {
  const images = await collect(catalog.listImages({}))
  return Promise.all(
    images.map(async (image) => {
      const { jobId: _, completedAt: __, ...record } = image
      return { record, entries: await entriesOf(catalog, image) }
    }),
  )
}

async function entriesOf(
  catalog: AllInOne['ports']['catalog'],
  { client, backupId, selections }: ImageRecord,
): Promise<readonly FileEntry[]> {
  const rows: FileEntry[] = []
  const [root] = selections
  if (root === undefined) return rows
  for await (const entry of catalog.browse({ client, backupId, path: root })) rows.push(entry)
  return rows
}

/** The texts of a job's log, a line each. */
export async function logOf({ ports: { jobs } }: AllInOne, job: Pick<Job, 'id'>): Promise<string> {
  return (await collect(jobs.log({ jobId: job.id }))).map(({ text }) => text).join('\n')
}

/** Submits a job and waits for its end. */
export async function submit(
  { ports: { jobs } }: AllInOne,
  request: Parameters<typeof jobs.submit>[0],
): Promise<Job> {
  const { jobId } = await jobs.submit(request)
  return jobs.wait({ jobId })
}
