/**
 * A reader of `nb-tape/1` written from docs/design/tape-format.md alone: blocks in, files out. It shares no code with the
 * library, so that a fault common to its encoder and its decoder is seen.
 */

interface Said {
  readonly name: string
  readonly fields: Readonly<Record<string, unknown>>
}

function text(bytes: Buffer, at: number, length: number): string {
  return bytes.toString('latin1', at, at + length).replace(/\0.*$/s, '')
}

function octal(bytes: Buffer, at: number, length: number): number {
  return Number.parseInt(text(bytes, at, length), 8)
}

/** Name and JSON of a block that is one member. */
function saidBy(block: Buffer): Said {
  if (block.length !== 262_144) throw new Error(`a block of ${block.length} bytes`)
  const size = octal(block, 124, 12)
  return {
    name: text(block, 0, 100),
    fields: JSON.parse(block.toString('utf8', 512, 512 + size)) as Said['fields'],
  }
}

/** Plain members of a ustar stream, up to two zero blocks or the end; pax headers are passed over. */
export function untar(stream: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  let at = 0
  while (at + 512 <= stream.length && stream[at] !== 0) {
    const size = octal(stream, at + 124, 12)
    const type = stream.toString('latin1', at + 156, at + 157)
    if (type === '0') files.set(text(stream, at, 100), stream.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

/** The streams of one tape file, by backup id. */
export function readTapeFile(blocks: readonly Buffer[]): Map<string, Buffer> {
  const first = saidBy(blocks[0] as Buffer)
  if (first.name === '.nb/FRAGMENT.json') {
    const { fields } = saidBy(blocks.at(-1) as Buffer)
    const payload = blocks.slice(1, 1 + Number(fields['payloadBlocks']))
    const bytes = Buffer.concat(payload).subarray(0, Number(fields['payloadBytes']))
    return new Map([[String(first.fields['backupId']), bytes]])
  }
  if (first.name !== '.nb/MULTIPLEX.json') throw new Error(`${first.name} begins a tape file`)
  const { fields } = saidBy(blocks.at(-1) as Buffer)
  const streams = new Map<string, Buffer>()
  for (const { backupId, headerBlock, footerBlock } of fields['streams'] as Record<string, number>[]) {
    const footer = saidBy(blocks[Number(footerBlock)] as Buffer).fields
    const start = Number(footerBlock) - Number(footer['trailerBlocks'])
    const trailer = Buffer.concat(blocks.slice(start, footerBlock))
    const members = footer['members'] as { name: string; offset: number; sizeBytes: number }[]
    const places = members.find(({ name }) => name === '.nb/PLACES')
    if (places === undefined) throw new Error('no places')
    const pieces: Buffer[] = []
    for (let index = 0; index < places.sizeBytes / 4; index++) {
      const block = blocks[trailer.readUInt32LE(places.offset + index * 4)] as Buffer
      const number = String(footer['stream']).padStart(2, '0')
      const expected = `.nb/stream-${number}/${String(index).padStart(8, '0')}`
      if (text(block, 0, 100) !== expected) throw new Error(`${text(block, 0, 100)} instead of ${expected}`)
      pieces.push(block.subarray(512, 512 + octal(block, 124, 12)))
    }
    if (Number(headerBlock) >= start) throw new Error('a header after its trailer')
    streams.set(String(backupId), Buffer.concat(pieces))
  }
  return streams
}

/** All of a tape: files of blocks in, name of the image's fragments in order, their streams joined, files out. */
export function readTape(files: readonly (readonly Buffer[])[]): Map<string, Map<string, Buffer>> {
  if (text(files[0]?.[0] as Buffer, 0, 4) !== 'VOL1') throw new Error('no label')
  if (saidBy(files[0]?.[1] as Buffer).name !== '.nb/VOLUME.json') throw new Error('no description')
  if (saidBy(files.at(-1)?.[0] as Buffer).name !== '.nb/END.json') throw new Error('no end')
  const streams = new Map<string, Buffer[]>()
  for (const file of files.slice(2, -1))
    for (const [backupId, bytes] of readTapeFile(file))
      streams.set(backupId, [...(streams.get(backupId) ?? []), bytes])
  return new Map([...streams].map(([backupId, pieces]) => [backupId, untar(Buffer.concat(pieces))]))
}
