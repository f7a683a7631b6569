// Runs the extractor in this very thread, on images that were read in thread.
import { FileListEncoder, comparePaths, type FileRecord } from '@nb/formats'
import { noExtractionState, type ExtractionState } from '../../src/client/extractor/extraction-state.ts'
import type { ExtractorMoment } from '../../src/client/extractor/extractor.ts'
import type { IfExists } from '../../src/client/extractor/installer.ts'
import { runExtractor, type ExtractorTotals } from '../../src/client/extractor/run-extractor.ts'
import type { WritesBehind } from '../../src/client/extractor/write-behind.ts'
import type { BlockPipe } from '../../src/client/block-pipe.ts'
import type { Posix } from '../../src/posix/posix.ts'
import type { TransferWarning } from '../../src/client/warning.ts'
import { WorkerReporter } from '../../src/client/worker-reporter.ts'
import { encodeRangeFrame, RANGE_FRAME_BYTES } from '../../src/range-frame.ts'

export interface ExtractSettings {
  readonly ifExists?: IfExists
  readonly last?: boolean
  readonly state?: ExtractionState
  readonly observe?: (moment: ExtractorMoment, path: Buffer) => void
  readonly posix?: Posix
  readonly behind?: WritesBehind
  /** @default none */
  readonly note?: { readonly path: string; readonly jobId: string }
  /** Size of the pieces that plan and data come in. @default 100003 */
  readonly pieceBytes?: number
}

export interface ExtractResult {
  readonly totals: ExtractorTotals
  readonly warnings: readonly TransferWarning[]
}

/** The records with `strip` taken off the front of their paths, as the plan of a restore to another directory. */
export function planFor(records: readonly FileRecord[], strip: string): FileRecord[] {
  const prefix = Buffer.from(strip)
  return records
    .filter((record) => record.path.subarray(0, prefix.length).equals(prefix))
    .map((record) => {
      const rest = record.path.subarray(prefix.length)
      return { ...record, path: rest.length === 0 ? Buffer.from('/') : rest }
    })
}

export function encodePlan(records: readonly FileRecord[], images: number): Buffer {
  const hasDigests = records.some(({ digest }) => digest !== undefined)
  const encoder = new FileListEncoder({
    images: Array.from({ length: images }, (_, i) => `image_${i}`),
    ...(hasDigests ? { digestAlgorithm: 'sha256' } : {}),
  })
  const parts = [encoder.header()]
  for (const record of [...records].sort((a, b) => comparePaths(a.path, b.path))) {
    const batch = encoder.add(record)
    if (batch !== undefined) parts.push(batch)
  }
  parts.push(encoder.flush() ?? Buffer.alloc(0))
  return Buffer.concat(parts)
}

/** Exactly the wanted members, as ranges, image after image. */
export function framedRanges(plan: readonly FileRecord[], archives: readonly Buffer[]): Buffer {
  const parts: Buffer[] = []
  archives.forEach((archive, imageIndex) => {
    const members = new Map<number, number>()
    for (const record of plan) {
      if (record.imageIndex === imageIndex && record.memberBytes > 0)
        members.set(record.memberOffset, record.memberBytes)
    }
    for (const [streamOffset, bytes] of [...members].sort(([a], [b]) => a - b)) {
      const frame = Buffer.alloc(RANGE_FRAME_BYTES)
      encodeRangeFrame({ imageIndex, streamOffset, bytes }, frame)
      parts.push(frame, archive.subarray(streamOffset, streamOffset + bytes))
    }
  })
  return Buffer.concat(parts)
}

export function extractInThread(
  target: string | Buffer,
  plan: readonly FileRecord[],
  archives: readonly Buffer[],
  settings: ExtractSettings = {},
): ExtractResult {
  return extractBytes(target, encodePlan(plan, archives.length), framedRanges(plan, archives), settings)
}

export function extractBytes(
  target: string | Buffer,
  plan: Buffer,
  data: Buffer,
  settings: ExtractSettings = {},
): ExtractResult {
  const warnings: TransferWarning[] = []
  const reporter = new WorkerReporter(
    () => undefined,
    () => Date.now(),
  )
  const warn = reporter.warn.bind(reporter)
  reporter.warn = (warning) => {
    warnings.push(warning)
    warn(warning)
  }
  const piece = settings.pieceBytes ?? 100_003
  const { observe, posix, note, behind } = settings
  const totals = runExtractor(
    {
      root: Buffer.from(target as string),
      ifExists: settings.ifExists ?? 'fail',
      last: settings.last ?? true,
      state: settings.state ?? noExtractionState,
      ...(note === undefined ? {} : { note }),
    },
    { plan: pieces(plan, piece), data: pieces(data, piece) },
    {
      clock: { now: () => Date.now() },
      reporter,
      ...(observe === undefined ? {} : { observe }),
      ...(posix === undefined ? {} : { posix }),
      ...(behind === undefined ? {} : { behind }),
    },
  )
  return { totals, warnings }
}

function pieces(
  bytes: Buffer,
  pieceBytes: number,
): Pick<BlockPipe, 'takeSync' | 'takeAheadSync' | 'release' | 'throwIfAborted'> {
  let at = 0
  const takeSync = (): Buffer | undefined => {
    if (at >= bytes.length) return undefined
    const piece = bytes.subarray(at, at + pieceBytes)
    at += piece.length
    return piece
  }
  return {
    throwIfAborted: () => undefined,
    takeSync,
    takeAheadSync: takeSync,
    release: () => undefined,
  }
}
