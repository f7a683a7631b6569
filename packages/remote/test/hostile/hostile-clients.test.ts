import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { seededRandom } from '@nb/test-kit'
import t from 'tap'
import { creditFrame, frameHeader, frameKinds, mostDataBytes, smallFrame } from '../../src/channels/frame.ts'
import { attacked } from './attacked.ts'

const isLong = process.env['NB_LONG'] === '1'
const times = (ordinary: number, long: number): number => (isLong ? long : ordinary)
t.setTimeout(times(110_000, 900_000))
const mib = 2 ** 20

/** More than all attacks together may take at their height: half as much again as was measured. */
const mostGrowth = 400 * mib
/** What an honest caller may have to wait for its answer in the midst of it, milliseconds. */
const mostWait = 10_000

const site = await attacked()
t.teardown(site.end)
const base = await site.tell('measure')
const { enemy, plain, secure } = site

/** Runs an attack for a while, and asserts what must hold in its midst and after it. */
async function under(name: string, attack: () => Promise<unknown>): Promise<void> {
  await t.test(name, async (t) => {
    site.honestWork()
    const came = await attack()
    const { rss, heap, audited } = await site.tell('measure')
    const { done, slowestMs, failures } = site.honestWork()
    const slowest = Math.round(slowestMs)
    const more = (bytes: number, before = base.rss): number => Math.round((bytes - before) / mib)
    const peak = more(site.peak())
    t.comment(
      `${more(rss)} MiB more (heap ${more(heap, base.heap)}), ${peak} MiB at the height; ${done} honest calls, the slowest ${slowest} ms, failed tries ${JSON.stringify(failures)}` +
        (typeof came === 'string' ? `; ${came}` : ''),
    )
    t.ok(site.lives(), 'the server lives')
    t.ok(peak * mib < mostGrowth, `${peak} MiB more than before`)
    t.ok(slowest < mostWait, `an honest caller waited ${slowest} ms`)
    t.ok(audited - base.audited < 1000, `${audited} audit entries`)
    site.leave()
  })
}

/** What a connection was told until it ended, or until nothing more comes. */
async function heard(socket: Socket, quietMs = 500): Promise<string> {
  let text = ''
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
  for (let before = -1; before !== text.length && !socket.destroyed;) {
    before = text.length
    await Promise.race([
      once(socket, 'close').catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, quietMs)),
    ])
  }
  return text
}

const post = (path: string, body: string, more = ''): string =>
  `POST /rpc/${path} HTTP/1.1\r\nhost: nb\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`

async function many<Result>(count: number, make: (index: number) => Promise<Result>): Promise<Result[]> {
  const all: Result[] = []
  for (let at = 0; at < count; at += 50)
    all.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(50, count - at) }, (_, index) => make(at + index)),
      )),
    )
  return all
}

await under('thousands of connections that say nothing, or half of a handshake', async () => {
  const hello = Buffer.from('16030100f8010000f40303', 'hex')
  await many(times(800, 6000), async (index) => {
    const socket = plain()
    if (index % 2 === 0) socket.write(hello)
    await once(socket, 'connect').catch(() => undefined)
  })
})

await under('garbage in place of a handshake', () =>
  many(times(100, 3000), async (index) => {
    const socket = plain()
    socket.write(index % 3 === 0 ? 'GET / HTTP/1.1\r\n\r\n' : randomBytes(1 + (index % 5000)))
    await Promise.race([once(socket, 'close'), new Promise((resolve) => setTimeout(resolve, 100))])
  }),
)

await under('callers without a certificate that stay, and say a letter now and then', async () => {
  const strangers = await many(times(320, 1500), () => secure())
  for (const socket of strangers) socket.resume()
  for (const letter of 'POST /rpc/jobs')
    for (const socket of strangers) if (!socket.destroyed) socket.write(letter)
  await new Promise((resolve) => setTimeout(resolve, 300))
  const there = strangers.filter(({ destroyed }) => !destroyed).length
  t.ok(there <= 256, `${there} of ${strangers.length} are there: those that came first had to go`)
})

await under('more connections of one name than it may have', async () => {
  await many(times(260, 1000), () => secure(enemy))
  const last = await secure(enemy)
  last.write(post('jobs/list', '{"json":{}}'))
  const answer = await heard(last)
  t.match(answer, /403 .*access-denied.*web1 has 256 connections/s)
})

