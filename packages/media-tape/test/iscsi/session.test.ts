import assert from 'node:assert/strict'
import { isAbortError, type Logger, NbError } from '@nb/contracts'
import { createVirtualClock, driven } from '@nb/test-kit'
import t from 'tap'
import { createIscsiSession, discoverTargets, type IscsiSessionOptions } from '../../src/index.ts'
import { ScriptedTarget } from './scripted-target.ts'
import type { ScriptedTargetOptions, TargetConnection } from './target-connection.ts'
import type { Field, SeenRequest } from './target-side.ts'
import { responseHeader } from './target-side.ts'

const initiatorName = 'iqn.2026-11.example.test:me'
const rewind = { cdb: Uint8Array.of(1, 0, 0, 0, 0, 0) }
const inquiry = () => ({ cdb: Uint8Array.of(0x12, 0, 0, 0, 61, 0), dataIn: Buffer.alloc(61) })
const write = (dataOut: Buffer) => ({
  cdb: Uint8Array.of(0x0a, 0, dataOut.length >> 16, (dataOut.length >> 8) & 255, dataOut.length & 255, 0),
  dataOut,
})

async function withTarget(
  behaviour: ScriptedTargetOptions,
  options: Partial<IscsiSessionOptions>,
  body: (all: Awaited<ReturnType<typeof start>>) => Promise<void>,
): Promise<void> {
  const all = await start(behaviour, options)
  try {
    await body(all)
  } finally {
    await all.session.close()
    await all.target.stop()
    assert.deepEqual(all.target.violations, [])
    assert.equal(all.target.scriptsLeft, 0, 'all misbehaviour was met')
    assert.equal(all.clock.pendingTimers, 0, 'no timer is left')
  }
}

async function start(behaviour: ScriptedTargetOptions, options: Partial<IscsiSessionOptions>) {
  const target = await ScriptedTarget.start(behaviour)
  const clock = createVirtualClock()
  const portal = { host: '127.0.0.1', port: target.port }
  const log: string[] = []
  const note = (...all: readonly unknown[]): void => void log.push(JSON.stringify(all))
  const logger: Logger = Object.assign(note, { error: note, trace: note })
  const session = createIscsiSession(
    { clock, logger },
    { portal, target: target.name, initiatorName, ...options },
  )
  return { target, clock, portal, log, session, unit: session.unit(1) }
}

const ended = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'ended',
    (error: unknown) => error,
  )
const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
const isCommand = ({ opcode }: SeenRequest): boolean => opcode === 1
const toTask = (request: SeenRequest): Field => [16, 4, request.taskTag]

const longBurst = 16_000_000
const unsolicited = {
  target: { answers: { FirstBurstLength: '16777215', MaxBurstLength: '16777215' } },
  options: { firstBurstBytes: 16_777_215, maxBurstBytes: 16_777_215 },
}

t.test('CHAP, and mutual CHAP, with secrets that are nowhere to be read', async (t) => {
  const chap = { name: 'me', secret: 'initiator secret' }
  const own = 'target secret!!'
  await withTarget({ chap }, { chap }, async ({ unit, log }) => {
    await unit.open()
    t.notMatch(log.join(), /secret/)
  })
  await withTarget(
    { chap: { ...chap, own } },
    { chap: { ...chap, target: { secret: own } } },
    async ({ unit, log }) => {
      await unit.open()
      t.notMatch(log.join(), /secret/)
    },
  )
  const denied = (behaviour: ScriptedTargetOptions, options: Partial<IscsiSessionOptions>) =>
    withTarget(behaviour, options, async ({ unit, target, log }) => {
      const error = await ended(unit.open())
      assert.ok(error instanceof NbError)
      t.equal(error.code, 'scsi-access-denied')
      t.notMatch(
        `${error.message} ${JSON.stringify(error.details)} ${log.join()}`,
        /secret!!|initiator secret/,
      )
      t.equal(target.logins, 0)
    })
  await denied({ chap }, {})
  await denied({ chap }, { chap: { ...chap, secret: 'another secret' } })
  await denied({ chap: { ...chap, own: chap.secret } }, { chap: { ...chap, target: { secret: own } } })
  await denied({ chap }, { chap: { ...chap, target: { secret: own } } })
  await denied({}, { chap: { ...chap, target: { secret: own } } })
})

