import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  type ChannelListener,
  type DataChannel,
  type DataChannels,
  type ErrorCode,
  isAbortError,
  NbError,
  readChannel,
} from '@nb/contracts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import type { VirtualClock } from '../virtual-clock.ts'

/** What the suite of `DataChannels` works on. */
export interface DataChannelsFixture {
  /** Where listeners are made. */
  readonly listening: DataChannels
  /** Where tickets are used; the same object, or the one of another process or host. */
  readonly connecting: DataChannels
  /** The clock of the listening side. */
  readonly clock: VirtualClock
  /** How many bytes a writer may be ahead of a reader that has stopped. @default 8 MiB */
  readonly mostBufferedBytes?: number
}

type Check = (name: string, body: (fixture: DataChannelsFixture) => Promise<void>) => void

const mebibyte = 2 ** 20

/** The obligations of `DataChannels`, `ChannelListener` and `DataChannel`. */
export function dataChannelsSuite(context: SuiteContext, setup: SuiteSetup<DataChannelsFixture>): void {
  const check: Check = (name, body) => void withFixture(context, setup, name, body)
  tickets(check)
  bytes(check)
  breaking(check)
  cancelling(check)
}

function tickets(check: Check): void {
  check('a ticket is plain data, with a secret of its own each time', async ({ listening }) => {
    const first = await listening.listen()
    const second = await listening.listen()
    assert.deepEqual(JSON.parse(JSON.stringify(first.ticket)), { ...first.ticket })
    assert.notEqual(first.ticket.token, second.ticket.token)
    assert.ok(first.ticket.token.length >= 22, 'a token has at least 128 bits')
    await Promise.all([first.close(), second.close()])
  })
  check('a ticket opens one connection', async (fixture) => {
    const { listener, here, there } = await connected(fixture)
    await rejects(fixture.connecting.connect({ ticket: listener.ticket }), 'ticket-invalid')
    assert.equal(await carry(here, there, 'still whole'), 'still whole')
  })
  check('a wrong token opens nothing and does not spoil the ticket', async (fixture) => {
    const listener = await fixture.listening.listen()
    const wrong = { ...listener.ticket, token: 'A'.repeat(listener.ticket.token.length) }
    await rejects(fixture.connecting.connect({ ticket: wrong }), 'ticket-invalid')
    const here = await fixture.connecting.connect({ ticket: listener.ticket })
    assert.equal(await carry(here, await listener.accept(), 'x'), 'x')
  })
  check('tickets are used in any order, and each meets its own listener', async (fixture) => {
    const first = await fixture.listening.listen()
    const second = await fixture.listening.listen()
    const toSecond = await fixture.connecting.connect({ ticket: second.ticket })
    const toFirst = await fixture.connecting.connect({ ticket: first.ticket })
    assert.equal(await carry(toFirst, await first.accept(), 'first'), 'first')
    assert.equal(await carry(toSecond, await second.accept(), 'second'), 'second')
  })
  check('a ticket is void after its time-out, and not before', async (fixture) => {
    const late = await fixture.listening.listen({ timeoutMs: 5000 })
    const inTime = await fixture.listening.listen({ timeoutMs: 5001 })
    const waiting = rejects(late.accept(), 'channel-broken')
    await fixture.clock.advance(5000)
    await waiting
    await rejects(fixture.connecting.connect({ ticket: late.ticket }), 'ticket-invalid')
    const here = await fixture.connecting.connect({ ticket: inTime.ticket })
    const there = await inTime.accept()
    await fixture.clock.advance(100_000)
    assert.equal(await carry(here, there, 'outlives its ticket'), 'outlives its ticket')
  })
  check('a closed listener voids its ticket; closing twice is fine', async (fixture) => {
    const listener = await fixture.listening.listen()
    const waiting = rejects(listener.accept(), 'channel-broken')
    await listener.close()
    await listener.close()
    await waiting
    await rejects(listener.accept(), 'channel-broken')
    await rejects(fixture.connecting.connect({ ticket: listener.ticket }), 'ticket-invalid')
  })
  check('closing a listener does nothing to its accepted channel', async (fixture) => {
    const { listener, here, there } = await connected(fixture)
    await listener.close()
    assert.equal(await carry(here, there, 'goes on'), 'goes on')
  })
  check('no timer is left when nobody waits', async (fixture) => {
    const before = fixture.clock.pendingTimers
    const { here } = await connected(fixture)
    const closed = await fixture.listening.listen()
    await closed.close()
    assert.equal(fixture.clock.pendingTimers, before)
    here.abort('done with it')
  })
}

