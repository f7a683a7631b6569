import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import { frameHeader, frameKinds } from '../../src/channels/frame.ts'
import { createLocalChannels, createSocketChannels } from '../../src/index.ts'
import { turns } from '../waiting.ts'

const directory = mkdtempSync(join(tmpdir(), 'nb-channels-'))
t.teardown(() => rmSync(directory, { recursive: true }))

interface Plain {
  readonly socket: Socket
  readonly closed: Promise<unknown>
}

function plainConnection(address: string): Plain {
  const socket = createConnection(address.slice('unix:'.length))
  socket.on('error', () => {})
  return { socket: socket.resume(), closed: new Promise((resolve) => socket.once('close', resolve)) }
}

t.test('the socket is of this user alone, and gone after close', async (t) => {
  const channels = createSocketChannels({ clock: systemClock() }, { directory })
  const listener = await channels.listen()
  const path = listener.ticket.address.slice('unix:'.length)
  t.equal(statSync(path).mode & 0o7777, 0o600)
  await channels.close()
  await channels.close()
  t.same(readdirSync(directory), [])
  await assert.rejects(channels.listen(), { code: 'state-conflict' })
  await assert.rejects(channels.connect({ ticket: listener.ticket }), { code: 'server-unreachable' })
})

t.test('a ticket of another kind of channel is refused', async () => {
  const clock = systemClock()
  const sockets = createSocketChannels({ clock }, { directory })
  const local = createLocalChannels({ clock })
  const bySocket = await sockets.listen()
  const inside = await local.listen()
  await assert.rejects(local.connect({ ticket: bySocket.ticket }), { code: 'server-unreachable' })
  await assert.rejects(sockets.connect({ ticket: inside.ticket }), { code: 'server-unreachable' })
  await inside.close()
  await sockets.close()
})

t.test('who says nothing, or nonsense, is thrown out and disturbs nobody', async (t) => {
  const clock = createVirtualClock()
  const channels = createSocketChannels({ clock }, { directory })
  const listener = await channels.listen()
  const silent = plainConnection(listener.ticket.address)
  const endless = plainConnection(listener.ticket.address)
  endless.socket.write('x'.repeat(10_000))
  const other = plainConnection(listener.ticket.address)
  other.socket.write('GET / HTTP/1.1\r\n\r\n')
  await Promise.all([endless.closed, other.closed])
  await clock.advance(10_000)
  await silent.closed
  const here = await channels.connect({ ticket: listener.ticket })
  const there = await listener.accept()
  await here.end()
  t.equal(await there.read(), undefined)
  await channels.close()
})

t.test('a peer that sends more than it was given room for breaks its channel', async () => {
  const channels = createSocketChannels({ clock: createVirtualClock() }, { directory })
  const listener = await channels.listen()
  const hostile = plainConnection(listener.ticket.address)
  hostile.socket.write(`nb-data/1 ${listener.ticket.token}\n`)
  const there = await listener.accept()
  for (let sent = 0; sent < 6; sent++) {
    hostile.socket.write(frameHeader(frameKinds.data, 2 ** 20))
    hostile.socket.write(new Uint8Array(2 ** 20))
  }
  await hostile.closed
  await assert.rejects(there.read(), { code: 'channel-broken', message: /more data came than was asked for/ })
  await channels.close()
})

t.test('a peer that is killed breaks the channel, and says no end', async () => {
  const channels = createSocketChannels({ clock: systemClock() }, { directory })
  const listener = await channels.listen()
  const script = `
    import { createSocketChannels } from '@nb/remote'
    import { systemClock } from '@nb/contracts'
    const channels = createSocketChannels({ clock: systemClock() }, { directory: process.argv[1] })
    const channel = await channels.connect({ ticket: JSON.parse(process.argv[2]) })
    await channel.write(Buffer.from('half of it'))
    await new Promise(() => setInterval(() => {}, 1000))`
  const child = spawn(
    process.execPath,
    [...process.execArgv, '--input-type=module', '-e', script, directory, JSON.stringify(listener.ticket)],
    { cwd: import.meta.dirname, stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const there = await listener.accept()
  const first = await there.read()
  assert.equal(Buffer.from(first ?? []).toString(), 'half of it')
  const reading = assert.rejects(there.read(), { code: 'channel-broken' })
  child.kill('SIGKILL')
  await reading
  await turns(1)
  await channels.close()
})