t.test('units share a session, and the last one that is closed ends it', async (t) => {
  await withTarget({}, {}, async ({ session, target }) => {
    const [first, second] = [session.unit(0), session.unit(1)]
    await Promise.all([first.open(), second.open(), first.execute(inquiry()), second.execute(inquiry())])
    t.equal(target.logins, 1)
    t.equal(first.nexus, second.nexus)
    await first.close()
    t.equal((await second.execute(inquiry())).status, 0)
    await second.close()
    t.equal(target.seen.at(-1)?.opcode, 6, 'logged out')
    t.equal((await second.execute(inquiry())).status, 0)
    t.equal(target.logins, 2)
  })
})

t.test('nobody at the portal, a target that is not there, a login that never ends', async (t) => {
  const { target, clock, portal } = await start({ refuse: [2, 3] }, {})
  const unit = (at = portal) =>
    createIscsiSession({ clock }, { portal: at, target: target.name, initiatorName }).unit(0)
  t.match(await ended(unit().open()), { code: 'not-found', details: { statusDetail: 3 } })
  t.match(await ended(unit().execute(inquiry())), { code: 'not-found', details: { sent: false } })
  await target.stop()
  t.match(await ended(unit().open()), {
    code: 'scsi-transport-lost',
    details: { systemCode: 'ECONNREFUSED' },
  })
  const silent = await ScriptedTarget.start()
  silent.silent = true
  const opening = ended(unit({ host: '127.0.0.1', port: silent.port }).open())
  while (silent.connections.size === 0) await turns()
  await clock.advance(15_000)
  t.match(await opening, { code: 'scsi-transport-lost', details: { systemCode: 'ETIMEDOUT' } })
  const controller = new AbortController()
  const aborted = ended(unit({ host: '127.0.0.1', port: silent.port }).open({ signal: controller.signal }))
  await turns()
  controller.abort()
  t.ok(isAbortError(await aborted))
  await silent.stop()
})

t.test('a redirection is followed, and not for ever', async (t) => {
  const there = await ScriptedTarget.start()
  await withTarget({ redirect: `127.0.0.1:${there.port},1` }, {}, async ({ unit }) => {
    await unit.open()
    t.equal(there.logins, 1)
  })
  await there.stop()
  const circle: { redirect?: string } = {}
  await withTarget(circle, {}, async ({ unit, target }) => {
    circle.redirect = `127.0.0.1:${target.port}`
    t.match(await ended(unit.open()), { code: 'scsi-transport-lost', message: /redirects more than/ })
  })
})

t.test('discovery, also in parts', async (t) => {
  const targets = [
    ['TargetName=iqn.2026-11.a:1\0TargetAddr'],
    ['ess=127.0.0.1:3260,1\0'],
    ['TargetName=iqn.2026-11.a:2\0'],
  ]
  await withTarget({ targets }, {}, async ({ clock, portal, target }) => {
    t.same(await discoverTargets({ clock }, { portal, initiatorName }), [
      { target: 'iqn.2026-11.a:1', portals: [{ host: '127.0.0.1', port: 3260 }] },
      { target: 'iqn.2026-11.a:2', portals: [portal] },
    ])
    t.same(
      new Set(target.seen.filter(({ opcode }) => opcode === 4).map(({ taskTag }) => taskTag)).size,
      1,
      'one task',
    )
  })
  await withTarget({ targets: [['TargetName=nonsense\0']] }, {}, async ({ clock, portal }) => {
    t.match(await ended(discoverTargets({ clock }, { portal, initiatorName })), { code: 'message-invalid' })
  })
  await withTarget({ refuse: [2, 2] }, {}, async ({ clock, portal }) => {
    t.match(await ended(discoverTargets({ clock }, { portal, initiatorName })), {
      code: 'scsi-access-denied',
    })
  })
  await withTarget(
    { targets: Array.from({ length: 40 }, () => [`X=${'y'.repeat(60_000)}`]) },
    {},
    async ({ clock, portal }) => {
      t.match(await ended(discoverTargets({ clock }, { portal, initiatorName })), {
        code: 'message-invalid',
        message: /too much text/,
      })
    },
  )
})

