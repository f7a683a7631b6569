import { readFileSync, readdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { type Allocation, type Files, type JobLogLine, systemFiles } from '@nb/contracts'
import { frameFormatOf, framedHeaderBytes } from '@nb/formats'
import { type MediaStoreFixture, createVirtualClock } from '@nb/test-kit'
import { type DiskStore, type DiskStoreOptions, createDiskStore } from '../src/index.ts'
import { directoryNameOf, fragmentFileName } from '../src/names.ts'

export const storageUnit = 'disk1'

export interface DiskFixture extends MediaStoreFixture {
  readonly store: DiskStore
  readonly directory: string
  readonly lines: readonly JobLogLine[]
  /** Where a fragment's file lies. */
  readonly pathOf: (client: string, backupId: string, copy: number, number: number) => string
}

export function allocationOf(purpose: Allocation['purpose'], unit: string = storageUnit): Allocation {
  return {
    allocationId: 'allocation-1',
    jobId: '1',
    storageUnit: unit,
    mediaServer: 'media1',
    purpose,
    medium: { kind: 'disk', maxFragmentBytes: 2 ** 30 },
    since: 0,
  }
}

let nextDirectory = 0

/** A started disk storage unit in a directory of its own below `root`. */
export async function setupDisk(
  root: string,
  options: Partial<DiskStoreOptions> & { readonly files?: Files } = {},
): Promise<DiskFixture> {
  const { files = systemFiles(), ...rest } = options
  const directory = rest.directory ?? `${root}/unit-${nextDirectory++}`
  const clock = createVirtualClock()
  const lines: JobLogLine[] = []
  const log = {
    append: async (input: { readonly lines: readonly JobLogLine[] }) => void lines.push(...input.lines),
  }
  const make = (): DiskStore => createDiskStore({ files, clock, log }, { storageUnit, ...rest, directory })
  const pathOf: DiskFixture['pathOf'] = (client, backupId, copy, number) =>
    `${directory}/${directoryNameOf(client)}/${directoryNameOf(backupId)}/${fragmentFileName(copy, number)}`
  const store = make()
  await store.start()
  return {
    store,
    directory,
    lines,
    pathOf,
    allocation: (purpose) => allocationOf(purpose),
    reopen: async () => {
      const again = make()
      await again.start()
      return again
    },
    damage: async ({ backupId, copy, number, offset }) => {
      const path = pathOf(backupId.slice(0, backupId.lastIndexOf('_')), backupId, copy, number)
      const compression = frameFormatOf(readFileSync(path).subarray(0, 4))
      await flipBit(path, framedHeaderBytes(compression) + offset)
    },
  }
}

/** Flips the lowest bit of one byte of a file. */
export async function flipBit(path: string, position: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, position)
  byte.writeUInt8((byte[0] as number) ^ 1)
  await file.write(byte, 0, 1, position)
  await file.close()
}

/** All names below a directory. */
export function namesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true }).map(String).sort()
}
