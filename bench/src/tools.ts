import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { runToEnd } from './measured-process.ts'

/** A program of somebody else, and the Debian package that has it. */
export interface Tool {
  readonly command: string
  readonly package: string
}

/** Tools that the benches use. */
export const tools: Readonly<
  Record<'tar' | 'time' | 'setfattr' | 'find' | 'restic' | 'dd' | 'tgtd' | 'iscsi-perf', Tool>
> = {
  tar: { command: 'tar', package: 'tar' },
  time: { command: 'time', package: 'time' },
  setfattr: { command: 'setfattr', package: 'attr' },
  find: { command: 'find', package: 'findutils' },
  restic: { command: 'restic', package: 'restic' },
  dd: { command: 'dd', package: 'coreutils' },
  tgtd: { command: '/usr/sbin/tgtd', package: 'tgt' },
  'iscsi-perf': { command: 'iscsi-perf', package: 'libiscsi-bin' },
}

/**
 * Whether a tool is there, after installing its package where this process may. What is missing is told loudly: a
 * bench that leaves out a peer must not look like one that has none.
 */
export async function ensureTool(tool: Tool, tell: (line: string) => void): Promise<boolean> {
  if (isOnPath(tool.command)) return true
  if (process.getuid?.() === 0 && isOnPath('apt-get')) {
    tell(`installing ${tool.package}, which has ${tool.command}`)
    try {
      await runToEnd('apt-get', ['install', '-y', '-qq', '--no-install-recommends', tool.package])
    } catch (error) {
      tell((error as Error).message)
    }
    if (isOnPath(tool.command)) return true
  }
  tell(`SKIPPED: ${tool.command} is not here; install the Debian package ${tool.package} to have it compared`)
  return false
}

/** Whether a command can be found; one with a whole path, whether it is there. */
export function isOnPath(command: string, path: string = process.env['PATH'] ?? ''): boolean {
  if (isAbsolute(command)) return existsSync(command)
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
