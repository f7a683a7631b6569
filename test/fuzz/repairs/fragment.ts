import { checksumOf, checksumText } from '../../../packages/formats/src/checksum.ts'
import { below, oneOf } from '../engine/mutate.ts'
import type { Random } from '../engine/mutate.ts'
import { resealTar } from './tar.ts'

const header = 8192
const footer = 4096
const checkAt = 512 + '{"check":"'.length

/** Where the footer's member begins: the last 4,096 bytes, or those before the end-of-archive marker. */
function footerStart(bytes: Buffer): number | undefined {
  const start = bytes.lastIndexOf('.nb/FOOTER.json')
  return start === -1 || start + footer > bytes.length ? undefined : start
}

/** Puts the right `check` into a JSON member that proves itself. */
export function sealMember(bytes: Buffer, start: number, length: number): void {
  if (start + length > bytes.length) return
  bytes.write('0000000000000000', start + checkAt, 'latin1')
  bytes.write(checksumText(checksumOf(bytes.subarray(start, start + length))), start + checkAt, 'latin1')
}

/** Right checks for header and footer, and the header's checksum in the footer. */
export function resealFragment(input: Buffer): Buffer {
  sealMember(input, 0, header)
  const start = footerStart(input)
  if (start === undefined) return input
  const head = checksumText(checksumOf(input.subarray(0, header)))
  const field = input.indexOf('"headerChecksum":"', start)
  if (field > start && field < start + footer - 40)
    input.write(head, field + '"headerChecksum":"'.length, 'latin1')
  sealMember(input, start, footer)
  return input
}

/** Checksums of the blocks and of the trailer's members as the footer tells where they are, then all else. */
export function resealContents(input: Buffer): Buffer {
  const told = tellOf(input)
  if (told !== undefined) {
    const [, , blocks] = told.members
    if (blocks !== undefined && told.blockBytes >= 512 && fits(input, blocks))
      for (
        let at = 0, sum = 0;
        at < told.payloadBytes && (sum + 1) * 8 <= blocks.sizeBytes;
        at += told.blockBytes, sum++
      ) {
        const end = Math.min(at + told.blockBytes, told.payloadBytes)
        if (header + end > input.length) break
        input.writeBigUInt64LE(checksumOf(input.subarray(header + at, header + end)), blocks.offset + sum * 8)
      }
    for (const member of told.members) {
      if (!fits(input, member)) continue
      const sum = checksumText(checksumOf(input.subarray(member.offset, member.offset + member.sizeBytes)))
      const at = input.indexOf(`"checksum":"${member.checksum}"`, footerStart(input))
      if (at !== -1) input.write(sum, at + '"checksum":"'.length, 'latin1')
    }
  }
  return resealFragment(input)
}

interface Told {
  readonly payloadBytes: number
  readonly blockBytes: number
  readonly members: readonly {
    readonly offset: number
    readonly sizeBytes: number
    readonly checksum: string
  }[]
}

function tellOf(input: Buffer): Told | undefined {
  const start = footerStart(input)
  if (start === undefined) return undefined
  try {
    const told = JSON.parse(input.toString('utf8', start + 512, start + footer)) as Told
    const isUsable =
      Array.isArray(told.members) && told.members.every((member) => typeof member === 'object' && member)
    return isUsable ? told : undefined
  } catch {
    return undefined
  }
}

function fits(input: Buffer, { offset, sizeBytes }: { offset: number; sizeBytes: number }): boolean {
  return Number.isSafeInteger(offset) && offset >= 0 && sizeBytes >= 0 && offset + sizeBytes <= input.length
}

const jsonValues = [
  ...[
    '0',
    '1',
    '-1',
    '511',
    '512',
    '1024',
    '9007199254740991',
    '9007199254740992',
    '1e400',
    '1.5',
    'null',
    'true',
  ],
  ...[
    '[]',
    '{}',
    '""',
    '"x"',
    '[null]',
    '"nb-disk/2"',
    '"2026-13-01"',
    '"1970-01-01T00:00:00Z"',
    '"+275760-09-13T00:00:00Z"',
  ],
]

/** Another value for one property of the header or the footer, sealed again. */
export function otherProperty(input: Buffer, random: Random): Buffer {
  const start = random() < 0.5 ? 0 : (footerStart(input) ?? 0)
  const length = start === 0 ? header : footer
  try {
    const text = input.toString('utf8', start + 512, Math.min(start + length, input.length))
    const value = JSON.parse(text) as Record<string, unknown>
    const names = Object.keys(value)
    const members = value['members']
    const holder =
      Array.isArray(members) && random() < 0.4
        ? ((oneOf(random, members) ?? value) as Record<string, unknown>)
        : value
    const name = oneOf(random, holder === value ? names.slice(1) : Object.keys(holder)) ?? ''
    if (random() < 0.15) delete holder[name]
    else holder[name] = JSON.parse(oneOf(random, jsonValues) ?? '0')
    const changed = Buffer.from(`${JSON.stringify(value)}\n`)
    if (changed.length <= length - 512) {
      input.fill(0x0a, start + 512, Math.min(start + length, input.length))
      changed.copy(input, start + 512)
    }
  } catch {
    // It was no JSON any more; what is changed is another byte.
    if (input.length > 0) input[below(random, input.length)] = below(random, 256)
  }
  return random() < 0.5 ? resealContents(input) : resealFragment(input)
}

/** Tar headers, contents and checks, all right. */
export function resealAll(input: Buffer): Buffer {
  return resealContents(resealTar(input))
}
