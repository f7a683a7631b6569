import type { StdioOptions } from 'node:child_process'

export const root: string
export function node(): string
export function environment(extra?: Record<string, string>): NodeJS.ProcessEnv
export function run(
  command: string,
  args: string[],
  options?: { env?: NodeJS.ProcessEnv; stdio?: StdioOptions; cwd?: string },
): Promise<number>
export function runTool(tool: string, args: string[], options?: Parameters<typeof run>[2]): Promise<number>
