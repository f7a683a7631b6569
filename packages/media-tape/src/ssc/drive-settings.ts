import type { CallOptions } from '@nb/contracts'
import { type MediumAttribute, parseAttributes } from '../scsi/attributes.ts'
import { buildCdb } from '../scsi/cdb.ts'
import { modePage } from '../scsi/command-codes.ts'
import {
  buildMode,
  findPage,
  type ModeForm,
  type ModePage,
  type ModeParameters,
  parseMode,
} from '../scsi/mode.ts'
import {
  buildCompressionPage,
  parseCompressionPage,
  parseMediumConfigurationPage,
} from '../scsi/mode-pages.ts'
import { type DensityDescriptor, parseDensities } from '../scsi/tape-answers.ts'
import { unsupported } from './drive-errors.ts'
import type { DriveSession } from './drive-session.ts'

/** What a drive says of itself and of the volume in it, as far as it does. */
export interface DriveSettings {
  readonly writeProtected: boolean
  /** Density code of the volume, of the drive when there is none; 0: not told. */
  readonly density: number
  /** 0: blocks of variable length. */
  readonly fixedBlockBytes: number
  /** Whether what is written is compressed; absent where the drive doesn't tell. */
  readonly compression?: boolean
  /** Whether the volume can be written once only; absent where the drive doesn't tell. */
  readonly worm?: boolean
}

/** What can be changed. */
export interface DriveSettingsChange {
  readonly compression?: boolean
  /** A density code of `densities()`; for the next volume that is written from its beginning. */
  readonly density?: number
}

/** Asks for the modes of a drive. Rejects with `not-supported` where it has no MODE SENSE. */
export async function readSettings(session: DriveSession, options?: CallOptions): Promise<DriveSettings> {
  const mode = await senseMode(session, modePage.all, options)
  const compression = findPage(mode, modePage.compression)
  const medium = findPage(mode, modePage.mediumConfiguration)
  return {
    writeProtected: mode.writeProtected,
    density: mode.block?.density ?? 0,
    fixedBlockBytes: mode.block?.blockBytes ?? 0,
    ...(compression === undefined ? {} : { compression: parseCompressionPage(compression).enabled }),
    ...(medium === undefined ? {} : { worm: parseMediumConfigurationPage(medium).worm }),
  }
}

/** Changes modes, and sees that they are changed: a drive that can't rejects with `not-supported`. */
export async function changeSettings(
  session: DriveSession,
  change: DriveSettingsChange,
  options?: CallOptions,
): Promise<DriveSettings> {
  const pages: ModePage[] = []
  if (change.compression !== undefined) {
    const now = await senseMode(session, modePage.compression, options)
    const page = findPage(now, modePage.compression)
    const told = page === undefined ? undefined : parseCompressionPage(page)
    if (told?.enabled !== change.compression) {
      if (told === undefined || (change.compression && !told.capable))
        throw unsupported(session.name, 'compression')
      pages.push(buildCompressionPage({ ...told, enabled: change.compression, decompress: true }))
    }
  }
  if (pages.length > 0 || change.density !== undefined) {
    const now = await senseMode(session, modePage.compression, options)
    await selectMode(session, { ...now, density: change.density ?? now.block?.density ?? 0, pages }, options)
  }
  const settings = await readSettings(session, options)
  if (change.compression !== undefined && settings.compression !== change.compression)
    throw unsupported(session.name, 'compression')
  if (change.density !== undefined && settings.density !== change.density)
    throw unsupported(session.name, `density ${change.density}`)
  return settings
}

/** The length of all blocks in fixed mode, or 0 for blocks of variable length. */
export async function selectBlockLength(session: DriveSession, blockBytes: number): Promise<void> {
  const now = await senseMode(session, modePage.compression)
  if ((now.block?.blockBytes ?? 0) === blockBytes) return
  await selectMode(session, { ...now, density: now.block?.density ?? 0, blockBytes, pages: [] })
}

/** The formats that the drive, or the volume in it, supports; empty where the drive doesn't tell. */
export async function readDensities(
  session: DriveSession,
  media: boolean,
  options?: CallOptions,
): Promise<readonly DensityDescriptor[]> {
  const { supports } = await session.facts()
  if (!supports.has('report-density-support')) return []
  const allocationLength = 4096
  const cdb = buildCdb('report-density-support', { media, allocationLength })
  const bytes = await session.unit.read(cdb, allocationLength, options)
  if (bytes !== undefined) return parseDensities(bytes)
  supports.refused('report-density-support')
  return []
}

/** What the volume's own memory says; empty where there is none. */
export async function readAttributes(
  session: DriveSession,
  options?: CallOptions,
): Promise<readonly MediumAttribute[]> {
  const { supports } = await session.facts()
  if (!supports.has('read-attribute')) return []
  const allocationLength = 65_536
  const cdb = buildCdb('read-attribute', { allocationLength })
  const bytes = await session.unit.read(cdb, allocationLength, options)
  if (bytes !== undefined) return parseAttributes(bytes)
  supports.refused('read-attribute')
  return []
}

async function senseMode(
  session: DriveSession,
  page: number,
  options?: CallOptions,
): Promise<ModeParameters> {
  const { supports } = await session.facts()
  const forms: readonly ModeForm[] = [6, 10]
  for (const form of forms) {
    const command = form === 6 ? 'mode-sense-6' : 'mode-sense-10'
    if (!supports.has(command)) continue
    const allocationLength = form === 6 ? 255 : 2048
    const cdb = buildCdb(command, { page, allocationLength })
    const bytes = await session.unit.read(cdb, allocationLength, options)
    if (bytes !== undefined) return parseMode(form, bytes)
  }
  throw unsupported(session.name, `mode page ${page.toString(16)}h`)
}

async function selectMode(
  session: DriveSession,
  wanted: ModeParameters & { readonly density: number; readonly blockBytes?: number },
  options?: CallOptions,
): Promise<void> {
  const { supports } = await session.facts()
  const { density, blockBytes = wanted.block?.blockBytes ?? 0 } = wanted
  const mode = { ...wanted, block: { density, blocks: 0, blockBytes } }
  const forms: readonly ModeForm[] = [6, 10]
  for (const form of forms) {
    const command = form === 6 ? 'mode-select-6' : 'mode-select-10'
    if (!supports.has(command)) continue
    const dataOut = buildMode(form, mode, true)
    const cdb = buildCdb(command, { pageFormat: true, parameterListLength: dataOut.length })
    const ended = await session.unit.ask({ cdb, dataOut }, options)
    if (ended.good || ended.meaning === 'recovered') return
    if (ended.meaning !== 'not-supported') throw await session.failure(ended, 'ask')
    supports.refused(command)
  }
  throw unsupported(session.name, 'changing modes')
}
