import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, connect, type Socket } from 'node:net'
import { randomBytes } from 'node:crypto'
import { duplexPair, type Duplex } from 'node:stream'
import { zstdCompressSync } from 'node:zlib'
import { readChannel } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { frameHeader, frameKinds, mostDataBytes, packedHeader } from '../../src/channels/frame.ts'
import { FramedChannel, windowBytes } from '../../src/channels/framed-channel.ts'
import { answerTicket, presentTicket } from '../../src/channels/handshake.ts'

const clock = createVirtualClock()

/** A channel's end, and the connection of whoever is at the other. */
function end(compressed = true): { readonly channel: FramedChannel; readonly other: Duplex } {
  const [here, other] = duplexPair()
  return { channel: new FramedChannel(here, clock, { compressed }), other }
}

t.test('what goes over a compressed channel arrives as it was, with fewer bytes', async (t) => {
  const [here, there] = duplexPair()
  let sent = 0
  there.on('data', (bytes: Buffer) => (sent += bytes.length))
  const [writer, reader] = [
    new FramedChannel(here, clock, { compressed: true }),
    new FramedChannel(there, clock, { compressed: true }),
  ]
  // Text, bytes that no codec makes smaller, text behind them, and too little to be worth it.
  const text = Buffer.from('accepted client, closed connection\n'.repeat(100_000))
  const pieces = [text, randomBytes(3 * mostDataBytes), text, Buffer.from('x'), text, Buffer.from('y')]
  const writing = (async () => {
    for (const piece of pieces) await writer.write(piece)
    await writer.end()
  })()
  const got: Uint8Array[] = []
  for await (const piece of readChannel(reader)) got.push(Uint8Array.from(piece))
  await writing
  await reader.end()
  t.ok(Buffer.concat(got).equals(Buffer.concat(pieces)))
  const whole = pieces.reduce((sum, piece) => sum + piece.length, 0)
  t.ok(sent < whole - text.length, `${sent} of ${whole} bytes`)
  t.ok(sent > 3 * mostDataBytes)
})

t.test('a hostile peer gets no more memory than the window, whatever its pieces hold', async (t) => {
  const bomb = zstdCompressSync(Buffer.alloc(64 * mostDataBytes))
  const full = zstdCompressSync(Buffer.alloc(mostDataBytes))
  const packed = (bytes: number, piece: Uint8Array): Buffer =>
    Buffer.concat([packedHeader(bytes, piece.length), piece])
  const hostile: Record<string, { readonly says: readonly Buffer[]; readonly reason: RegExp }> = {
    'holds more than it says': {
      says: [packed(1000, bomb)],
      reason: /does not decompress to the 1000 bytes/,
    },
    'holds less than it says': {
      says: [packed(1001, zstdCompressSync(Buffer.alloc(1000)))],
      reason: /does not/,
    },
    'says that it holds more than a piece may': {
      says: [packed(mostDataBytes + 1, bomb)],
      reason: /no frame/,
    },
    'says that it holds nothing': { says: [packed(0, zstdCompressSync(''))], reason: /no frame/ },
    'has no room for what it says': {
      says: [frameHeader(frameKinds.packed, 2), Buffer.from('ab')],
      reason: /no frame/,
    },
    'is longer than a frame may be': { says: [packedHeader(10, mostDataBytes + 1)], reason: /no frame/ },
    'is noise': { says: [packed(1000, randomBytes(900))], reason: /does not decompress/ },
    'is cut': { says: [packed(mostDataBytes, full.subarray(0, -3))], reason: /does not decompress/ },
    'comes again and again': {
      says: Array.from({ length: windowBytes / mostDataBytes + 1 }, () => packed(mostDataBytes, full)),
      reason: /more data came than was asked for/,
    },
  }
  for (const [what, { says, reason }] of Object.entries(hostile)) {
    const { channel, other } = end()
    other.resume()
    for (const bytes of says) other.write(bytes)
    await once(other, 'end')
    await assert.rejects(channel.read(), { code: 'channel-broken', message: reason }, what)
    t.pass(`a piece that ${what} breaks the channel`)
  }
  const { channel, other } = end(false)
  other.resume()
  other.write(packed(mostDataBytes, full))
  await once(other, 'end')
  await assert.rejects(channel.read(), { code: 'channel-broken', message: /no frame: kind 6/ })
  t.pass('where it was not agreed on, no compressed piece is read')
})

t.test(
  'both sides compress where the one who connects asks for it; who does not ask is not asked',
  async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const greeted = async (compress: boolean, token: string) => {
      const accepted = once(server, 'connection') as Promise<[Socket]>
      const near = connect((server.address() as { port: number }).port, '127.0.0.1')
      const [far] = await accepted
      let told: boolean | undefined
      const redeem = (given: string) => (given === 'secret' ? (to: boolean) => void (told = to) : undefined)
      const [answer] = await Promise.all([
        presentTicket(near, clock, token, compress),
        answerTicket(far, clock, redeem),
      ])
      near.destroy()
      far.destroy()
      return [answer.open, answer.compressed, told]
    }
    t.same(await greeted(true, 'secret'), [true, true, true])
    t.same(await greeted(false, 'secret'), [true, false, false])
    t.same(await greeted(true, 'wrong'), [false, false, undefined])
  },
)
