import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { NbError } from '@nb/contracts'
import { Level } from 'level'

/**
 * Takes the folder that a recovery works in, for this process alone; what it answers gives the folder back. The lock is that of an empty
 * LevelDB: the kernel holds it and lets it go with the process, however that ends, so there is none of the dead and none to be judged by age.
 * @throws NbError `store-locked` naming the process that recovers there
 */
export async function lockRecovery(work: string, state: string): Promise<() => Promise<void>> {
  const folder = join(work, 'lock')
  const holder = join(folder, 'process-id')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const lock = await opened(join(folder, 'database')).catch(async (cause: unknown) => {
    if (!isHeld(cause)) throw cause
    const pid = await processIn(holder)
    throw new NbError(
      'store-locked',
      `${pid === undefined ? 'another process' : `process ${pid}`} recovers into ${state} already, in ${work}: wait for its end, or stop it and say this again`,
      { cause, details: { state, pid: pid ?? null } },
    )
  })
  try {
    await writeFile(holder, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    await lock.close()
    throw error
  }
  return () => lock.close()
}

async function opened(path: string): Promise<Level> {
  const lock = new Level(path)
  try {
    await lock.open()
  } catch (cause) {
    if (isHeld(cause)) throw cause
    // A loss of power may have left it half made. Nothing is in it; this takes the lock too, and fails where it is held.
    await destroy(path)
    await lock.open()
  }
  return lock
}

/** `level` declares only what its browser form has too. */
const { destroy } = Level as unknown as { readonly destroy: (path: string) => Promise<void> }

function isHeld(error: unknown): boolean {
  const { code, cause } = error as Error & { readonly code?: string }
  return code === 'LEVEL_LOCKED' || (cause as { readonly code?: string } | undefined)?.code === 'LEVEL_LOCKED'
}

/** The process that has noted its number last, if it lives: one that has taken the lock just now has not done so yet. */
async function processIn(holder: string): Promise<number | undefined> {
  const pid = Number(await readFile(holder, 'utf8').catch(() => ''))
  try {
    return pid > 0 && process.kill(pid, 0) ? pid : undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? pid : undefined
  }
}