await under('heads without an end, and heads that are none', async () => {
  const sockets = await many(times(20, 200), () => secure(enemy))
  for (const socket of sockets) {
    socket.write('POST /rpc/jobs/list HTTP/1.1\r\nhost: nb\r\n')
    for (let at = 0; at < 40; at++) socket.write(`x-${at}: ${'y'.repeat(1000)}\r\n`)
  }
  t.match(await heard(sockets[0] as TLSSocket), /^(HTTP\/1.1 431|$)/)
  for (const rubbish of [
    'POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n',
    'POST / HTTP/9.9\r\n\r\n',
    'POST /rpc/jobs/get HTTP/1.1\r\ncontent-length: -1\r\n\r\n',
    'POST /rpc/jobs/get HTTP/1.1\r\nhost: nb\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n',
    '\0\0\0\0',
    randomBytes(3000).toString('latin1'),
  ]) {
    const socket = await secure(enemy)
    socket.write(rubbish, 'latin1')
    await heard(socket, 200)
  }
})

await under('bodies without an end, and too long ones', async () => {
  const sockets = await many(times(20, 100), () => secure(enemy))
  const head =
    'POST /rpc/jobs/list HTTP/1.1\r\nhost: nb\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n'
  const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`
  const answers = sockets.map((socket) => heard(socket, 2000))
  for (const socket of sockets) {
    socket.write(head)
    for (let at = 0; at < 40; at++) socket.write(chunk)
  }
  const all = await Promise.all(answers)
  t.ok(
    all.every((answer) => /message-invalid|server-unreachable|^$/.test(answer)),
    'each is refused, or cut',
  )
  const long = await secure(enemy)
  long.write(`POST /rpc/jobs/list HTTP/1.1\r\nhost: nb\r\ncontent-length: ${2 ** 40}\r\n\r\n`)
  t.match(await heard(long), /400 .*it has more than 1048576 bytes/s)
})

await under('bodies of single bytes', async () => {
  const sockets = await many(times(10, 40), () => secure(enemy))
  const bytes = '1\r\n \r\n'.repeat(times(20_000, 200_000))
  for (const socket of sockets)
    socket.write(
      `POST /rpc/jobs/list HTTP/1.1\r\nhost: nb\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${bytes}`,
    )
  const answers = await Promise.all(sockets.map((socket) => heard(socket, 2000)))
  t.ok(
    answers.every((answer) => /400 .*in pieces of less than 64 bytes|^$/s.test(answer)),
    'each is refused, or cut',
  )
  // Those that were cut while they spoke have failed first.
  const ended = (socket: Socket): Promise<unknown> => once(socket, 'close').catch(() => undefined)
  await Promise.all(sockets.map(async (socket) => socket.destroyed || ended(socket)))
  return `${answers.filter((answer) => answer !== '').length} of ${answers.length} were told why`
})

await under('arguments that are deep, wide, or of other kinds', async () => {
  const bodies = [
    `{"json":${'['.repeat(100_000)}`,
    `{"json":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
    `{"json":{"client":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}}`,
    `{"json":[${'[],'.repeat(300_000)}[]]}`,
    '{"json":{"__proto__":{"client":"web1"}}}',
    '{"json":{"client":"web1"},"meta":[[1,"__proto__","x"]]}',
    `{"json":{"client":"web1"},"meta":[${'[1,"client"],'.repeat(50_000)}[1,"client"]]}`,
    '{"json":{"client":"9"},"meta":[[0,"client"]]}',
    '{"json":{"client":"web1"},"meta":"x","maps":7}',
    '[]',
    'null',
    '7',
    '""',
    '',
  ]
  for (const body of bodies) {
    const socket = await secure(enemy)
    socket.write(post('jobs/list', body, 'connection: close\r\n'))
    const answer = await heard(socket, 1500)
    t.match(answer, /^HTTP\/1.1 (400|403) /, body.slice(0, 50))
    t.notMatch(answer, /TypeError|RangeError|call stack|at .*\.[jt]s/, body.slice(0, 50))
  }
  for (const type of ['multipart/form-data; boundary=x', 'text/event-stream', 'application/octet-stream']) {
    const socket = await secure(enemy)
    socket.write(post('jobs/list', '--x\r\n', 'connection: close\r\n').replace('application/json', type))
    t.match(await heard(socket), /400 .*not JSON/s, type)
  }
})

await under('calls ahead of their answers, and streams that are never read', async () => {
  const watch = post('jobs/watch', '{"json":{"client":"web1","lines":true}}')
  const ahead = await secure(enemy)
  ahead.write(watch.repeat(5000))
  await heard(ahead)
  t.ok(ahead.destroyed, 'whoever asks ahead is cut')
  const sockets = await many(times(100, 250), () => secure(enemy))
  for (const socket of sockets) {
    socket.pause()
    socket.write(watch)
  }
  const reader = await secure(enemy)
  for (let at = 0; at < times(200, 5000); at++) {
    reader.write(post('jobs/get', `{"json":{"jobId":"${at}"}}`))
    await once(reader, 'data')
  }
})

await under('data connections that say nothing, or what is no frame', async () => {
  const sockets = await many(times(100, 250), () => secure(enemy, 'nb-data/1'))
  for (const [index, socket] of sockets.entries())
    socket.resume().write(index % 2 === 0 ? 'nb-data/1 guessed\n' : randomBytes(300))
  await Promise.all(
    sockets.map((socket) =>
      Promise.race([once(socket, 'close'), new Promise((resolve) => setTimeout(resolve, 2000))]),
    ),
  )
  t.same(sockets.filter(({ destroyed }) => !destroyed).length, 0, 'who has no ticket is cut')
})

await under('data channels with oversized, endless and tiny frames', async () => {
  const open = async (): Promise<TLSSocket> => {
    const { token = '' } = await site.tell('ticket')
    const socket = await secure(enemy, 'nb-data/1')
    socket.write(`nb-data/1 ${token}\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    t.match(answer.toString('latin1'), /^nb-data\/1 open\n/)
    return socket
  }
  const oversized = await open()
  oversized.write(frameHeader(frameKinds.data, mostDataBytes + 1))
  t.match(await heard(oversized), /no frame/)
  const tooMuch = await open()
  for (let at = 0; at < 6; at++)
    tooMuch.write(Buffer.concat([frameHeader(frameKinds.data, mostDataBytes), Buffer.alloc(mostDataBytes)]))
  t.match(await heard(tooMuch), /more data came than was asked for/)
  const alive = await open()
  alive.write(Buffer.concat(Array.from({ length: 200_000 }, () => smallFrame(frameKinds.alive))))
  t.match(await heard(alive), /no frame: kind 5|^$/)
  for (const nothing of [frameHeader(frameKinds.data, 0), creditFrame(0)]) {
    const socket = await open()
    socket.write(Buffer.concat(Array.from({ length: 100_000 }, () => nothing)))
    t.match(await heard(socket), /no frame: kind [14]|^$/)
  }
  const tiny = Buffer.concat([
    frameHeader(frameKinds.data, 1),
    Buffer.from('x'),
    smallFrame(frameKinds.alive),
  ])
  const drips = await many(times(4, 16), open)
  const drip = Buffer.concat(Array.from({ length: 100_000 }, () => tiny))
  for (const socket of drips)
    for (let at = 0; at < times(5, 40) && !socket.destroyed; at++)
      if (!socket.write(drip)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
})

/** One mutation of a text: a part is left out, doubled, turned over, or something of another kind. */
function mutated(text: string, random: () => number): string {
  const at = Math.floor(random() * text.length)
  const to = Math.min(text.length, at + 1 + Math.floor(random() ** 3 * 40))
  const part = text.slice(at, to)
  const odd = [
    '',
    '\0',
    '\r\n',
    '{',
    '[[[',
    '"',
    '-1',
    '1e999',
    '__proto__',
    '../..',
    '\u00e9',
    '%00',
    'x'.repeat(5000),
  ]
  const what = random()
  const instead =
    what < 0.25
      ? part + part
      : what < 0.5
        ? String.fromCharCode(
            ...Array.from(part, (letter) => letter.charCodeAt(0) ^ (1 << Math.floor(random() * 8))),
          )
        : (odd[Math.floor(random() * odd.length)] as string)
  return text.slice(0, at) + instead + text.slice(to)
}

await under('requests that are nearly right', async () => {
  const seed = Number(process.env['NB_SEED'] ?? 20260101)
  const random = seededRandom(seed)
  const requests = [
    post('jobs/list', '{"json":{"client":"web1","states":["done"],"limit":3}}', 'nb-wire: 1\r\n'),
    post('jobs/watch', '{"json":{"client":"web1","lines":true}}'),
    post('jobs/get', '{"json":{"jobId":"1"}}'),
    post('scheduler/putPolicy', '{"json":{"policy":{"name":"x","clients":["web1"],"schedules":[]}}}'),
    'GET /nb HTTP/1.1\r\nhost: nb\r\n\r\n',
  ]
  const answers = new Map<string, number>()
  const count = times(150, 10_000)
  await many(count, async (index) => {
    let text = requests[index % requests.length] as string
    for (let edits = Math.floor(random() * 3); edits >= 0; edits--) text = mutated(text, random)
    const socket = await secure(enemy)
    socket.write(text, 'latin1')
    const answer = await heard(socket, 100)
    socket.destroy()
    const status = /^HTTP\/1.1 (\d+)/.exec(answer)?.[1] ?? 'none'
    answers.set(status, (answers.get(status) ?? 0) + 1)
    if (status === '500' || /TypeError|RangeError|at .*\.[jt]s:/.test(answer))
      t.fail(`${JSON.stringify(text.slice(0, 2000))} was answered ${answer.slice(0, 500)}`)
  })
  return `seed ${seed}: ${JSON.stringify(Object.fromEntries([...answers].sort()))}`
})
