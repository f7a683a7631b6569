import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { NbError } from '@nb/contracts'
import { reportHtml } from './report-html.ts'
import { reportText } from './report-text.ts'
import { largeSite, smallSite } from './samples.ts'
import { readSite } from './site-file.ts'
import { formatCounted } from './units.ts'
import { SiteFileError } from './yaml-fields.ts'

const help = `Plays a month of a site, and tells which backups miss their window and what one more drive would change.

Usage: capacity-planner [SITE.yaml] [--days N] [--seed N] [--html FILE] [--json]
       capacity-planner --sample small|large

  SITE.yaml      the site; - is standard input (default: the small sample)
  --days N       days to simulate, 1-3650 (default: 30)
  --seed N       repeats what happens by chance (default: 1)
  --html FILE    writes a page with charts beside; it needs no network
  --json         prints the counts as JSON instead of text
  --sample NAME  prints a site file: small, or large (5,000 clients)
  --quiet        no progress on standard error
  --help         this text

docs/guides/capacity-planning.md describes the site file.`

class Usage extends Error {}

async function main(): Promise<void> {
  const { values, positionals } = readArguments()
  if (values.help === true) return void console.log(help)
  if (values.sample !== undefined) return void process.stdout.write(sample(values.sample))
  if (positionals.length > 1) throw new Usage('one site file at a time')
  const days = wholeNumber('days', values.days ?? '30', 1, 3650)
  const seed = wholeNumber('seed', values.seed ?? '1', 0, 2 ** 32 - 1)
  const [file] = positionals
  const site = readSite(await textOf(file), nameOf(file))
  if (values.html !== undefined) await checkWritable(values.html)
  // The components are loaded when they are needed: help and complaints come at once.
  const { makePlan } = await import('./plan.ts')
  const begun = performance.now()
  const told = new Map<string, number>()
  const plan = await makePlan(site, {
    days,
    seed,
    onDay: (run, day, of, jobs) => {
      const now = performance.now()
      if (values.quiet === true || (now - (told.get(run) ?? -Infinity) < 2000 && day < of)) return
      told.set(run, now)
      const seconds = ((now - begun) / 1000).toFixed(0)
      process.stderr.write(`${run}: day ${day} of ${of}, ${formatCounted(jobs, 'job')}, ${seconds} s\n`)
    },
  })
  if (values.html !== undefined) await writeFile(values.html, reportHtml(plan))
  if (values.json !== true) return void process.stdout.write(reportText(plan))
  const { summary, oneMore } = plan
  const more =
    oneMore === undefined ? {} : { oneMore: { library: oneMore.library, summary: oneMore.summary } }
  process.stdout.write(`${JSON.stringify({ site: site.name, days, seed, summary, ...more }, null, 2)}\n`)
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        days: { type: 'string' },
        seed: { type: 'string' },
        html: { type: 'string' },
        json: { type: 'boolean' },
        sample: { type: 'string' },
        quiet: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new Usage((error as Error).message)
  }
}

/** What complaints call a site file. */
function nameOf(file: string | undefined): string {
  return file === '-' ? 'standard input' : (file ?? 'small sample')
}

async function textOf(file: string | undefined): Promise<string> {
  if (file === undefined) return smallSite
  try {
    if (file !== '-') return await readFile(file, 'utf8')
  } catch (error) {
    throw new Usage(`${file} can't be read: ${(error as Error).message}`)
  }
  let text = ''
  for await (const piece of process.stdin.setEncoding('utf8')) text += piece as string
  return text
}

function sample(name: string): string {
  if (name === 'small') return smallSite
  if (name === 'large') return largeSite()
  throw new Usage(`--sample is small or large, not "${name}"`)
}

/** Before a month is played in vain. */
async function checkWritable(path: string): Promise<void> {
  try {
    await appendFile(path, '')
  } catch (error) {
    throw new Usage(`--html ${path} can't be written: ${(error as Error).message}`)
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  throw new Usage(`--${name} is a whole number, ${least}-${most}, not "${text}"`)
}

// A reader that has had enough, such as head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  await main()
} catch (error) {
  if (error instanceof Usage) {
    console.error(`capacity-planner: ${error.message}\nTry: capacity-planner --help`)
    process.exitCode = 2
  } else if (error instanceof SiteFileError || error instanceof NbError) {
    console.error(error.message)
    process.exitCode = 1
  } else throw error
}
