import { once } from 'node:events'
import type { Socket } from 'node:net'
import { numberSetting, seededRandom } from '@nb/test-kit'
import t from 'tap'
import { makeSecret, parseToken } from '../../src/identity/token.ts'
import { makeKey } from '../../src/identity/x509/keys.ts'
import { makeRequest } from '../../src/identity/x509/request.ts'
import { atOnce, heard, mib, openAttacked, post, times, wholeAnswer } from './under-attack.ts'

const { site, under } = await openAttacked()
const { enemies, enemy, honest, secure } = site
const closing = 'connection: close\r\n'
/** So that fields have names of their own. */
let fields = 0

await under('arguments with as many faults as they have room for', async () => {
  const mostBytes = 2 ** 20 - 1000
  const filled = (item: string): string => `${`${item},`.repeat(mostBytes / (item.length + 1))}${item}`
  const bodies: [string, string][] = [
    ['jobs/list', `{"json":{"states":[${filled('1')}]}}`],
    ['jobs/list', `{"json":{"states":[${filled('"x"')}]}}`],
    [
      'jobs/list',
      `{"json":{${filled('"____":1').replace(/____/g, () => (fields++).toString(36).padStart(4, '_'))}}}`,
    ],
    ['scheduler/putPolicy', `{"json":{"policy":{"schedules":[${filled('{}')}]}}}`],
    ['jobs/submit', `{"json":{"parameters":${'['.repeat(mostBytes / 2)}${']'.repeat(mostBytes / 2)}}}`],
  ]
  const answers = await atOnce(times(5, 200), async (index) => {
    const [call = '', body = ''] = bodies[index % bodies.length] ?? []
    return wholeAnswer(await secure(enemy), post(call, body, closing))
  })
  for (const [index, answer] of answers.entries()) {
    t.match(
      answer,
      /^HTTP\/1.1 (400|503) .*(message-invalid|server-unreachable)/s,
      bodies[index % bodies.length]?.[1].slice(0, 40) ?? '',
    )
    t.ok(answer.length < 10_000, `told in ${answer.length} bytes`)
  }
})

await under('texts of five megabytes', async () => {
  const long = 'x'.repeat(5 * mib)
  for (const [who, call, body, told] of [
    // Who is refused while it still sends may not hear it.
    [enemy, 'jobs/get', { jobId: long }, /400 .*more than 1048576 bytes|^$/s],
    [enemies.mediaServer, 'jobs/get', { jobId: long }, /403 .*access-denied/s],
    [enemies.administrator, 'jobs/cancel', { jobId: long, reason: long }, /404 .*job-unknown/s],
    [
      enemies.administrator,
      'hosts/createToken',
      { name: long, roles: ['client'] },
      /400 .*argument-invalid/s,
    ],
    [enemies.administrator, 'hosts/update', { name: long, sources: [long] }, /404 .*not-found/s],
  ] as const) {
    const answer = await wholeAnswer(await secure(who), post(call, JSON.stringify({ json: body }), closing))
    t.match(answer, told, call)
    t.ok(answer.length < 20_000, `${call} is told in ${answer.length} bytes`)
  }
})

await under('policies of tens of thousands of schedules and patterns', async () => {
  const schedule = { type: 'full', windows: [], retentionLevel: 1, frequencyMs: 86_400_000 }
  const policy = {
    ...{ name: 'huge', active: true, clients: ['web1'], selections: ['/'], storage: { kind: 'any' } },
    schedules: Array.from({ length: 100_000 }, (_, number) => ({ ...schedule, name: `s${number}` })),
    include: Array.from({ length: 100_000 }, (_, number) => `/srv/*/${number}`),
  }
  const body = JSON.stringify({ json: { policy } })
  const refused = await wholeAnswer(await secure(enemy), post('scheduler/putPolicy', body, closing))
  t.match(refused, /400 .*more than 1048576 bytes|^$/s, 'a client says less, and may not hear why')
  const answers = await atOnce(times(2, 10), async () =>
    wholeAnswer(await secure(enemies.administrator), post('scheduler/putPolicy', body, closing)),
  )
  // Who is refused while it still sends may not hear it.
  for (const answer of answers) t.match(answer, /^(HTTP\/1.1 (200|409|503) |$)/)
})

