import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** How it ended and what it wrote. */
export interface InventoryRun {
  readonly code: number | null
  readonly out: string
  readonly complaints: string
}

const program = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** Runs `tape-inventory` as a process of its own. */
export function inventory(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<InventoryRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--conditions=@nb/source', program, ...args], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, complaints] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, complaints }))
  })
}
