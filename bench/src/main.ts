import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import type { Bench, BenchSize } from './bench.ts'
import { benches } from './benches/index.ts'
import { describeFailure } from './failures.ts'
import { endOnSignals, leave } from './leftovers/end-on-signals.ts'
import { leftovers, removeDeadRuns } from './leftovers/leftovers.ts'
import { checkJsonFile, checkRoom, openWorkDirectory } from './places.ts'
import type { Row } from './rows.ts'
import { describeMachine, runBench } from './run-bench.ts'
import { formatTable } from './table.ts'
import { UsageError } from './usage-error.ts'

const help = `Usage: npm run bench -- NAME... [--quick] [--json FILE] [--work DIR]

Prints our figures beside those of tools people use: medians of runs in alternation, on data made from a seed.

${benches.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n')}

  --quick      little data and few runs, in less than a minute; judges no goal
  --files N    the most files of the curve of \`memory\` (default: 1000000)
  --part NAME  of a bench that has parts this alone: big, small, calls or idle of \`remote\`
  --json FILE  also writes the rows as JSON: bench, case, metric, value, unit, peer, peerValue, ratio, goal, holds
  --work DIR   where the data is made, on a disk with 9 GiB free (default: the folder for temporary files)

Ends with 0 when all ran, whether or not goals were reached; 1 for an error in the middle; 2 for wrong usage, of which
a folder without room is one. Ctrl-C, SIGTERM and SIGHUP stop all that was started, remove all that was made, and end it with
130, 143 and 129; a second one ends it at once. What a killed run (SIGKILL) has left, the next one with the same --work
stops and removes.`

const tell = (line: string): void => console.error(line)

const exitCode = await main()
leave(exitCode, leftovers, tell)

async function main(): Promise<number> {
  const { values, positionals } = parseArguments()
  if (values.help === true) {
    console.log(help)
    return 0
  }
  const chosen = positionals.map((name) => benches.find((bench) => bench.name === name))
  const unknown = positionals.filter((_, index) => chosen[index] === undefined)
  if (unknown.length > 0 || positionals.length === 0) {
    console.error(unknown.length > 0 ? `there is no bench ${unknown.join(', ')}\n\n${help}` : help)
    return 2
  }
  const quick = values.quick === true
  const mostFiles = values.files === undefined ? undefined : Number(values.files)
  if (mostFiles !== undefined && !(Number.isSafeInteger(mostFiles) && mostFiles >= 10_000)) {
    console.error(`--files takes a whole number from 10000, not ${values.files}`)
    return 2
  }
  const { part } = values
  const withoutPart = chosen.find((bench) => part !== undefined && bench?.parts?.includes(part) !== true)
  if (withoutPart !== undefined) {
    console.error(
      `${withoutPart.name} has no part ${part}; its parts: ${withoutPart.parts?.join(', ') ?? 'none'}`,
    )
    return 2
  }
  const size = {
    quick,
    ...(mostFiles === undefined ? {} : { mostFiles }),
    ...(part === undefined ? {} : { part }),
  }
  const { json, work = tmpdir() } = values
  endOnSignals(leftovers, tell)
  try {
    if (json !== undefined) checkJsonFile(json)
    openWorkDirectory(work, leftovers)
    await removeDeadRuns(work, tell)
    const wanted = chosen.filter((bench) => bench !== undefined)
    for (const bench of wanted) checkRoom(work, bench, size)
    const rows = await runAll(wanted, size)
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(rows, undefined, 2)}\n`)
    return rows.length === 0 ? 1 : 0
  } catch (error) {
    // By a signal, which has said so and ends the process.
    if (leftovers.isEnding) return await new Promise<never>(() => undefined)
    tell(describeFailure(error))
    return error instanceof UsageError ? 2 : 1
  } finally {
    await leftovers.end()
  }
}

async function runAll(wanted: readonly Bench[], size: BenchSize): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const bench of wanted) {
    tell(`${bench.name}: ${bench.about}`)
    const own = await runBench(bench, { ...size, tell })
    console.log(`\n${bench.name}${size.quick ? ', quick run' : ''}: ${describeMachine()}\n`)
    console.log(own.length === 0 ? 'nothing could be measured, see above' : formatTable(own))
    rows.push(...own)
  }
  return rows
}

function parseArguments(): ReturnType<typeof parse> {
  try {
    return parse()
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    process.exit(2)
  }
}

function parse() {
  return parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean' },
      files: { type: 'string' },
      part: { type: 'string' },
      json: { type: 'string' },
      work: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
}
