import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { runToEnd } from './measured-process.ts'

/** A program of somebody else, and the Debian package that has it. */
export interface Tool {
  readonly command: string
  readonly package: string
  /** What is missing without it, for the sentence "… is not here, so …". */
  readonly without: string
}

/** Tools that the benches use. */
export const tools: Readonly<
  Record<'tar' | 'time' | 'setfattr' | 'find' | 'restic' | 'dd' | 'tgtd' | 'iscsi-perf', Tool>
> = {
  tar: { command: 'tar', package: 'tar', without: 'nothing of this bench is measured' },
  time: { command: 'time', package: 'time', without: 'nothing of this bench is measured' },
  setfattr: { command: 'setfattr', package: 'attr', without: 'the small files get no extended attributes' },
  find: { command: 'find', package: 'findutils', without: 'nothing of this bench is measured' },
  restic: { command: 'restic', package: 'restic', without: 'restic is not compared' },
  dd: { command: 'dd', package: 'coreutils', without: 'nothing of this bench is measured' },
  tgtd: { command: '/usr/sbin/tgtd', package: 'tgt', without: 'nothing of this bench is measured' },
  'iscsi-perf': {
    command: 'iscsi-perf',
    package: 'libiscsi-bin',
    without: 'iscsi-perf is not compared',
  },
}

/**
 * Whether a tool is there, after installing its package where this process may. What is missing is told loudly, with
 * what that leaves out: a bench without a peer must not look like one that has none.
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
  tell(`SKIPPED: ${tool.command} is not here, so ${tool.without}; install the Debian package ${tool.package}`)
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