t.test('pings go both ways, and a silent target is given up', async (t) => {
  await withTarget({}, { pingIntervalMs: 1000, pingTimeoutMs: 2000 }, async ({ unit, target, clock }) => {
    await unit.open()
    const [connection] = target.connections
    connection?.send(
      0x20,
      0x80,
      [
        [16, 4, 0xffff_ffff],
        [20, 4, 42],
        [8, 2, 1],
      ],
      Buffer.from('are you there'),
      false,
    )
    while (!target.seen.some(({ opcode }) => opcode === 0)) await turns()
    const answer = target.seen.find(({ opcode }) => opcode === 0)
    t.match(answer, { transferTag: 42, taskTag: 0xffff_ffff, unit: 1 })
    t.equal(answer?.data.toString(), 'are you there')
    await clock.advance(2000)
    while (target.seen.filter(({ opcode, taskTag }) => opcode === 0 && taskTag !== 0xffff_ffff).length === 0)
      await turns()
    await turns()
    await clock.advance(900)
    t.equal((await unit.execute(inquiry())).status, 0)
    for (let second = 0; second < 10; second++) {
      await clock.advance(1000)
      await unit.execute(inquiry())
    }
    t.equal(unit.nexus, 1, 'still the same')
    target.silent = true
    const lost = ended(unit.execute({ ...inquiry(), timeoutMs: 3_600_000 }))
    await driven(clock, lost)
    t.match(await lost, { code: 'scsi-transport-lost', message: /ping/, details: { sent: true } })
    target.silent = false
  })
})

/** What a target may not do, for the first command it gets. */
const misdeeds: Readonly<Record<string, (connection: TargetConnection, request: SeenRequest) => void>> = {
  'data for no command': (c) => c.send(0x25, 0x80, [[16, 4, 9999]], Buffer.alloc(8), false),
  'data beyond the room': (c, r) => c.send(0x25, 0x80, [toTask(r), [40, 4, 60]], Buffer.alloc(8), false),
  'more data than the room': (c, r) => c.send(0x25, 0x80, [toTask(r)], Buffer.alloc(62), false),
  'data that begin in the middle': (c, r) =>
    c.send(0x25, 0x80, [toTask(r), [40, 4, 8]], Buffer.alloc(8), false),
  'data with a gap in their numbers': (c, r) =>
    c.send(0x25, 0x80, [toTask(r), [36, 4, 1]], Buffer.alloc(8), false),
  'an R2T for a command that reads': (c, r) =>
    c.send(0x31, 0x80, [toTask(r), [20, 4, 1], [44, 4, 8]], Buffer.alloc(0), false),
  'a status with a gap before it': (c, r) => {
    c.stat += 1
    c.send(0x21, 0x80, [toTask(r)])
  },
  'a response to nothing': (c) => c.send(0x21, 0x80, [[16, 4, 9999]]),
  'a failure without a status': (c, r) => c.send(0x21, 0x80, [toTask(r), [2, 1, 1]]),
  'a response that misses data': (c, r) => c.send(0x21, 0x80, [toTask(r), [36, 4, 3]]),
  'a residual beyond the command': (c, r) => c.send(0x21, 0x82, [toTask(r), [44, 4, 62]]),
  'sense data that are cut off': (c, r) =>
    c.send(0x21, 0x80, [toTask(r), [3, 1, 2]], Buffer.from([0, 18, 0x70])),
  'a reject of the command': (c, r) =>
    c.send(
      0x3f,
      0x80,
      [
        [2, 1, 4],
        [16, 4, 0xffff_ffff],
      ],
      r.header,
    ),
  'a reject of nothing': (c) =>
    c.send(
      0x3f,
      0x80,
      [
        [2, 1, 4],
        [16, 4, 0xffff_ffff],
      ],
      Buffer.alloc(3),
    ),
  'an answer that nobody asked for': (c) => c.send(0x22, 0x80, [[16, 4, 9999]]),
  'another login response': (c) => c.send(0x23, 0x87, [[14, 2, 1]]),
  'an opcode that is none': (c) => c.send(0x3d, 0x80, []),
  'a PDU that is too long': (c) => c.raw(responseHeader(0x20, 0x80, 0xff_ffff, [])),
  'that all commands were ended': (c) =>
    c.send(0x32, 0x80, [
      [16, 4, 0xffff_ffff],
      [36, 1, 5],
    ]),
  'the end of the connection': (c) =>
    c.send(0x32, 0x80, [
      [16, 4, 0xffff_ffff],
      [36, 1, 2],
    ]),
  'half a PDU': (c) => {
    c.raw(Buffer.alloc(20, 0x20))
    c.destroy()
  },
}

