import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Measurement } from '../alternate.ts'
import { leftovers } from '../leftovers/leftovers.ts'
import { runMeasured } from '../measured-process.ts'
import type { TapeWorkTime } from '../tape/work.ts'

const program = fileURLToPath(new URL('./raw-tcp-run.ts', import.meta.url))

/** Moves bytes into or out of a file over a plain TCP connection between two processes of Node; figures are those of the near one. */
export async function rawTcp(
  way: 'write' | 'read',
  { file, bytes, blockBytes }: { readonly file: string; readonly bytes: number; readonly blockBytes: number },
): Promise<Measurement> {
  const sizes = [String(bytes), String(blockBytes)]
  const server = leftovers.own(
    spawn(process.execPath, [...process.execArgv, program, 'serve', way, file, ...sizes], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
    { outlives: true },
  )
  const ended = once(server, 'close')
  try {
    const [port] = (await once(server.stdout, 'data')) as [Buffer]
    const command = [program, 'move', way, port.toString().trim(), ...sizes]
    const { output, peakBytes } = await runMeasured([process.execPath, ...process.execArgv, ...command])
    const [code] = (await ended) as [number | null]
    if (code !== 0) throw new Error(`the far side of the connection ended with ${code}`)
    return { ...(JSON.parse(output) as TapeWorkTime), peakBytes }
  } finally {
    server.kill()
  }
}
