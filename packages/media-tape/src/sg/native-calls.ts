import { constants as fileConstants } from 'node:fs'
import { open } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, constants, platform } from 'node:os'
import { NbError } from '@nb/contracts'
import type { SgCalls, SgDevice } from './sg-calls.ts'
import { SgThread } from './sg-thread.ts'

const SG_GET_VERSION_NUM = 0x2282
const SG_SCSI_RESET = 0x2284
const SG_IO = 0x2285
/** SG_SCSI_RESET_DEVICE, with SG_SCSI_RESET_NO_ESCALATE: where the unit can't be reset, nothing larger is. */
const RESET_UNIT_ALONE = 0x101

/** The part of `koffi` that is used here; its own declarations want a resolved native build. */
interface Koffi {
  address(bytes: Uint8Array): bigint
}

/**
 * The calls of this machine.
 * @throws NbError `not-supported` where there are none: elsewhere than on Linux on x64 and arm64, or without `koffi`
 */
export function nativeSgCalls(): SgCalls {
  if (platform() !== 'linux' || (arch() !== 'x64' && arch() !== 'arm64'))
    throw unsupported(`SCSI devices are reached on linux on x64 and arm64, not on ${platform()} on ${arch()}`)
  const koffi = loadKoffi()
  const allocate: SgCalls['allocate'] = (sizeBytes) => {
    // Outside the engine's heap, where nothing is moved.
    const bytes = new Uint8Array(new SharedArrayBuffer(sizeBytes))
    return { bytes, address: koffi.address(bytes) }
  }
  return { allocate, open: (path) => openDevice(path, allocate) }
}

async function openDevice(path: string, allocate: SgCalls['allocate']): ReturnType<SgCalls['open']> {
  let file: Awaited<ReturnType<typeof open>>
  try {
    // O_NONBLOCK: st would wait for a medium, sg for others who have it alone.
    file = await open(path, fileConstants.O_RDWR | fileConstants.O_NONBLOCK)
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException
    if (errno === undefined) throw error
    return { errno: -errno }
  }
  const thread = new SgThread()
  const number = allocate(8)
  const errno = await thread.ioctl(file.fd, SG_GET_VERSION_NUM, number.address)
  if (errno !== 0) {
    await thread.end()
    await file.close()
    // What is no device at all, or another kind of one, knows no such call.
    return { errno: errno === constants.errno.EINVAL ? constants.errno.ENOTTY : errno }
  }
  const device: SgDevice = {
    execute: ({ address }) => thread.ioctl(file.fd, SG_IO, address),
    async reset() {
      // The device's own thread may be within a command.
      const another = new SgThread()
      const how = allocate(8)
      new DataView(how.bytes.buffer).setInt32(0, RESET_UNIT_ALONE, true)
      try {
        return await another.ioctl(file.fd, SG_SCSI_RESET, how.address)
      } finally {
        await another.end()
      }
    },
    async close() {
      await thread.end()
      await file.close()
    },
  }
  return { device }
}

function loadKoffi(): Koffi {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi
  } catch (error) {
    throw unsupported(`koffi can't be loaded: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function unsupported(why: string): NbError {
  return new NbError('not-supported', why)
}
