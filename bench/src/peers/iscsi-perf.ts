import type { Measurement } from '../alternate.ts'
import { runMeasured } from '../measured-process.ts'

/** How libiscsi's `iscsi-perf` is to read a disk. */
export interface IscsiPerfWork {
  /** `iscsi://HOST:PORT/TARGET/LUN` */
  readonly url: string
  readonly initiatorName: string
  readonly blockBytes: number
  readonly depth: number
  readonly seconds: number
  /** For how many bytes the figures are to be told: it reads as many as it can in its time. */
  readonly bytes: number
}

/** Reads a disk from its beginning to its end, and over again. */
export async function iscsiPerf(work: IscsiPerfWork): Promise<Measurement> {
  const { url, initiatorName, blockBytes, depth, seconds, bytes } = work
  const options = [
    '-i',
    initiatorName,
    '-m',
    String(depth),
    '-b',
    String(blockBytes / 512),
    '-t',
    String(seconds),
  ]
  const { output, cpuMs, peakBytes } = await runMeasured(['iscsi-perf', ...options, url])
  const bytesPerSecond = parseIops(output) * blockBytes
  const share = bytes / (bytesPerSecond * seconds)
  return { wallMs: (bytes / bytesPerSecond) * 1000, cpuMs: cpuMs * share, peakBytes }
}

/** The commands a second that it tells at its end. */
export function parseIops(output: string): number {
  const found = [...output.matchAll(/iops average (\d+)/g)].at(-1)?.[1]
  if (found === undefined) throw new Error(`iscsi-perf wrote what it should not: ${output.slice(-500)}`)
  return Number(found)
}
