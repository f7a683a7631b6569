import { randomBytes } from 'node:crypto'
import { chmod, link, lstat, mkdir, mkdtemp, rename, rm, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { NbError } from '@nb/contracts'

/** The longest path the kernel takes for a socket, bytes without the closing zero. */
const longestSocketPath = 107

/** What is told of the process that holds a socket. */
export interface SocketHolder {
  readonly pid?: number
}

/**
 * Lets a server listen on a Unix socket that only this user can open, from the first moment on: it is bound inside
 * a private directory and then linked to its place. The socket of a process that is gone is replaced, that of a
 * living one is not: `store-locked`, with what `askHolder` finds out. Gives the function that takes the socket away.
 */
export async function claimSocket(
  server: Server,
  socketPath: string,
  askHolder: (socketPath: string) => Promise<SocketHolder>,
): Promise<() => Promise<void>> {
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o700 })
  const nursery = await mkdtemp(join(dirname(socketPath), '.nb-'))
  const born = join(nursery, 's')
  try {
    refuseLongPath(born)
    await listen(server, born)
    await chmod(born, 0o600)
    const { ino } = await lstat(born)
    await moveIn(born, socketPath, askHolder)
    return async () => {
      if ((await inodeOf(socketPath)) === ino) await unlink(socketPath)
    }
  } catch (error) {
    server.close()
    throw error
  } finally {
    await rm(nursery, { recursive: true, force: true })
  }
}

/** A socket path in a directory that nobody uses yet. */
export function freshSocketPath(directory: string): string {
  return join(directory, `d-${randomBytes(6).toString('base64url')}`)
}

async function moveIn(
  born: string,
  socketPath: string,
  askHolder: (socketPath: string) => Promise<SocketHolder>,
): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      return await linkOrRename(born, socketPath)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      await removeStale(socketPath, askHolder)
    }
  }
  throw locked(socketPath, {})
}

async function linkOrRename(born: string, socketPath: string): Promise<void> {
  try {
    await link(born, socketPath)
  } catch (error) {
    // Some file systems have no hard links, or none of sockets.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'].includes(codeOf(error))) throw error
    if ((await inodeOf(socketPath)) !== undefined)
      throw Object.assign(new Error(`${socketPath} exists`, { cause: error }), { code: 'EEXIST' })
    await rename(born, socketPath)
  }
}

async function removeStale(
  socketPath: string,
  askHolder: (socketPath: string) => Promise<SocketHolder>,
): Promise<void> {
  const found = await lstat(socketPath).catch(() => undefined)
  if (found === undefined) return
  if (!found.isSocket())
    throw new NbError('already-exists', `${socketPath} is in the way and not a socket; move it away`, {
      details: { socketPath },
    })
  if (await somebodyListens(socketPath)) throw locked(socketPath, await askHolder(socketPath))
  if ((await inodeOf(socketPath)) === found.ino) await unlink(socketPath)
}

function locked(socketPath: string, { pid }: SocketHolder): NbError {
  const holder = pid === undefined ? 'another process' : `process ${pid}`
  return new NbError('store-locked', `${holder} serves ${socketPath}; stop it, or use another --state`, {
    details: pid === undefined ? { socketPath } : { socketPath, pid },
  })
}

function refuseLongPath(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes <= longestSocketPath) return
  throw new NbError(
    'argument-invalid',
    `the socket path ${path} has ${bytes} bytes, more than the ${longestSocketPath} the kernel takes; use a shorter directory`,
    { details: { field: 'socketPath', bytes } },
  )
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function somebodyListens(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socketPath, () => {
      probe.destroy()
      resolve(true)
    })
    // A full backlog (EAGAIN) is a living process, too busy to accept.
    probe.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(codeOf(error))))
  })
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).ino
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? ''
}
