import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** How it ended and what it wrote. */
export interface DumpRun {
  readonly code: number | null
  readonly out: string
  readonly complaints: string
}

const program = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** Runs `tape-dump` as a process of its own. */
export function dump(...args: readonly string[]): Promise<DumpRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--conditions=@nb/source', program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, complaints] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, complaints }))
  })
}