function bytes(check: Check): void {
  check('bytes arrive in order and whole, both ways at once', async (fixture) => {
    const { here, there } = await connected(fixture)
    const [toThere, toHere] = await Promise.all([
      readText(there),
      readText(here),
      sendTexts(here, ['a', 'bc', 'def']),
      sendTexts(there, ['1', '23', '456']),
    ])
    assert.equal(toThere, 'abcdef')
    assert.equal(toHere, '123456')
  })
  check(
    'each direction ends on its own; end is idempotent and reading goes on saying so',
    async (fixture) => {
      const { here, there } = await connected(fixture)
      await here.end()
      await here.end()
      assert.equal(await there.read(), undefined)
      assert.equal(await there.read(), undefined)
      const [text] = await Promise.all([readText(here), sendTexts(there, ['the other way'])])
      assert.equal(text, 'the other way')
    },
  )
  check('an empty write is no chunk, and reads are never empty', async (fixture) => {
    const { here, there } = await connected(fixture)
    const sent = sendTexts(here, ['', 'a', '', '', 'b', ''])
    for await (const chunk of readChannel(there)) assert.ok(chunk.length > 0)
    await sent
  })
  check(
    'a written chunk may be used again at once, and a read one stays until the next read',
    async (fixture) => {
      const { here, there } = await connected(fixture)
      const chunk = new Uint8Array(70_000)
      const writing = (async () => {
        for (let round = 1; round <= 50; round++) await here.write(chunk.fill(round))
        await here.end()
      })()
      let at = 0
      for await (const read of readChannel(there)) {
        await turns(2)
        for (const byte of read) if (byte !== 1 + Math.floor(at++ / chunk.length)) assert.fail(`byte ${at}`)
      }
      await writing
      assert.equal(at, 50 * chunk.length)
    },
  )
  check('a writer is held back by a reader that has stopped', async (fixture) => {
    const { here, there } = await connected(fixture)
    const bound = fixture.mostBufferedBytes ?? 8 * mebibyte
    const total = bound * 2 + mebibyte
    let written = 0
    const writing = (async () => {
      for (; written < total; written += 65_536) await here.write(new Uint8Array(65_536))
      await here.end()
    })()
    let read = (await there.read())?.length ?? 0
    for (let quiet = 0, last = -1; quiet < 300; quiet++, last = written) {
      if (last !== written) quiet = 0
      await turns(1)
      assert.ok(written - read <= bound, `${written - read} bytes ahead of the reader`)
    }
    for await (const chunk of readChannel(there)) read += chunk.length
    await writing
    assert.equal(read, written)
  })
  check('100 MB in chunks of random sizes arrive byte for byte', async (fixture) => {
    const { here, there } = await connected(fixture)
    const sent = createHash('sha256')
    const random = randomSizes(0x5eed)
    const source = Buffer.alloc(300_000, 0)
    for (let at = 0; at + 4 <= source.length; at += 4) source.writeUInt32LE(random(2 ** 32), at)
    const writing = (async () => {
      for (let left = 100_000_000; left > 0;) {
        const size = Math.min(left, random(8) === 0 ? random(300_000) : random(9000))
        const from = random(source.length - size + 1)
        const chunk = source.subarray(from, from + size)
        sent.update(chunk)
        await here.write(chunk)
        left -= size
      }
      await here.end()
    })()
    const received = createHash('sha256')
    let total = 0
    for await (const chunk of readChannel(there)) {
      received.update(chunk)
      total += chunk.length
    }
    await writing
    assert.equal(total, 100_000_000)
    assert.equal(received.digest('hex'), sent.digest('hex'))
  })
}

