import fc from 'fast-check'
import t from 'tap'
import {
  BlockChecksums,
  FormatError,
  FragmentTrailerEncoder,
  HEADER_BYTES,
  checkTrailerMember,
  decodeFragmentFooter,
  encodeFragmentHeader,
  encodeFragmentTrailer,
} from '../../src/index.ts'
import { checksumOf, checksumText } from '../../src/checksum.ts'
import { damage, damaged } from '../support/arbitraries.ts'
import { fragmentHeader, fragmentsOf } from '../support/fragments.ts'
import { holds } from '../support/holds.ts'

const cut = { startsAtMemberBoundary: true, endsAtMemberBoundary: true }

t.test('a footer leads to every part of its fragment', (t) => {
  const payloads = [Buffer.alloc(1024, 'a'), Buffer.alloc(0), Buffer.alloc(700 * 512, 'b')]
  const files = fragmentsOf(payloads.map((payload) => ({ payload, ...cut })))
  for (const [index, file] of files.entries()) {
    const payload = payloads[index] ?? Buffer.alloc(0)
    const footer = decodeFragmentFooter(file.subarray(-5120), { fileBytes: file.length })
    t.same(decodeFragmentFooter(file), footer)
    t.equal(footer.fragment, index + 1)
    t.equal(footer.lastFragment, index === 2)
    t.equal(footer.payloadBytes, payload.length)
    t.equal(footer.headerChecksum, checksumText(checksumOf(file.subarray(0, HEADER_BYTES))))
    const [image, list, blocks] = footer.members.map((member) => {
      const data = file.subarray(member.offset, member.offset + member.sizeBytes)
      checkTrailerMember(data, member)
      t.throws(() => checkTrailerMember(Buffer.alloc(data.length + 1), member), {
        code: 'FRAGMENT_TRUNCATED',
      })
      if (data.length > 0)
        t.throws(() => checkTrailerMember(Buffer.alloc(data.length), member), { code: 'FRAGMENT_CHECKSUM' })
      return data
    })
    t.same(JSON.parse(String(image)), { backupId: 'client_1700000000', fragments: index + 1 })
    t.equal(String(list), `file list of fragment ${index + 1}`)
    t.equal(blocks?.length, Math.ceil(payload.length / 262_144) * 8)
  }
  t.end()
})

t.test('any damage of a footer is refused with a FormatError', (t) => {
  const [file = Buffer.alloc(0)] = fragmentsOf([{ payload: Buffer.alloc(1024), ...cut }])
  const end = file.subarray(-5120)
  holds(
    t,
    300,
    fc.property(fc.array(damage, { minLength: 10, maxLength: 10 }), (damages) => {
      for (const one of damages) {
        const copy = damaged(end, one)
        try {
          decodeFragmentFooter(copy, { fileBytes: file.length })
          if (!copy.equals(end)) throw new Error('damage was not seen')
        } catch (error) {
          if (!(error instanceof FormatError)) throw error
        }
      }
    }),
  )
  t.end()
})

