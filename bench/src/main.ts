import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { benches } from './benches/index.ts'
import type { Row } from './rows.ts'
import { describeMachine, runBench } from './run-bench.ts'
import { formatTable } from './table.ts'

const help = `Usage: npm run bench -- NAME... [--quick] [--json FILE] [--work DIR]

Prints our figures beside those of tools people use: medians of runs in alternation, on data made from a seed.

${benches.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n')}

  --quick      little data and few runs, in less than a minute; judges no goal
  --files N    the most files of the curve of \`memory\` (default: 1000000)
  --part NAME  of a bench that has parts this alone: big, small, calls or idle of \`remote\`
  --json FILE  also writes the rows as JSON: bench, case, metric, value, unit, peer, peerValue, ratio, goal, holds
  --work DIR   where the data is made, on a disk with 8 GiB free (default: the folder for temporary files)

Ends with 0 when all ran, whether or not goals were reached; 2 for wrong usage.`

process.exitCode = await main()

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
  const rows: Row[] = []
  for (const bench of chosen) {
    if (bench === undefined) continue
    console.error(`${bench.name}: ${bench.about}`)
    const tell = (line: string): void => console.error(line)
    const own = await runBench(bench, { quick, tell, mostFiles, part, workDirectory: values.work })
    console.log(`\n${bench.name}${quick ? ', quick run' : ''}: ${describeMachine()}\n`)
    console.log(own.length === 0 ? 'nothing could be measured, see above' : formatTable(own))
    rows.push(...own)
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, undefined, 2)}\n`)
  return rows.length === 0 ? 1 : 0
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