function breaking(check: Check): void {
  for (const side of ['connecting', 'listening'] as const) {
    check(`abort at the ${side} side fails every call at both ends, with the reason`, async (fixture) => {
      const { here, there } = await connected(fixture)
      const [breaker, other] = side === 'connecting' ? [here, there] : [there, here]
      const reading = rejectsWithReason(breaker.read())
      const readingThere = rejectsWithReason(other.read())
      breaker.abort('the tape snapped')
      breaker.abort('a later reason')
      await Promise.all([reading, readingThere])
      for (const end of [breaker, other]) {
        await rejectsWithReason(end.read())
        await rejectsWithReason(end.write(new Uint8Array(1)))
        await rejectsWithReason(end.end())
      }
    })
  }
  check('abort overtakes data that was not read yet', async (fixture) => {
    const { here, there } = await connected(fixture)
    const writing = here.write(Buffer.from('never read')).then(
      () => undefined,
      () => undefined,
    )
    await turns(20)
    here.abort('the tape snapped')
    await writing
    await rejectsWithReason(untilItFails(there))
  })
  check('abort ends a write that waits for the reader', async (fixture) => {
    const { here, there } = await connected(fixture)
    const writing = rejectsWithReason(
      (async () => {
        for (;;) await here.write(new Uint8Array(mebibyte))
      })(),
    )
    await turns(50)
    there.abort('the tape snapped')
    await writing
  })
  check('abort after both ends have ended does nothing', async (fixture) => {
    const { here, there } = await connected(fixture)
    await Promise.all([readText(here), readText(there), sendTexts(here, ['a']), sendTexts(there, ['b'])])
    here.abort('too late')
    there.abort('too late')
    assert.equal(await here.read(), undefined)
    assert.equal(await there.read(), undefined)
    await here.end()
  })
  check('writing after the own end is refused', async (fixture) => {
    const { here, there } = await connected(fixture)
    await here.end()
    await rejects(here.write(new Uint8Array(1)), 'state-conflict')
    there.abort('done with it')
  })
}

function cancelling(check: Check): void {
  check('an aborted signal cancels listen and connect', async (fixture) => {
    await aborts(fixture.listening.listen({ signal: AbortSignal.abort() }))
    const listener = await fixture.listening.listen()
    await aborts(fixture.connecting.connect({ ticket: listener.ticket }, { signal: AbortSignal.abort() }))
    await listener.close()
  })
  check('a cancelled accept leaves the ticket good', async (fixture) => {
    const listener = await fixture.listening.listen()
    const controller = new AbortController()
    const waiting = aborts(listener.accept({ signal: controller.signal }))
    controller.abort()
    await waiting
    const here = await fixture.connecting.connect({ ticket: listener.ticket })
    assert.equal(await carry(here, await listener.accept(), 'x'), 'x')
  })
  check('a cancelled read loses nothing', async (fixture) => {
    const { here, there } = await connected(fixture)
    const controller = new AbortController()
    const reading = aborts(there.read({ signal: controller.signal }))
    controller.abort()
    await reading
    assert.equal(await carry(here, there, 'all of it'), 'all of it')
  })
  check('a cancelled write breaks the channel', async (fixture) => {
    const { here, there } = await connected(fixture)
    const controller = new AbortController()
    const writing = aborts(
      (async () => {
        for (;;) await here.write(new Uint8Array(mebibyte), { signal: controller.signal })
      })(),
    )
    await turns(50)
    controller.abort()
    await writing
    await rejects(here.write(new Uint8Array(1)), 'channel-broken')
    await rejects(untilItFails(there), 'channel-broken')
  })
}

interface Connected {
  readonly listener: ChannelListener
  /** The end that connected. */
  readonly here: DataChannel
  /** The end that listened. */
  readonly there: DataChannel
}

async function connected({ listening, connecting }: DataChannelsFixture): Promise<Connected> {
  const listener = await listening.listen()
  const [there, here] = await Promise.all([
    listener.accept(),
    connecting.connect({ ticket: listener.ticket }),
  ])
  return { listener, here, there }
}

/** Sends a text one way, ends both ways, and gives what arrived. */
async function carry(from: DataChannel, to: DataChannel, text: string): Promise<string> {
  const [arrived, answer] = await Promise.all([
    readText(to),
    readText(from),
    sendTexts(from, [text]),
    to.end(),
  ])
  assert.equal(answer, '')
  return arrived
}

async function sendTexts(channel: DataChannel, texts: readonly string[]): Promise<void> {
  for (const text of texts) await channel.write(Buffer.from(text))
  await channel.end()
}

async function readText(channel: DataChannel): Promise<string> {
  let text = ''
  for await (const chunk of readChannel(channel)) text += Buffer.from(chunk).toString('latin1')
  return text
}

async function untilItFails(channel: DataChannel): Promise<void> {
  while ((await channel.read()) !== undefined);
}

async function rejects(call: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof NbError, `an NbError ${code}, not ${String(error)}`)
    assert.equal(error.code, code)
    return true
  })
}

async function rejectsWithReason(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof NbError, `an NbError, not ${String(error)}`)
    assert.equal(error.code, 'channel-broken')
    assert.match(error.message, /the tape snapped/)
    return true
  })
}

async function aborts(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => isAbortError(error))
}

/** Lets I/O and promises run. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Numbers below a bound from a seed (xorshift32). */
function randomSizes(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