t.test('hostile footers with right checksums are refused', (t) => {
  const [file = Buffer.alloc(0)] = fragmentsOf([
    { payload: Buffer.alloc(1024), ...cut },
    { payload: Buffer.alloc(0), ...cut },
  ])
  const lies: [from: RegExp, to: string, code: string][] = [
    [/nb-disk\/1/, 'nb-disk/9', 'FORMAT_VERSION_UNSUPPORTED'],
    [/"payloadBytes":1024/, '"payloadBytes":1025', 'FRAGMENT_INVALID'],
    [/"payloadBytes":1024/, '"payloadBytes":512', 'FRAGMENT_INVALID'],
    [/"payloadBytes":1024/, '"payloadBytes":9007199254740480', 'FRAGMENT_INVALID'],
    [/"lastFragment":false/, '"lastFragment":true', 'FRAGMENT_INVALID'],
    [/"members":\[/, '"members":[null,', 'FRAGMENT_INVALID'],
    [/"members":\[.*\]/, '"members":{}', 'FRAGMENT_INVALID'],
    [/"members":\[.*\]/, '"members":[]', 'FRAGMENT_INVALID'],
    [/\.nb\/FILES/, '.nb/OTHER', 'FRAGMENT_INVALID'],
    [/"blockBytes":262144/, '"blockBytes":512', 'FRAGMENT_INVALID'],
    [/"offset":\d+/, '"offset":0', 'FRAGMENT_INVALID'],
  ]
  for (const [from, to, code] of lies) {
    const footer = Buffer.from(file.subarray(-4096))
    const text = footer.toString('utf8', 512).replace(from, to).slice(0, 3584)
    footer.fill('\n', 512)
    footer.write(text, 512)
    footer.fill('0', 522, 538)
    footer.write(checksumText(checksumOf(footer)), 522)
    t.throws(
      () => decodeFragmentFooter(footer, { fileBytes: file.length }),
      { code },
      `${from.source} → ${to}`,
    )
  }
  t.throws(() => decodeFragmentFooter(Buffer.alloc(100)), { code: 'FRAGMENT_TRUNCATED' })
  t.throws(() => decodeFragmentFooter(Buffer.alloc(5120)), { code: 'FORMAT_UNKNOWN' })
  t.throws(() => decodeFragmentFooter(Buffer.alloc(4096)), { code: 'FRAGMENT_TRUNCATED' })
  t.end()
})

t.test('a trailer made piece by piece is the same', (t) => {
  const header = encodeFragmentHeader(fragmentHeader())
  const sums = new BlockChecksums()
  sums.update(Buffer.alloc(1024))
  const blocks = sums.finish()
  const options = { header, payloadBytes: 1024, endsAtMemberBoundary: true, lastFragment: true }
  const files = [Buffer.alloc(1000, 'f'), Buffer.alloc(5, 'g')]
  const image = { anything: ['plain'] }
  const whole = encodeFragmentTrailer({ ...options, image, files, blocks })
  const encoder = new FragmentTrailerEncoder(options)
  const json = Buffer.from(`${JSON.stringify(image, undefined, 2)}\n`)
  const pieces: Buffer[] = []
  for (const [name, data] of [
    ['IMAGE.json', [json]],
    ['FILES', files],
    ['BLOCKS', [blocks]],
  ] as const) {
    pieces.push(encoder.open(name, Buffer.concat(data).length))
    for (const piece of data) {
      encoder.write(piece)
      pieces.push(piece)
    }
    pieces.push(encoder.close())
  }
  pieces.push(encoder.footer())
  t.same(Buffer.concat(pieces), Buffer.concat(whole))
  t.end()
})

t.test('a file list of more than 8 GiB has a longer tar header, and the footer knows', (t) => {
  const header = encodeFragmentHeader(fragmentHeader())
  const encoder = new FragmentTrailerEncoder({
    header,
    payloadBytes: 0,
    endsAtMemberBoundary: true,
    lastFragment: false,
  })
  encoder.open('IMAGE.json', 0)
  encoder.close()
  t.equal(encoder.open('FILES', 2 ** 33).length, 1536)
  t.end()
})

t.test('a trailer out of order or with wrong sizes is refused', (t) => {
  const header = encodeFragmentHeader(fragmentHeader())
  const options = { header, payloadBytes: 1024, endsAtMemberBoundary: true, lastFragment: true }
  t.throws(() => new FragmentTrailerEncoder({ ...options, payloadBytes: 1000 }), TypeError)
  const encoder = new FragmentTrailerEncoder(options)
  t.throws(() => encoder.open('FILES', 0), TypeError)
  t.throws(() => encoder.write(Buffer.alloc(1)), TypeError)
  t.throws(() => encoder.close(), TypeError)
  encoder.open('IMAGE.json', 2)
  t.throws(() => encoder.open('FILES', 0), TypeError)
  t.throws(() => encoder.write(Buffer.alloc(3)), TypeError)
  t.throws(() => encoder.close(), TypeError)
  encoder.write(Buffer.from('{}'))
  encoder.close()
  encoder.open('FILES', 0)
  encoder.close()
  t.throws(() => encoder.open('BLOCKS', 16), TypeError)
  t.throws(() => encoder.footer(), TypeError)
  t.end()
})
