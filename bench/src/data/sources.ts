import { join } from 'node:path'
import type { BenchContext } from '../bench.ts'
import { runToEnd } from '../measured-process.ts'
import { ensureTool, tools } from '../tools.ts'
import { makeBigFiles } from './big-files.ts'
import { makeSmallFiles } from './small-files.ts'

/** A tree to back up. */
export interface Source {
  readonly name: string
  readonly folder: string
}

const mib = 1024 * 1024
const seed = 20260101

/** At least as many bytes as either tree takes on a disk. */
export function sourceBytes(quick: boolean): number {
  return quick ? 72 * mib : 2200 * mib
}

/** The tree of few big files. */
export async function bigFiles({ quick, workDirectory, tell }: BenchContext): Promise<Source> {
  const spec = quick ? { files: 4, fileBytes: 16 * mib } : { files: 4, fileBytes: 512 * mib }
  const folder = join(workDirectory, 'big')
  tell(`making ${spec.files} files of ${spec.fileBytes / mib} MiB, seed ${seed}`)
  await makeBigFiles(folder, spec, seed)
  return { name: 'big files', folder }
}

/** The tree of many small files. */
export async function smallFiles({ quick, workDirectory, tell }: BenchContext): Promise<Source> {
  const folder = join(workDirectory, 'small')
  const { entries, bytes, attributes } = await makeSmallFiles(folder, { files: quick ? 3000 : 100_000 }, seed)
  tell(`made ${entries} entries with ${(bytes / mib).toFixed(0)} MiB, seed ${seed}`)
  if (await ensureTool(tools.setfattr, tell)) await setAttributes(attributes, tell)
  return { name: 'small files', folder }
}

async function setAttributes(attributes: string, tell: (line: string) => void): Promise<void> {
  try {
    await runToEnd('setfattr', ['--restore=-'], attributes)
  } catch (error) {
    tell(`SKIPPED: the small files have no extended attributes: ${(error as Error).message}`)
  }
}