await under('tokens that are guessed by the thousand', async () => {
  const request = await makeRequest(await makeKey())
  const enrol = (token: string): string =>
    post('enrolment/enrol', JSON.stringify({ json: { token, request } }), closing)
  const { token } = await honest.hosts.createToken({ name: 'web77', roles: ['client'] })
  const answers = await atOnce(times(650, 5000), async () => wholeAnswer(await secure(), enrol(makeSecret())))
  const told = (what: RegExp): number => answers.filter((answer) => what.test(answer)).length
  const [denied, later] = [told(/ 403 .*token-invalid/s), told(/ 409 .*state-conflict/s)]
  t.equal(denied + later + told(/^$/), answers.length, 'each is refused, or had to go for another')
  t.ok(later > 0, 'and after six hundred in a minute to come again')
  const own = await secure(undefined, 'http/1.1', '127.0.0.2')
  t.match(
    await wholeAnswer(own, enrol(parseToken(token).secret)),
    / 200 .*CERTIFICATE/s,
    'a host with a token enrols meanwhile',
  )
  return `${denied} tried, ${later} put off`
})

await under('streams of one client by the thousand, opened and left', async () => {
  const streams = [
    post('jobs/watch', '{"json":{"client":"web1","lines":true}}'),
    post('jobs/list', '{"json":{"client":"web1"}}'),
    post('jobs/log', '{"json":{"jobId":"1"}}'),
  ]
  for (let wave = 0; wave < times(1, 10); wave++) {
    const sockets = await atOnce(300, async (index) => {
      const socket = await secure(enemy)
      socket.pause()
      socket.write(streams[index % 3] as string)
      return socket
    })
    const { watching } = await site.tell('measure')
    t.ok(watching <= 256, `${watching} streams`)
    for (const socket of sockets) socket.destroy()
  }
  // Until the server has noticed.
  while ((await site.tell('measure')).watching > 0) await new Promise((resolve) => setTimeout(resolve, 20))
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

/** Whether a request is as long as it says. */
function isWhole(text: string): boolean {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const announced = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  return rest.length > 0 && rest.join('\r\n\r\n').length >= announced
}

/** What a connection is told, whenever that is; nothing where it is cut without a word. */
async function answered(socket: Socket): Promise<string> {
  if (socket.destroyed) return ''
  const data = once(socket, 'data').then(([bytes]) => (bytes as Buffer).toString('latin1'))
  return Promise.race([data, once(socket, 'close').then(() => '')]).catch(() => '')
}

await under('requests that are nearly right', async () => {
  const seed = numberSetting('NB_SEED', 20260101)
  const random = seededRandom(seed)
  const requests = [
    post('jobs/list', '{"json":{"client":"web1","states":["done"],"limit":3}}', 'nb-wire: 1\r\n'),
    post('jobs/watch', '{"json":{"client":"web1","lines":true}}'),
    post('jobs/get', '{"json":{"jobId":"1"}}'),
    post('scheduler/putPolicy', '{"json":{"policy":{"name":"x","clients":["web1"],"schedules":[]}}}'),
    'GET /nb HTTP/1.1\r\nhost: nb\r\n\r\n',
  ]
  const answers = new Map<string, number>()
  let unfinished = 0
  const count = times(150, 10_000)
  await atOnce(count, async (index) => {
    let text = requests[index % requests.length] as string
    for (let edits = Math.floor(random() * 3); edits >= 0; edits--) text = mutated(text, random)
    const socket = await secure(enemy)
    socket.write(text, 'latin1')
    let answer = await heard(socket, 100)
    if (answer === '') {
      // Whoever announced more may still send it; once it says that no more comes it is answered.
      if (!isWhole(text)) {
        // Lines before a request are passed over (RFC 9112, 2.2): who has sent nothing else has asked nothing.
        if (/^[\r\n]*$/.test(text)) {
          socket.destroy()
          return
        }
        unfinished += 1
        socket.end()
      }
      answer = await answered(socket)
    }
    socket.destroy()
    const status = /^HTTP\/1.1 (\d+)/.exec(answer)?.[1] ?? 'none'
    answers.set(status, (answers.get(status) ?? 0) + 1)
    if (status === '500' || /TypeError|RangeError|at .*\.[jt]s:/.test(answer))
      t.fail(`${JSON.stringify(text.slice(0, 2000))} was answered ${answer.slice(0, 500)}`)
  })
  t.same(answers.get('none'), undefined, 'each is answered')
  return `seed ${seed}: ${JSON.stringify(Object.fromEntries([...answers].sort()))}, ${unfinished} of them when no more was to come`
})
