import { type SpawnOptionsWithoutStdio as SpawnOptions, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Measurement } from './alternate.ts'
import { leftovers } from './leftovers/leftovers.ts'

/** How a process ended, and what it took. */
export interface MeasuredRun extends Measurement {
  /** What it wrote to standard output. */
  readonly output: string
}

/**
 * Runs a command to its end under GNU time: wall, user and system time, and the peak of resident memory of the biggest
 * process of it. Rejects when it ends with another code than 0.
 */
export async function runMeasured(command: readonly [string, ...string[]]): Promise<MeasuredRun> {
  const folder = leftovers.folder('time')
  const report = join(folder, 'time')
  try {
    const begun = process.hrtime.bigint()
    const output = await runToEnd('/usr/bin/time', ['-q', '-f', '%U %S %M', '-o', report, '--', ...command])
    const wallMs = Number(process.hrtime.bigint() - begun) / 1e6
    return { wallMs, ...parseTimeReport(readFileSync(report, 'utf8')), output }
  } finally {
    await leftovers.remove(folder)
  }
}

/** What `time -f '%U %S %M'` wrote: seconds, seconds, KiB. */
export function parseTimeReport(text: string): Pick<Measurement, 'cpuMs' | 'peakBytes'> {
  const [user, system, kib] = text.trim().split(/\s+/).map(Number)
  if (user === undefined || system === undefined || kib === undefined || Number.isNaN(user + system + kib))
    throw new Error(`GNU time wrote what it should not: ${text}`)
  return { cpuMs: (user + system) * 1000, peakBytes: kib * 1024 }
}

/** A command that ended with another code than 0, with what it said. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
}

/** Runs a command to its end; gives its standard output. Rejects, with what it said, unless it ends with 0. */
export function runToEnd(
  command: string,
  args: readonly string[],
  input = '',
  options: SpawnOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = leftovers.own(spawn(command, args, options))
    const out: Buffer[] = []
    let complaints = ''
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => (complaints = `${complaints}${chunk.toString()}`.slice(-4000)))
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(out).toString())
      else
        reject(
          new CommandFailed(
            `${command} ${args.join(' ')} ended with ${code ?? signal ?? '?'}: ${complaints}`,
          ),
        )
    })
  })
}
