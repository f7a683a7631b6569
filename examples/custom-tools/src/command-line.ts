import { parseArgs, type ParseArgsConfig } from 'node:util'
import { asNbError, describeStatus, NbError } from '@nb/contracts'

/** What a tool was called with. */
export interface Arguments<Option extends string> {
  readonly options: Readonly<Partial<Record<Option, string>>>
  readonly positionals: readonly string[]
}

/**
 * The shell around a tool: `--help`, options that take a value, and errors as one line with exit code 1, or 2 for
 * wrong usage. A reader that closes the pipe (`| head`) ends the tool quietly.
 */
export async function runTool<Option extends string>(
  name: string,
  help: string,
  optionNames: readonly Option[],
  main: (args: Arguments<Option>) => Promise<void> | void,
): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  try {
    const options: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' } }
    for (const option of optionNames) options[option] = { type: 'string' }
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    if (values['help'] === true) console.log(help)
    else await main({ options: values as Arguments<Option>['options'], positionals })
  } catch (error) {
    const isUsage = error instanceof TypeError || error instanceof RangeError
    const known = asNbError(error)
    const status = error instanceof NbError ? ` (${known.code}, ${describeStatus(known.status)})` : ''
    console.error(`${name}: ${known.message}${status}`)
    process.exitCode = isUsage ? 2 : 1
  }
}

/** The value of an option as a whole number in its range. */
export function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new TypeError(`--${option} is a whole number, ${least}-${most}, not "${text}"`)
}
