import { type Compression, type DataChannel, systemClock } from '@nb/contracts'
import { decompressFrame } from '@nb/formats'
import { createLocalChannels } from '@nb/remote'
import t, { type Test } from 'tap'
import { createBlockPipe, type BlockPipe } from '../../src/client/block-pipe.ts'
import { pumpFrames } from '../../src/client/frame-pump.ts'
import { StreamWriter } from '../../src/client/stream-writer.ts'
import { FrameSplitter } from '../../src/compressed-stream.ts'
import { noise } from '../media/made-image.ts'

interface Sent {
  readonly piece: Buffer
  readonly startsAtMember: boolean
}

interface Bench {
  readonly pipe: BlockPipe
  readonly writer: StreamWriter
  readonly sent: Sent[]
  /** Resolves when so many bytes of the stream have arrived. */
  readonly arrived: (streamBytes: number) => Promise<void>
  readonly ended: Promise<unknown>
  readonly peer: DataChannel
}

async function bench(compression: Compression = 'zstd'): Promise<Bench> {
  const channels = createLocalChannels({ clock: systemClock() })
  const listener = await channels.listen()
  const [peer, channel] = await Promise.all([listener.accept(), channels.connect(listener)])
  const pipe = createBlockPipe({ blocks: 16, blockBytes: 64 + 4096 })
  const pumping = pumpFrames(pipe, channel, { compression, lanes: 3 })
  const sent: Sent[] = []
  let streamBytes = 0
  let wake = (): void => undefined
  const receive = async (): Promise<void> => {
    const splitter = new FrameSplitter()
    for (let chunk = await peer.read(); chunk !== undefined; chunk = await peer.read()) {
      for (const frame of splitter.push(chunk)) {
        const piece = await decompressFrame(Buffer.from(frame.stored), compression, frame.streamBytes)
        sent.push({ piece, startsAtMember: frame.startsAtMember })
        streamBytes += piece.length
        wake()
      }
    }
    splitter.finish()
    await peer.end()
  }
  return {
    pipe,
    writer: new StreamWriter(pipe, 0, true),
    sent,
    arrived: async (bytes) => {
      while (streamBytes < bytes) await new Promise<void>((resolve) => (wake = resolve))
    },
    ended: Promise.all([pumping, receive()]),
    peer,
  }
}

/** Members of these sizes, as they are written by the one thread there is here: at most what the pipe takes. */
function writeMembers(writer: StreamWriter, sizes: readonly number[]): Buffer {
  const members = sizes.map((size, index) => noise(index + 1, size))
  for (const member of members) {
    writer.memberBegins()
    writer.write(member)
  }
  return Buffer.concat(members)
}

const streamOf = (sent: readonly Sent[]): Buffer => Buffer.concat(sent.map(({ piece }) => piece))

t.test('frames hold the stream, in its order, and say where members begin', async (t) => {
  for (const compression of ['zstd', 'gzip'] as const) {
    const { writer, sent, ended } = await bench(compression)
    const sizes = [512, 3072, 1024, 9216, 512, 512, 4096, 20_480, 512]
    const stream = writeMembers(writer, sizes)
    writer.end()
    await ended
    t.ok(streamOf(sent).equals(stream))
    const starts = sizes.map((_, index) => sizes.slice(0, index).reduce((sum, size) => sum + size, 0))
    let offset = 0
    for (const { piece, startsAtMember } of sent) {
      if (startsAtMember && !starts.includes(offset)) t.fail(`no member begins at ${offset}`)
      offset += piece.length
    }
    t.ok(sent[0]?.startsAtMember)
  }
})

t.test('a frame that is three quarters full ends where a member does', async (t) => {
  const { writer, sent, ended } = await bench()
  writeMembers(
    writer,
    Array.from({ length: 60 }, () => 512),
  )
  writer.end()
  await ended
  t.ok(
    sent.every(
      ({ piece, startsAtMember }) => startsAtMember && piece.length >= 3072 - 512 && piece.length <= 4096,
    ),
    `${sent.map(({ piece }) => piece.length).join(' ')}`,
  )
})

t.test('members that always end early in a frame get one of their own now and then', async (t: Test) => {
  const { writer, sent, arrived, ended } = await bench()
  let bytes = 0
  for (let turn = 0; turn < 40; turn++) {
    bytes += writeMembers(writer, [4096 + 512]).length
    if (turn % 4 === 3) {
      await arrived(bytes - 8192)
    }
  }
  writer.end()
  await ended
  let far = 0
  let most = 0
  for (const { piece, startsAtMember } of sent) {
    if (startsAtMember) far = 0
    far += piece.length
    most = Math.max(most, far)
  }
  t.ok(most <= 18 * 4096, `${most} bytes without a member's start`)
})

t.test('all that was passed on is sent while the reader stands still', async (t) => {
  const { writer, sent, arrived, ended } = await bench()
  const first = writeMembers(writer, [512, 5120, 1024])
  writer.flush()
  await arrived(first.length)
  t.ok(streamOf(sent).equals(first))
  const second = writeMembers(writer, [512])
  writer.flush()
  await arrived(first.length + 512)
  t.ok(sent.at(-1)?.startsAtMember, 'a member begins behind a checkpoint')
  writer.end()
  await ended
  t.ok(streamOf(sent).equals(Buffer.concat([first, second])))
})

t.test('a channel that breaks ends the pump, also while it waits for the reader', async (t) => {
  const { writer, ended, peer, arrived } = await bench()
  const outcome = t.rejects(ended, { code: 'channel-broken' })
  writeMembers(writer, [512])
  writer.flush()
  await arrived(512)
  peer.abort('the session has ended')
  writeMembers(writer, [512])
  writer.flush()
  await outcome
})