for (const [what, misdeed] of Object.entries(misdeeds))
  t.test(`a target that sends ${what}: the session is lost, and the next command has another`, async (t) => {
    await withTarget({}, {}, async ({ unit, target }) => {
      await unit.open()
      target.once((connection, request) => {
        if (!isCommand(request)) return false
        misdeed(connection, request)
        return true
      })
      const room = inquiry()
      const [bad, behind] = [ended(unit.execute(room)), ended(unit.execute(inquiry()))]
      t.match(await bad, { code: 'scsi-transport-lost', details: { sent: true } })
      t.match(await behind, { code: 'scsi-transport-lost' })
      t.equal((await unit.execute(inquiry())).status, 0)
      t.equal(unit.nexus, 2)
    })
  })

t.test('digests that are wrong are a loss', async (t) => {
  for (const broken of ['header', 'data'] as const)
    await withTarget(
      { digests: true },
      { headerDigest: 'required', dataDigest: 'required' },
      async ({ unit, target }) => {
        await unit.open()
        target.once((connection, request) => {
          if (!isCommand(request)) return false
          const raw = connection.raw.bind(connection)
          connection.raw = (bytes) => {
            bytes.writeUInt8(
              bytes.readUInt8(broken === 'header' ? 40 : 60) ^ 1,
              broken === 'header' ? 40 : 60,
            )
            raw(bytes)
          }
          connection.send(0x25, 0x81, [toTask(request)], Buffer.alloc(61))
          return true
        })
        t.match(await ended(unit.execute(inquiry())), {
          code: 'scsi-transport-lost',
          details: { reason: 'protocol', sent: true },
        })
      },
    )
})

t.test('R2Ts for more than there is, or out of their order, are a loss', async (t) => {
  const bad: Readonly<Record<string, readonly (readonly [offset: number, bytes: number, number: number])[]>> =
    {
      beyond: [[299_000, 2000, 0]],
      'longer than a burst': [[0, 65_537, 0]],
      'out of order': [[0, 1000, 1]],
    }
  for (const [what, row] of Object.entries(bad))
    await withTarget({}, {}, async ({ unit, target }) => {
      await unit.open()
      target.once((connection, request) => {
        if (!isCommand(request)) return false
        for (const [offset, bytes, number] of row)
          connection.send(
            0x31,
            0x80,
            [toTask(request), [20, 4, 7], [36, 4, number], [40, 4, offset], [44, 4, bytes]],
            Buffer.alloc(0),
            false,
          )
        return true
      })
      t.match(
        await ended(unit.execute(write(Buffer.alloc(300_000)))),
        { code: 'scsi-transport-lost', details: { reason: 'protocol' } },
        what,
      )
    })
})

t.test('a connection that breaks in the midst of data', async (t) => {
  await withTarget({}, {}, async ({ unit, target }) => {
    await unit.open()
    target.once((connection, request) => {
      if (!isCommand(request)) return false
      connection.raw(responseHeader(0x25, 0x80, 61, [toTask(request), [24, 4, connection.stat]]))
      connection.raw(Buffer.alloc(30, 0xab))
      connection.destroy()
      return true
    })
    t.match(await ended(unit.execute(inquiry())), { code: 'scsi-transport-lost', details: { sent: true } })
    await unit.execute(rewind)
    target.once((connection, request) => {
      if (request.opcode !== 5) return false
      connection.destroy()
      return true
    })
    t.match(await ended(unit.execute(write(Buffer.alloc(200_000)))), {
      code: 'scsi-transport-lost',
      details: { sent: true },
    })
  })
  await withTarget(unsolicited.target, unsolicited.options, async ({ unit, target }) => {
    await unit.execute(rewind)
    target.once((connection, request) => {
      if (request.opcode !== 5) return false
      connection.destroy()
      return true
    })
    t.match(await ended(unit.execute(write(Buffer.alloc(longBurst)))), {
      code: 'scsi-transport-lost',
      details: { sent: true },
    })
    t.equal((await unit.execute(inquiry())).status, 0, 'and none of the old data')
  })
})

t.test(
  'a write that ends before its data are out is told of when the network has let go of them',
  async (t) => {
    await withTarget(unsolicited.target, unsolicited.options, async ({ unit, target }) => {
      await unit.execute(rewind)
      let here: TargetConnection | undefined
      target.once((connection, request) => {
        if (!isCommand(request)) return false
        here = connection
        connection.pause()
        connection.send(0x21, 0x80, [toTask(request), [3, 1, 8]])
        // Until it is sure that the answer has been read.
        connection.send(
          0x20,
          0x80,
          [
            [16, 4, 0xffff_ffff],
            [20, 4, 42],
          ],
          Buffer.alloc(0),
          false,
        )
        return true
      })
      let end: unknown
      const running = unit.execute(write(Buffer.alloc(longBurst))).then((result) => (end = result.status))
      while (here === undefined) await turns()
      for (let n = 0; n < 20; n++) await turns()
      t.equal(end, undefined, 'the data are still being sent')
      here.resume()
      await running
      t.equal(end, 8)
      t.equal((await unit.execute(inquiry())).status, 0)
      const sentBytes = target.seen.reduce((sum, { data }) => sum + data.length, 0)
      t.ok(sentBytes < longBurst, 'the rest is not sent')
    })
  },
)

