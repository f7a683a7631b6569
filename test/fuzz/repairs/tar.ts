import { below, oneOf } from '../engine/mutate.ts'
import type { Random } from '../engine/mutate.ts'

const block = 512
const SIZE_AT = 124
const CHECKSUM_AT = 148
const TYPE_AT = 156

/** Puts the right checksum into every block that has the magic of a tar header, and into the first. */
export function resealTar(input: Buffer): Buffer {
  for (let at = 0; at + block <= input.length; at += block)
    if (at === 0 || input.toString('latin1', at + 257, at + 262) === 'ustar') resealBlock(input, at)
  return input
}

function resealBlock(bytes: Buffer, at: number): void {
  bytes.fill(0x20, at + CHECKSUM_AT, at + CHECKSUM_AT + 8)
  let sum = 0
  for (let index = at; index < at + block; index++) sum += bytes[index] ?? 0
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + CHECKSUM_AT, 'latin1')
}

const types = ['x', 'x', 'g', 'L', 'K', '0', '1', '2', '3', '4', '5', '6', '7', 'S', 'D', 'V', 'M', '\0']
const sizes = ['00000000000', '00000000001', '00000001000', '00000100000', '77777777777', '00100000001']

/** Another kind or size for one header, everything else in order. */
export function otherHeader(input: Buffer, random: Random): Buffer {
  const headers = headersOf(input)
  const at = oneOf(random, headers)
  if (at !== undefined) {
    if (random() < 0.5) input.write(oneOf(random, types) ?? '0', at + TYPE_AT, 'latin1')
    else if (random() < 0.5) input.write(oneOf(random, sizes) ?? '', at + SIZE_AT, 'latin1')
    else {
      // A binary number, as GNU tar writes what octal cannot say.
      input[at + SIZE_AT] = random() < 0.3 ? 0xff : 0x80
      for (let index = 1; index < 12; index++)
        input[at + SIZE_AT + index] = random() < 0.5 ? 0 : below(random, 256)
    }
  }
  return resealTar(input)
}

const keywords = [
  ...['path', 'linkpath', 'size', 'uid', 'gid', 'uname', 'gname', 'mtime', 'atime', 'ctime', 'hdrcharset'],
  ...[
    'SCHILY.devmajor',
    'SCHILY.devminor',
    'SCHILY.acl.access',
    'SCHILY.acl.default',
    'SCHILY.xattr.user.a%3Db',
  ],
  ...['GNU.sparse.major', 'GNU.sparse.minor', 'GNU.sparse.name', 'GNU.sparse.realsize', 'GNU.sparse.map'],
  ...['NB.note', 'NB.__proto__', 'SCHILY.xattr.', 'GNU.sparse.numblocks', 'comment'],
]
const values = [
  ...[
    '',
    '0',
    '1',
    '512',
    '100000',
    '9007199254740991',
    '9007199254740992',
    '-1',
    '1e3',
    '0x10',
    ' 1',
    '1.5',
  ],
  ...[
    '-0.500000000',
    '999999999999999.999999999',
    '1.',
    '.5',
    '../../etc',
    '/',
    '//',
    '..',
    '.',
    'a/',
    '\xff\xfe',
  ],
  ...['a\0b', 'BINARY', 'user::rwx', '=', '\n', 'n'.repeat(300)],
]

/** Other records for one extended header, in well-formed lines; its size and padding are made to fit. */
export function otherRecords(input: Buffer, random: Random): Buffer {
  const headers = headersOf(input).filter(
    (at) => input[at + TYPE_AT] === 0x78 || input[at + TYPE_AT] === 0x67,
  )
  const at = oneOf(random, headers)
  if (at === undefined) return otherHeader(input, random)
  const size = Number.parseInt(input.toString('latin1', at + SIZE_AT, at + SIZE_AT + 11), 8) || 0
  const end = Math.min(at + block + Math.ceil(size / block) * block, input.length)
  const kept = random() < 0.5 ? input.subarray(at + block, Math.min(at + block + size, end)) : Buffer.alloc(0)
  const records = Array.from({ length: 1 + below(random, 5) }, () =>
    record(oneOf(random, keywords) ?? '', oneOf(random, values) ?? ''),
  )
  const body = Buffer.concat([kept, ...records])
  const padding = Buffer.alloc((block - (body.length % block)) % block)
  input.write(body.length.toString(8).padStart(11, '0'), at + SIZE_AT, 'latin1')
  return resealTar(Buffer.concat([input.subarray(0, at + block), body, padding, input.subarray(end)]))
}

function record(keyword: string, value: string): Buffer {
  const rest = keyword.length + value.length + 3
  let length = rest + 1
  while (length !== rest + String(length).length) length = rest + String(length).length
  return Buffer.from(`${length} ${keyword}=${value}\n`, 'latin1')
}

function headersOf(input: Buffer): number[] {
  const found: number[] = []
  for (let at = 0; at + block <= input.length; at += block)
    if (input.toString('latin1', at + 257, at + 262) === 'ustar') found.push(at)
  return found
}
