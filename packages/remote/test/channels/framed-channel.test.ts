import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { frameHeader, frameKinds, smallFrame } from '../../src/channels/frame.ts'
import { FramedChannel, windowBytes } from '../../src/channels/framed-channel.ts'

t.test(
  'a write ends whose channel fails while the piece that took the last credit is still being sent',
  async (t) => {
    const held: (() => void)[] = []
    const connection = new Duplex({
      read: () => undefined,
      // Nothing is taken until the test says so.
      write: (_bytes, _encoding, taken) => void held.push(() => taken()),
    })
    const channel = new FramedChannel(connection, createVirtualClock())
    const written = channel.write(new Uint8Array(windowBytes + 1))
    const rejected = assert.rejects(written, { code: 'channel-broken', message: /it is enough/ })
    let sent = 0
    const takeOne = async (): Promise<void> => {
      held.shift()?.()
      sent += 1
      await new Promise(setImmediate)
    }
    // Each piece is a header and its bytes; the last of them is held.
    while (sent < 2 * (windowBytes / 2 ** 20) - 1) await takeOne()
    channel.abort('it is enough')
    while (held.length > 0) await takeOne()
    await rejected
    await t.rejects(channel.end(), { code: 'channel-broken' })
  },
)

t.test('what comes after a channel has failed is not looked at, nor does a second end pass', async (t) => {
  const connection = new Duplex({ read: () => undefined, write: (_bytes, _encoding, taken) => taken() })
  const channel = new FramedChannel(connection, createVirtualClock())
  connection.push(Buffer.concat([smallFrame(frameKinds.end), smallFrame(frameKinds.end)]))
  await new Promise(setImmediate)
  await t.rejects(channel.read(), { code: 'channel-broken', message: /a second end/ })
  // It would cut the connection if it were read, and the last word with it.
  connection.push(smallFrame(frameKinds.abort, Buffer.from('never heard')))
  connection.push(frameHeader(frameKinds.data, 2 ** 31))
  await new Promise(setImmediate)
  t.notOk(connection.destroyed)
  await t.rejects(channel.read(), { message: /a second end/ })
  connection.destroy()
})