t.test('a target that reads slowly gets all, without piling up here', async (t) => {
  await withTarget(unsolicited.target, unsolicited.options, async ({ unit, target }) => {
    await unit.execute(rewind)
    let here: TargetConnection | undefined
    target.once((connection, request) => {
      if (!isCommand(request)) return false
      here = connection
      connection.pause()
      connection.work(request)
      return true
    })
    const running = unit.execute(write(Buffer.alloc(longBurst)))
    while (here === undefined) await turns()
    for (let n = 0; n < 20; n++) await turns()
    here.resume()
    t.equal((await running).dataOutBytes, longBurst)
  })
})

t.test('a window that opens by itself lets the next command go', async (t) => {
  await withTarget({ window: 1 }, {}, async ({ unit, target }) => {
    await unit.execute(rewind)
    target.window = 0
    t.equal((await unit.execute(inquiry())).status, 0)
    const seen = target.seen.length
    const next = unit.execute(inquiry())
    await turns()
    t.equal(target.seen.length, seen, 'not sent')
    target.window = 64
    const [connection] = target.connections
    connection?.send(
      0x20,
      0x80,
      [
        [16, 4, 0xffff_ffff],
        [20, 4, 0xffff_ffff],
      ],
      Buffer.alloc(0),
      false,
    )
    t.equal((await next).status, 0)
  })
})

t.test('a target that wants us gone gets its wish when all is done', async (t) => {
  await withTarget({}, {}, async ({ unit, target }) => {
    await unit.execute(rewind)
    target.held = true
    const running = unit.execute(rewind)
    await turns()
    const [connection] = target.connections
    connection?.send(0x32, 0x80, [
      [16, 4, 0xffff_ffff],
      [36, 1, 1],
      [42, 2, 30],
    ])
    await turns()
    const late = ended(unit.execute(rewind))
    target.release()
    t.equal((await running).status, 0)
    t.match(await late, { code: 'scsi-transport-lost', details: { sent: false } })
    t.equal(target.seen.at(-1)?.opcode, 6, 'logged out')
    t.equal((await unit.execute(inquiry())).status, 0)
    t.equal(unit.nexus, 2)
  })
})

t.test('a command that can not be aborted is waited for, and given up with its time', async (t) => {
  const refuseAbort = (target: ScriptedTarget): void =>
    target.once((connection, request) => {
      if (request.opcode !== 2) return false
      connection.send(0x22, 0x80, [
        [2, 1, 5],
        [16, 4, request.taskTag],
      ])
      return true
    })
  await withTarget({}, {}, async ({ unit, target }) => {
    await unit.execute(rewind)
    target.held = true
    const controller = new AbortController()
    const running = unit.execute(rewind, { signal: controller.signal })
    await turns()
    refuseAbort(target)
    controller.abort()
    while (target.scriptsLeft > 0) await turns()
    await turns()
    target.release()
    t.equal((await running).status, 0, 'the answer was faster')
  })
  await withTarget({}, {}, async ({ unit, target, clock }) => {
    await unit.execute(rewind)
    target.held = true
    const running = ended(unit.execute({ ...rewind, timeoutMs: 500 }))
    await turns()
    refuseAbort(target)
    await clock.advance(500)
    t.match(await running, { code: 'scsi-timeout', details: { sent: true } })
    target.release()
    await unit.execute(rewind)
    t.equal(unit.nexus, 2, 'only a new session is rid of it')
  })
})

t.test('an abort that is not answered costs the session', async (t) => {
  await withTarget({}, { abortTimeoutMs: 1000 }, async ({ unit, target, clock }) => {
    await unit.execute(rewind)
    target.held = true
    target.once((_, request) => request.opcode === 2)
    const controller = new AbortController()
    const running = ended(unit.execute(rewind, { signal: controller.signal }))
    await turns()
    controller.abort()
    while (target.scriptsLeft > 0) await turns()
    await driven(clock, running)
    t.ok(isAbortError(await running))
    target.release()
    await unit.execute(rewind)
    t.equal(unit.nexus, 2)
  })
})
