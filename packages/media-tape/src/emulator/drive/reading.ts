import { decryptionMode } from '../../scsi/command-codes.ts'
import { buildBlockLimits } from '../../scsi/tape-answers.ts'
import { type Answer, check, CheckCondition, good, invalidField } from '../target/answer.ts'
import { type Condition, conditions } from '../target/conditions.ts'
import { mostBlockBytes } from '../target/mode-commands.ts'
import { tapeAlert } from '../target/tape-alerts.ts'
import { type CommandTable, dueFault, type Task } from '../target/unit-command.ts'
import { describeSealed, openBlock } from './block-cipher.ts'
import type { DriveContext } from './drive-context.ts'

/** READ(6), VERIFY(6) and READ BLOCK LIMITS (SSC-5, 5 and 6). */
export function readingCommands(context: DriveContext): CommandTable {
  const { mechanism, header } = context
  return {
    'read-6': {
      run: async ({ fixed, suppressLength, transferLength }, task) => {
        mechanism.ready()
        if (fixed && suppressLength) throw invalidField('read-6', 'suppressLength')
        if (fixed && header.blockBytes === 0) throw invalidField('read-6', 'fixed')
        if (transferLength === 0) return good()
        if (fixed) return readFixed(context, transferLength, task)
        const block = await nextBlock(context, transferLength, task)
        const dataIn = block.subarray(0, transferLength)
        const information = transferLength - block.length
        // An overlength is told in spite of SILI where a fixed length is set (SSC-5, READ(6)).
        const isTold = !suppressLength || (information < 0 && header.blockBytes !== 0)
        if (information === 0 || !isTold) return good(dataIn)
        return check(conditions.none, { incorrectLength: true, information }, { dataIn })
      },
    },
    'verify-6': {
      run: async ({ fixed, byteCompare, length }, task) => {
        mechanism.ready()
        if (byteCompare) throw invalidField('verify-6', 'byteCompare')
        if (fixed && header.blockBytes === 0) throw invalidField('verify-6', 'fixed')
        if (length === 0) return good()
        if (fixed) {
          const { dataIn: _, ...answer } = await readFixed(context, length, task)
          return answer
        }
        const information = length - (await nextBlock(context, length, task)).length
        if (information === 0) return good()
        return check(conditions.none, { incorrectLength: true, information })
      },
    },
    'read-block-limits': {
      run: ({ mostObject }) => {
        if (mostObject) throw invalidField('read-block-limits', 'mostObject')
        return good(buildBlockLimits({ granularity: 0, mostBytes: mostBlockBytes, leastBytes: 1 }))
      },
    },
  }
}

/** Blocks of the fixed length; what ends it early leaves the blocks before it to the host. */
async function readFixed(context: DriveContext, blocks: number, task: Task): Promise<Answer> {
  const { blockBytes } = context.header
  const read: Uint8Array[] = []
  for (let left = blocks; left > 0; left--) {
    try {
      const block = await nextBlock(context, left, task)
      if (block.length !== blockBytes)
        throw new CheckCondition(conditions.none, { incorrectLength: true, information: left })
      read.push(block)
    } catch (error) {
      if (error instanceof CheckCondition)
        return check(error.sense, error.sense, { dataIn: Buffer.concat(read) })
      throw error
    }
  }
  return good(Buffer.concat(read))
}

/**
 * The block at the position, which is then after it; also when it can't be read, or is a filemark. `asked` is what the sense data tell as
 * not done.
 */
async function nextBlock(context: DriveContext, asked: number, task: Task): Promise<Uint8Array> {
  const { mechanism, unit } = context
  const medium = mechanism.ready()
  const { index } = medium.cartridge
  await mechanism.noticeFailure(true)
  // A change of direction: what is in the buffer goes onto the tape first.
  if (medium.cartridge.durableObjects < index.objects) await mechanism.flush(task.signal)
  const { at } = mechanism
  if (at >= index.objects) throw new CheckCondition(conditions.endOfData, { information: asked })
  mechanism.at += 1
  if (index.isFilemark(at))
    throw new CheckCondition(conditions.filemark, { filemark: true, information: asked })
  const isBad = medium.volume.damaged.reading.includes(at) || dueFault(task, 'read-error') !== undefined
  const recorded = isBad ? undefined : await medium.cartridge.read(at)
  if (recorded === undefined) {
    unit.alerts.raise(tapeAlert.readFailure)
    throw new CheckCondition(conditions.readError, { information: asked })
  }
  const block = decrypted(context, recorded, at, task, asked)
  medium.volume = { ...medium.volume, readBytes: medium.volume.readBytes + block.length }
  const mediaBytes = index.mediaBytesBefore(at + 1) - index.mediaBytesBefore(at)
  await mechanism.spend(mechanism.stream.read(mediaBytes, mechanism.now()), task.signal)
  return block
}

/**
 * What a host gets of a recorded block. Throws 7/74/04 for one that was changed, which is passed over, and what keeps the drive from
 * decrypting, standing before it: no key, another, or none that the block has (SSC-5, data encryption).
 */
function decrypted(
  { mechanism, encryption }: DriveContext,
  recorded: Uint8Array,
  at: number,
  { initiator }: Task,
  information: number,
): Uint8Array {
  const { decryption, key } = encryption.of(initiator)
  const isEncrypted = mechanism.ready().cartridge.index.isEncrypted(at)
  const refused = (condition: Condition): CheckCondition => {
    mechanism.at = at
    return new CheckCondition(condition, { information })
  }
  if (!isEncrypted) {
    if (decryption === decryptionMode.decrypt) throw refused(conditions.notEncrypted)
    return recorded
  }
  if (decryption === decryptionMode.disable) throw refused(conditions.unableToDecrypt)
  const sealed = describeSealed(recorded, key)
  if (sealed?.isOfKey === false) throw refused(conditions.wrongKey)
  const block = openBlock(key, recorded)
  if (block === undefined) throw new CheckCondition(conditions.cipherIntegrity, { information })
  return block
}
