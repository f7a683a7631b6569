import { mkdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench, BenchContext } from '../bench.ts'
import { bigFiles, smallFiles, sourceBytes } from '../data/sources.ts'
import { leftovers } from '../leftovers/leftovers.ts'
import { runMeasured } from '../measured-process.ts'
import {
  nodeFlags,
  ownBackup,
  ownCompressedBackup,
  ownIncremental,
  ownRestore,
  ownVerifications,
} from '../own-run.ts'
import type { Figure } from '../rows.ts'
import { ensureTool, tools } from '../tools.ts'

const mostPeakMib = 300
const filesPerDirectory = 1000
const jobsProgram = fileURLToPath(new URL('../jobs-run.ts', import.meta.url))

/** The most memory of the whole all-in-one at once: each case, and its curve over the number of files. */
export const memory: Bench = {
  name: 'memory',
  about:
    'peak memory of the whole all-in-one: big and small files, compressed too, restores, verifications, many jobs, up to a million files (--files N)',
  // The source, a backup of it and what is restored; the lists of empty files are less.
  needs: ({ quick }) => 3 * sourceBytes(quick),
  run: async (context) => {
    if (!(await ensureTool(tools.time, context.tell))) return []
    return [...(await cases(context)), ...(await manyJobs(context)), ...(await curve(context))]
  },
}

async function cases(context: BenchContext): Promise<readonly Figure[]> {
  const { workDirectory, tell } = context
  const figures: Figure[] = []
  for (const make of [bigFiles, smallFiles]) {
    const { name, folder } = await make(context)
    const state = join(workDirectory, 'state')
    const target = join(workDirectory, 'target')
    mkdirSync(target)
    const compressed = await ownCompressedBackup(state, folder)
    const decompressed = await ownRestore(state, folder, compressed.backupId, target)
    const digested = await ownVerifications(state, folder, compressed.backupId)
    await rm(target, { recursive: true })
    mkdirSync(target)
    const backup = await ownBackup(state, folder)
    const restore = await ownRestore(state, folder, backup.backupId, target)
    const verifications = await ownVerifications(state, folder, backup.backupId)
    const own = [
      peak(`backup of ${name}`, backup.peakBytes),
      peak(`restore of ${name}`, restore.peakBytes),
      peak(`eight verifications of ${name}`, verifications.peakBytes),
      peak(`backup of ${name}, compressed`, compressed.peakBytes),
      peak(`restore of ${name}, compressed`, decompressed.peakBytes),
      peak(`eight verifications of ${name}, compressed`, digested.peakBytes),
    ]
    figures.push(...own)
    for (const { case: what, value } of own) tell(`  ${what}: ${value.toFixed(0)} MiB`)
    for (const path of [folder, state, target]) await rm(path, { recursive: true })
  }
  return figures
}

async function manyJobs({ quick, workDirectory, tell }: BenchContext): Promise<readonly Figure[]> {
  const source = join(workDirectory, 'source')
  mkdirSync(source)
  for (let index = 0; index < 100; index++) writeFileSync(join(source, `file-${index}`), `content ${index}\n`)
  const state = join(workDirectory, 'state')
  const count = quick ? 60 : 500
  const command = [...nodeFlags, ...process.execArgv, jobsProgram, state, source, `${count}`, '20']
  const { peakBytes } = await runMeasured([process.execPath, ...command])
  for (const path of [source, state]) await rm(path, { recursive: true })
  const figure = peak(`${count} jobs, 20 at once`, peakBytes)
  tell(`  ${figure.case}: ${figure.value.toFixed(0)} MiB`)
  return [figure]
}

/** Empty files: what is measured is what each of them costs beside its data. */
async function curve({ quick, mostFiles, workDirectory, tell }: BenchContext): Promise<readonly Figure[]> {
  const longest = mostFiles ?? (quick ? 10_000 : 1_000_000)
  const source = join(workDirectory, 'many')
  const state = join(workDirectory, 'state')
  const figures: Figure[] = []
  let made = 0
  for (let files = quick ? 1000 : 10_000; files <= longest; files = next(files, longest)) {
    made = await makeEmptyFiles(source, made, files)
    for (const [what, { peakBytes }] of [
      ['backup', await ownBackup(state, source)],
      ['incremental without a change', await ownIncremental(state, source)],
    ] as const) {
      const figure = peak(`${what} of ${files.toLocaleString('en')} files`, peakBytes)
      const first = figures.find((one) => one.case.startsWith(what))
      figures.push(
        first === undefined ? figure : { ...figure, peer: { name: first.case, value: first.value } },
      )
      tell(`  ${figure.case}: ${figure.value.toFixed(0)} MiB`)
    }
    await rm(state, { recursive: true })
  }
  await rm(source, { recursive: true })
  return figures
}

/** Ten times as many, and at last as many as were asked for. */
function next(files: number, longest: number): number {
  return files < longest ? Math.min(files * 10, longest) : Infinity
}

async function makeEmptyFiles(folder: string, from: number, to: number): Promise<number> {
  for (let number = from; number < to; number++) {
    const directory = join(folder, `d${Math.floor(number / filesPerDirectory)}`)
    if (number % filesPerDirectory === 0) {
      await leftovers.giveWay()
      mkdirSync(directory, { recursive: true })
    }
    writeFileSync(join(directory, `file-${number}`), '')
  }
  return to
}

function peak(name: string, peakBytes: number): Figure {
  return {
    case: name,
    metric: 'peak memory',
    value: peakBytes / 1024 ** 2,
    unit: 'MiB',
    goal: { of: 'value', atMost: mostPeakMib },
  }
}
