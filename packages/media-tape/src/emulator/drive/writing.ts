import { encryptionMode, modePage } from '../../scsi/command-codes.ts'
import { buildKeyData } from '../../scsi/key-associated-data.ts'
import { type Answer, check, CheckCondition, good, invalidField } from '../target/answer.ts'
import { conditions } from '../target/conditions.ts'
import { mostBlockBytes } from '../target/mode-commands.ts'
import { tapeAlert } from '../target/tape-alerts.ts'
import { type CommandTable, dueFault, type Task } from '../target/unit-command.ts'
import { sealBlock } from './block-cipher.ts'
import { type DriveContext, isNearEnd } from './drive-context.ts'
import type { Medium } from './mechanism.ts'

/** Of one command: they take no room on the medium, but in memory they do. */
const mostFilemarks = 10_000

/** WRITE(6), WRITE FILEMARKS(6) and ERASE(6) (SSC-5, 5 and 6). */
export function writingCommands(context: DriveContext): CommandTable {
  const { mechanism, header } = context
  return {
    'write-6': {
      run: async ({ fixed, transferLength }, task) => {
        const medium = mechanism.ready()
        if (fixed && header.blockBytes === 0) throw invalidField('write-6', 'fixed')
        const blockBytes = fixed ? header.blockBytes : transferLength
        const blocks = fixed ? transferLength : Math.min(1, transferLength)
        if (blockBytes > mostBlockBytes) throw invalidField('write-6', 'transferLength')
        requireWritable(context, medium, blocks > 0)
        if (task.dataOut.length < blocks * blockBytes) throw new CheckCondition(conditions.transferAborted)
        const lack = (done: number): number => (fixed ? blocks - done : transferLength)
        for (let done = 0; done < blocks; done++) {
          await mechanism.noticeFailure(false)
          const block = task.dataOut.subarray(done * blockBytes, (done + 1) * blockBytes)
          const failed = await writeBlock(context, medium, block, task)
          if (failed === undefined) continue
          const endOfMedium = failed === conditions.overflow
          return check(failed, { endOfMedium, information: lack(done) }, { dataOutBytes: done * blockBytes })
        }
        if (header.bufferedMode === 0) await mechanism.flush(task.signal)
        return told(medium, mechanism.at, blocks * blockBytes)
      },
    },
    'write-filemarks-6': {
      run: async ({ immediate, count }, { signal }) => {
        const medium = mechanism.ready()
        if (count > mostFilemarks) throw invalidField('write-filemarks-6', 'count')
        requireWritable(context, medium, count > 0)
        await mechanism.noticeFailure(false)
        if (count > 0) await medium.cartridge.cut(mechanism.at)
        for (let mark = 0; mark < count; mark++) {
          await medium.cartridge.appendFilemark()
          mechanism.at += 1
        }
        if (!immediate) await mechanism.flush(signal)
        return told(medium, mechanism.at, 0)
      },
    },
    'erase-6': {
      run: async ({ immediate, long }, { signal }) => {
        const medium = mechanism.ready()
        requireWritable(context, medium, true)
        await mechanism.flush(signal)
        await medium.cartridge.cut(mechanism.at)
        if (long) await mechanism.wholeTape(signal, immediate)
        return good()
      },
    },
  }
}

/** Writes a block at the position, or gives why not: nothing of it is on the tape then, and nothing behind the position any more. */
async function writeBlock(
  { mechanism, unit, compressionRatio, encryption }: DriveContext,
  medium: Medium,
  block: Uint8Array,
  task: Task,
): Promise<typeof conditions.overflow | typeof conditions.writeError | undefined> {
  const { cartridge, volume } = medium
  const { at } = mechanism
  const compresses = ((unit.modes.current(modePage.compression)[0] ?? 0) & 0x80) !== 0
  const mediaBytes = compresses ? Math.ceil(block.length / compressionRatio) : block.length
  const used = cartridge.index.mediaBytesBefore(at)
  if (dueFault(task, 'end-of-medium') !== undefined)
    medium.volume = { ...volume, capacityBytes: Math.max(1, used), earlyWarningBytes: 0 }
  if (used + mediaBytes > medium.volume.capacityBytes) return conditions.overflow
  const fault = dueFault(task, 'write-error')
  await cartridge.cut(at)
  const isBad = volume.damaged.writing.includes(at)
  if (isBad || (fault !== undefined && fault.later === undefined)) {
    unit.alerts.raise(tapeAlert.writeFailure)
    return conditions.writeError
  }
  if (fault?.later !== undefined) mechanism.lateFailure ??= { object: at, noticedAt: at + fault.later }
  const { encryption: mode, key, keyData } = encryption.of(task.initiator)
  if (mode === encryptionMode.encrypt)
    await cartridge.appendBlock(sealBlock(key, buildKeyData(keyData), block), mediaBytes, true)
  else await cartridge.appendBlock(block, mediaBytes)
  mechanism.at += 1
  medium.volume = { ...medium.volume, writtenBytes: medium.volume.writtenBytes + block.length }
  await mechanism.spend(mechanism.stream.write(mediaBytes, mechanism.now()), task.signal)
  return undefined
}

/** GOOD, or what tells that the end is near (SSC-5, 4.2.5 early warning): all was written. */
function told(medium: Medium, at: number, dataOutBytes: number): Answer {
  if (!isNearEnd(medium, at)) return good()
  return check(conditions.endOfMedium, { endOfMedium: true, information: 0 }, { dataOutBytes })
}

function requireWritable(
  { unit, mechanism }: DriveContext,
  { volume, cartridge }: Medium,
  writes: boolean,
): void {
  if (volume.writeProtected) {
    unit.alerts.raise(tapeAlert.writeProtect)
    throw new CheckCondition(conditions.writeProtected)
  }
  if (writes && volume.kind === 'worm' && mechanism.at < cartridge.index.objects)
    throw new CheckCondition(conditions.wormOverwrite)
}
