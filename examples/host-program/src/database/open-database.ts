import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NbError, type Store, systemFiles } from '@nb/contracts'
import { CautiousLevel } from './cautious-level.ts'
import { checkDatabase } from './check/check-database.ts'

/** Whom the opening of a database tells what it need not be refused for. */
export interface DatabaseEvents {
  /** A write has failed: nothing can be written from then on, so the server is best ended. @default nobody is told */
  readonly onFailure?: (error: NbError) => void
  /** So many bytes of its log can't be read and were passed over. @default nobody is told */
  readonly onLoss?: (bytes: number) => void
}

/**
 * Opens the database of a state folder, which one process at a time may hold, once all its checksums are found right: LevelDB itself
 * hands out what is in a table without a look at them.
 * @throws NbError `store-locked` naming the process that holds it, `store-corrupt`, `store-failed`
 */
export async function openDatabase(
  state: string,
  { onFailure = () => undefined, onLoss = () => undefined }: DatabaseEvents = {},
): Promise<Store> {
  const holder = join(state, 'process-id')
  await systemFiles()
    .makeDirectory(state)
    .catch((cause: unknown) => {
      throw failed(state, cause)
    })
  refuseHeadless(state)
  const folder = join(state, 'database')
  const { faults, silentBytes } = await checkDatabase(folder)
  const [fault] = faults
  // While another process writes it, what is read of it may not fit together.
  if (fault !== undefined && !isHeld(holder)) throw damaged(state, fault)
  const database = new CautiousLevel(folder, onFailure)
  try {
    await database.open()
  } catch (cause) {
    throw explain(state, holder, cause)
  }
  if (fault !== undefined) {
    await database.close()
    throw damaged(state, fault)
  }
  if (silentBytes > 0) onLoss(silentBytes)
  try {
    writeFileSync(holder, `${process.pid}\n`, { mode: 0o600 })
  } catch (cause) {
    await database.close()
    throw failed(state, cause)
  }
  return database
}

/** What an administrator must know of bytes of the database's log that could not be read. */
export function lossWarning(bytes: number): string {
  return `the database lost ${bytes} bytes of damaged records when it was opened: check policies and jobs (nb policies, nb jobs). Images are kept outside it and are whole`
}

function explain(state: string, holder: string, cause: unknown): NbError {
  const inner = (cause as { readonly cause?: { readonly code?: string; readonly message?: string } }).cause
  if (inner?.code === 'LEVEL_LOCKED') {
    const pid = holderOf(holder)
    return new NbError(
      'store-locked',
      `the state ${state} is in use by process ${pid ?? 'unknown'}: stop it, or choose another folder with --state`,
      { cause, details: { state, pid: pid ?? null } },
    )
  }
  return asDamaged(state, cause) ?? failed(state, cause)
}

/** LevelDB takes a folder that has lost its `CURRENT` for a new one, and all that was in it would seem never to have been. */
function refuseHeadless(state: string): void {
  const folder = join(state, 'database')
  const names = existsSync(folder) ? readdirSync(folder) : []
  const used = names.some((name) => /^\d+\.(ldb|log)$/.test(name))
  if (used && !names.includes('CURRENT')) throw damaged(state, 'CURRENT is missing')
}

const damageCodes = new Set(['LEVEL_CORRUPTION', 'LEVEL_DECODE_ERROR'])

/** `store-corrupt` with what to do, if an error comes from a damaged database. */
export function asDamaged(state: string, error: unknown): NbError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, message } = cause as Error & { readonly code?: string }
    // A table or the manifest that is missing, or so short that its end is before its begin.
    const unreadable = code === 'LEVEL_IO_ERROR' && /No such file|Invalid argument/.test(message)
    if (code !== undefined && (damageCodes.has(code) || unreadable)) return damaged(state, message, error)
  }
  return undefined
}

function damaged(state: string, how: string, cause?: unknown): NbError {
  return new NbError(
    'store-corrupt',
    `the database in ${state}/database is damaged (${how}): move that folder away and start again; images and their headers are kept outside it and indexed anew, policies and jobs are not`,
    { details: { state }, ...(cause === undefined ? {} : { cause }) },
  )
}

function failed(state: string, cause: unknown): NbError {
  const reason = (cause as { readonly cause?: Error }).cause?.message ?? (cause as Error).message
  return new NbError('store-failed', `the state ${state} can't be opened: ${reason}`, {
    cause,
    details: { state },
  })
}

/** Whether the process that opened it last, or another with its number, is alive. */
function isHeld(holder: string): boolean {
  const pid = holderOf(holder)
  try {
    return pid !== undefined && pid !== process.pid && process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function holderOf(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8').trim()) || undefined
  } catch {
    return undefined
  }
}
