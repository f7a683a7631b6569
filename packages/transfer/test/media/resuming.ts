// A tree of files, a real client agent, and tries of its backup that take a checkpoint after every entry.
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BackupSessionSpec, type FragmentRecord, type SessionReport, toPath } from '@nb/contracts'
import { decodeFileListHeader } from '@nb/formats'
import { type LocalClientAgent, createClientAgent } from '../../src/index.ts'
import { decodeList } from '../client/read-in-thread.ts'
import { noise } from './made-image.ts'
import { type World, type WorldOptions, allocationOf, backupId, createWorld } from './world.ts'

/** Makes a small tree with a file of 700 kB in it, and a file that has names far apart. */
export function makeSource(source: string): void {
  for (const name of ['', 'a', 'b', 'b/deep', 'c']) mkdirSync(join(source, name))
  const sizes = {
    'a/1': 10,
    'a/2': 0,
    'b/big': 700_000,
    'b/deep/1': 3000,
    'b/deep/2': 513,
    'c/1': 70_000,
    z: 1,
  }
  for (const [name, size] of Object.entries(sizes)) writeFileSync(join(source, name), noise(size + 1, size))
  linkSync(join(source, 'a/1'), join(source, 'c/same as a1'))
  for (const name of Object.keys(sizes)) utimesSync(join(source, name), 1e9, 1e9)
}

/** How a try of a backup was set up. */
export interface Try {
  readonly world: World
  readonly agent: LocalClientAgent
  readonly spec: BackupSessionSpec
  /** Ends server and agent, however they stand. */
  readonly stop: () => Promise<void>
}

/** A media server and a client agent that know nothing of an earlier try but what it has left. */
export async function nextTry(
  source: string,
  root: string,
  { resumed = true, ...options }: WorldOptions & { readonly resumed?: boolean } = {},
): Promise<Try> {
  let agent: LocalClientAgent | undefined
  const world = await createWorld(root, {
    ...options,
    makeAgent: (channels, log) => (agent = createClientAgent({ channels, log, clock: laterClock })),
  })
  world.maxFragmentBytes = 2 ** 30
  const resumeFrom = resumed ? world.checkpoints.at(-1) : undefined
  const roots = [toPath(source)]
  const spec: BackupSessionSpec = {
    ...world.backupSpec(),
    walk: { roots, exclude: [], include: [], crossMountPoints: false },
    checkpointIntervalMs: 0,
    ...(resumeFrom === undefined ? {} : { resumeFrom }),
  }
  const stop = async (): Promise<void> => {
    await world.server.stop()
    await agent?.stop()
  }
  return { world, agent: agent as unknown as LocalClientAgent, spec, stop }
}

const laterClock: Parameters<typeof createClientAgent>[0]['clock'] = {
  now: () => Date.now(),
  setTimer: (delayMs, action) => {
    const timer = setTimeout(action, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
  sleep: () => Promise.reject(new Error('nobody sleeps here')),
}

/** What was written: the stream, and the list as the fragments carry it. */
export interface Written {
  readonly stream: Buffer
  readonly list: Buffer
  readonly names: readonly string[]
}

/** Reads back all fragments, by the store and by tar. */
export async function readWritten(world: World, report: SessionReport): Promise<Written> {
  const fragments = report.written?.copies[0]?.fragments ?? []
  const medium = await world.store.mount({
    allocation: allocationOf('3', 'read', 2 ** 30),
    jobId: '3',
    flow: 'restore',
  })
  const stream: Buffer[] = []
  const lists: Buffer[] = []
  for (const fragment of fragments) {
    const reader = await medium.openFragment({ backupId, copy: 1, fragment })
    for await (const chunk of reader.read({ offset: 0, bytes: fragment.streamBytes }))
      stream.push(Buffer.from(chunk))
    await reader.close()
    lists.push(await trailerList(world, fragment))
  }
  await medium.unmount()
  const parts = lists.map((list, index) =>
    index === 0 ? list : list.subarray(list.length === 0 ? 0 : decodeFileListHeader(list).byteLength),
  )
  const list = Buffer.concat(parts)
  const names = decodeList(list).records.map(({ path }) => path.toString())
  return { stream: Buffer.concat(stream), list, names }
}

/** The part of the list that a fragment's trailer holds, as tar finds it. */
async function trailerList({ directory }: World, { number }: FragmentRecord): Promise<Buffer> {
  const file = `${directory}/web1/${backupId}/1-${String(number).padStart(6, '0')}.nbf`
  return execFileSync('tar', ['-xOf', file, '.nb/FILES'], { maxBuffer: 2 ** 27 })
}

/** A fragment of whole members is a tar of its own. */
export function tarNames({ directory }: World, fragments: readonly FragmentRecord[]): readonly string[] {
  return fragments.flatMap(({ number }) => {
    const file = `${directory}/web1/${backupId}/1-${String(number).padStart(6, '0')}.nbf`
    return execFileSync('tar', ['-tf', file])
      .toString()
      .split('\n')
      .filter((name) => name !== '' && !name.startsWith('.nb/'))
  })
}
