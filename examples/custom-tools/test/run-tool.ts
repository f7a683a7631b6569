import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** How a tool ended and what it wrote. */
export interface ToolRun {
  readonly code: number | null
  readonly out: string
  readonly bytes: Buffer
  readonly complaints: string
}

/** Runs a tool as a process of its own. */
export function tool(name: string, ...args: string[]): ToolRun {
  const program = fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url))
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@nb/source', program, ...args],
    { maxBuffer: 64 * 1024 * 1024, env: { ...process.env, TZ: 'UTC' } },
  )
  return { code: status, out: stdout.toString(), bytes: stdout, complaints: stderr.toString() }
}
