import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import t from 'tap'
import { ArgumentRoom, readArgument } from '../../src/calls/read-argument.ts'
import { Turns } from '../../src/calls/turns.ts'

/** Counts turns of the event loop, as immediates see them. */
function turnCounter(): { readonly now: () => number; readonly stop: () => void } {
  let turn = 0
  let next: NodeJS.Immediate
  const count = (): void => {
    turn += 1
    next = setImmediate(count)
  }
  next = setImmediate(count)
  return { now: () => turn, stop: () => clearImmediate(next) }
}

t.test('one piece of work is begun in a turn of the event loop, callers in turn', async (t) => {
  const turns = new Turns()
  const counter = turnCounter()
  const begun: [caller: string, turn: number][] = []
  const work = async (caller: string): Promise<void> => {
    await turns.next(caller)
    begun.push([caller, counter.now()])
  }
  await Promise.all(['much', 'much', 'much', 'some', 'much', 'some', 'one'].map(work))
  t.same(
    begun.map(([caller]) => caller),
    ['much', 'much', 'some', 'one', 'much', 'some', 'much'],
    'who came first begins, and waits behind the others from then on',
  )
  t.equal(new Set(begun.map(([, turn]) => turn)).size, begun.length, 'no two in one turn')
  const before = counter.now()
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  await work('much')
  t.ok(counter.now() - before <= 3, 'nobody waits where nothing is done')
  counter.stop()
})

/** A request with an argument that has come. */
function request(bytes: number, destroyed = false): IncomingMessage {
  const body = Readable.from([Buffer.from(JSON.stringify({ json: 'x'.repeat(bytes) }))], {
    objectMode: false,
  })
  return Object.assign(body, { headers: {}, socket: { destroyed } }) as unknown as IncomingMessage
}

t.test(
  'long arguments of one caller are parsed between those of others; short ones wait for none',
  async (t) => {
    const room = new ArgumentRoom(2 ** 24)
    const parsed: string[] = []
    const read = async (caller: string, what: string, bytes: number): Promise<void> => {
      await readArgument(request(bytes), what, { room, caller, most: 2 ** 20 })
      parsed.push(what)
    }
    await Promise.all([
      ...[1, 2, 3, 4, 5].map(async (number) => read('enemy', `enemy ${number}`, 100_000)),
      read('host', 'host, long', 100_000),
      read('host', 'host, short', 1000),
    ])
    t.equal(parsed.length, 7)
    t.ok(parsed.indexOf('host, short') <= 1, parsed.join(', '))
    t.ok(parsed.indexOf('host, long') <= 3, parsed.join(', '))
    t.ok(parsed.indexOf('enemy 3') > parsed.indexOf('host, long'), parsed.join(', '))
    const gone = readArgument(request(100_000, true), 'gone', { room, caller: 'gone', most: 2 ** 20 })
    await t.rejects(gone, { message: 'the caller has left' }, 'who has left has nothing parsed')
  },
)
