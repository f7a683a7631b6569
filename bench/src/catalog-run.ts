import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type Path, toPath } from '@nb/contracts'
import { addImage, client, dropCache, fillCache, openSite } from './catalog/site.ts'
import { writeList } from './catalog/write-list.ts'
import { realRecords, syntheticDirectories, syntheticRecords } from './data/file-lists.ts'
import { createRandom } from './data/random.ts'

/** What `catalog-run.ts in` tells: an image from its creation to its completion. */
export interface IntakeRun {
  readonly entries: number
  readonly wallMs: number
  readonly cpuMs: number
  /** Of list and index at rest. */
  readonly bytes: number
  /** To encode the list, which is the client's part. */
  readonly encodeMs: number
}

/** What the questions of `catalog-run.ts` tell: milliseconds each, in the order in which they were asked. */
export interface QuestionsRun {
  readonly cold: readonly number[]
  readonly warm: readonly number[]
  /** Processor time of all warm ones, milliseconds. */
  readonly warmCpuMs: number
  /** Entries or states that came. */
  readonly found: number
}

/** What `catalog-run.ts find` tells. */
export interface FindRun {
  readonly by: 'glob' | 'regex'
  readonly entries: number
  readonly wallMs: number
  readonly cpuMs: number
  readonly found: number
}

const [task = '', folder = '', ...rest] = process.argv.slice(2)
const numbers = rest.map(Number)
const tasks: Readonly<Record<string, () => Promise<unknown>>> = {
  in: intake,
  real,
  history,
  browse,
  versions,
  find,
}
const run = tasks[task]
if (run === undefined) throw new TypeError(`there is no task ${task}`)
console.log(JSON.stringify(await run()))
process.exit(0)

/** One image of so many made-up entries. Its list is written before, so that the client's part is not in the figures. */
async function intake(): Promise<IntakeRun> {
  const [entries = 0] = numbers
  return takeIn(syntheticRecords({ entries }))
}

/** One image of a real tree. */
async function real(): Promise<IntakeRun> {
  return takeIn(realRecords(rest[0] ?? '/usr'))
}

async function takeIn(records: ReturnType<typeof syntheticRecords>): Promise<IntakeRun> {
  const list = writeList(join(folder, 'list'), records, 2)
  const site = await openSite(folder)
  const cpuBefore = process.cpuUsage()
  const begun = performance.now()
  const image = await addImage(site, list)
  const wallMs = performance.now() - begun
  const at = join(folder, 'images', client, image.backupId)
  const bytes = statSync(join(at, 'files.nbf')).size + statSync(join(at, 'files.idx')).size
  await site.stop()
  return { entries: list.entries, wallMs, cpuMs: cpuSince(cpuBefore), bytes, encodeMs: list.encodeMs }
}

/** A full and incrementals, each with a thousandth of its entries changed. */
async function history(): Promise<IntakeRun> {
  const [entries = 0, images = 0] = numbers
  const full = writeList(join(folder, 'full'), syntheticRecords({ entries }), 2)
  const lists = [1, 2].map((variant) =>
    writeList(
      join(folder, `change-${variant}`),
      syntheticRecords({ entries, changedOf: { thousand: 10, variant } }),
      2,
    ),
  )
  const site = await openSite(folder)
  const cpuBefore = process.cpuUsage()
  const begun = performance.now()
  const { backupId } = await addImage(site, full)
  for (let number = 1; number < images; number++)
    await addImage(site, lists[number % lists.length] ?? full, backupId)
  const wallMs = performance.now() - begun
  await site.stop()
  return {
    entries: entries * images,
    wallMs,
    cpuMs: cpuSince(cpuBefore),
    bytes: 0,
    encodeMs: full.encodeMs,
  }
}

/** Random directories: cold by a catalog that was just opened, nothing of it in the system's memory; then warm, all of it there. */
async function browse(): Promise<QuestionsRun> {
  const [entries = 0, coldCount = 0, warmCount = 0] = numbers
  const directories = syntheticDirectories(entries)
  const random = createRandom(3)
  const pick = (): Path => toPath(directories[random.below(directories.length)] ?? '/data')
  const cold: number[] = []
  const warm: number[] = []
  let found = 0
  const ask = async (site: Awaited<ReturnType<typeof openSite>>, times: number[]): Promise<void> => {
    const path = pick()
    const begun = performance.now()
    for await (const _ of site.catalog.browse({ client, path })) found += 1
    times.push(performance.now() - begun)
  }
  for (let number = 0; number < coldCount; number++) {
    const site = await openSite(folder)
    dropCache(join(folder, 'images'))
    await ask(site, cold)
    await site.stop()
  }
  fillCache(join(folder, 'images'))
  const site = await openSite(folder)
  const cpuBefore = process.cpuUsage()
  for (let number = 0; number < warmCount; number++) await ask(site, warm)
  const warmCpuMs = cpuSince(cpuBefore)
  await site.stop()
  return { cold, warm, warmCpuMs, found }
}

/** All states of random files over all images. */
async function versions(): Promise<QuestionsRun> {
  const [entries = 0, coldCount = 0, warmCount = 0] = numbers
  const random = createRandom(4)
  const wanted: Path[] = []
  let seen = 0
  const places = new Set(
    Array.from({ length: coldCount + warmCount }, () => random.below(Math.max(1, entries - 10))),
  )
  for (const { path } of syntheticRecords({ entries }))
    if (places.has(seen++)) wanted.push(toPath(path.toString()))
  const cold: number[] = []
  const warm: number[] = []
  let found = 0
  const ask = async (
    site: Awaited<ReturnType<typeof openSite>>,
    number: number,
    times: number[],
  ): Promise<void> => {
    const path = wanted[(number * 7919) % wanted.length] ?? toPath('/data')
    const begun = performance.now()
    for await (const _ of site.catalog.versions({ client, path })) found += 1
    times.push(performance.now() - begun)
  }
  for (let number = 0; number < coldCount; number++) {
    const site = await openSite(folder)
    dropCache(join(folder, 'images'))
    await ask(site, number, cold)
    await site.stop()
  }
  fillCache(join(folder, 'images'))
  const site = await openSite(folder)
  // The first opens all lists.
  await ask(site, coldCount, [])
  const cpuBefore = process.cpuUsage()
  for (let number = 0; number < warmCount; number++) await ask(site, coldCount + number, warm)
  const warmCpuMs = cpuSince(cpuBefore)
  await site.stop()
  return { cold, warm, warmCpuMs, found }
}

/** All entries of the newest image, looked through for names that few or none have. */
async function find(): Promise<{ readonly runs: readonly FindRun[] }> {
  const [rounds = 1] = numbers
  const site = await openSite(folder)
  let entries = 0
  for await (const { counts } of site.catalog.listImages({ client, limit: 1 })) entries = counts?.entries ?? 0
  const runs: FindRun[] = []
  for (let round = 0; round < rounds; round++) {
    for (const search of [{ glob: '*-zz?.conf' }, { regex: 'part-1[0-9]/.*-zz[xyz]\\.(conf|json)$' }]) {
      let found = 0
      const cpuBefore = process.cpuUsage()
      const begun = performance.now()
      for await (const _ of site.catalog.search({ client, ...search, limit: 1_000_000 })) found += 1
      const wallMs = performance.now() - begun
      runs.push({
        by: 'glob' in search ? 'glob' : 'regex',
        entries,
        wallMs,
        cpuMs: cpuSince(cpuBefore),
        found,
      })
    }
  }
  await site.stop()
  return { runs }
}

function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
