import t from 'tap'
import type {
  AuditEntry,
  Catalog,
  Drive,
  HostRecord,
  Job,
  JobManager,
  MediaManager,
  Role,
  Volume,
} from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import { createAccessControl } from '../../src/access/access-control.ts'
import type { HostCall } from '../../src/access/access.ts'

async function* items<Item>(...all: readonly Item[]): AsyncGenerator<Item, void, undefined> {
  yield* all
}

const jobs = {
  get: async ({ jobId }: { jobId: string }) =>
    jobId === '1' ? ({ id: '1', client: 'web1', mediaServer: 'tape1' } as Job) : undefined,
  list: ({ client }: { client?: string }) =>
    client === 'web1' ? items({ id: '1', client: 'web1', mediaServer: 'tape1' } as Job) : items<Job>(),
} satisfies Pick<JobManager, 'get' | 'list'>

const images: Pick<Catalog, 'getImage'> = {
  getImage: async ({ backupId }) => {
    const client = backupId.split('_')[0] as string
    return client === 'web1' || client === 'web2'
      ? ({ backupId, client, jobId: client === 'web1' ? '1' : '2' } as Awaited<
          ReturnType<Catalog['getImage']>
        >)
      : undefined
  },
}

const media: Pick<MediaManager, 'storageUnits' | 'drives' | 'volumes'> = {
  storageUnits: () => items(),
  drives: ({ name }) =>
    items(
      ...[
        { name: 'd1', mediaServer: 'tape1', robot: 'r1' } as Drive,
        { name: 'd2', mediaServer: 'tape2', robot: 'r2' } as Drive,
      ].filter((drive) => name === undefined || drive.name === name),
    ),
  volumes: ({ volumeId }) =>
    volumeId === 'A00002' ? items({ volumeId, robot: 'r2' } as Volume) : items<Volume>(),
}

/** A guard on a master, and what it has noted. */
function guard(records: Readonly<Record<string, Partial<HostRecord>>> = {}) {
  const noted: AuditEntry[] = []
  const clock = createVirtualClock(1000)
  const hosts = {
    get: async ({ name }: { name: string }) => {
      const {
        state = 'enrolled',
        roles = ['client', 'media-server', 'operator'],
        sources = [],
      } = records[name] ?? {}
      return { name, state, roles, sources } as unknown as HostRecord
    },
  }
  const audit = { append: async (entry: AuditEntry) => void noted.push(entry) }
  const made = createAccessControl({ clock, hosts, audit, jobs, catalog: images, media })
  const admit = (
    name: string | undefined,
    roles: readonly Role[],
    call: Pick<HostCall, 'port' | 'method' | 'input'>,
    address = '192.0.2.7',
  ): ReturnType<typeof made.admit> =>
    made.admit({
      ...call,
      address,
      peer: name === undefined ? undefined : { name, roles, fingerprint: 'f'.repeat(64) },
    })
  return { admit, noted }
}

t.test('a media server touches what it was given: looked up with the master’s own parts', async (t) => {
  const { admit } = guard()
  const progress = (jobId: string) => ({ port: 'jobSessions', method: 'progress', input: { jobId } }) as const
  await admit('tape1', ['media-server'], progress('1'))
  await t.rejects(admit('tape2', ['media-server'], progress('1')), { code: 'access-denied' })
  await t.rejects(admit('tape1', ['media-server'], progress('9')), { code: 'access-denied' })
  const append = (backupId: string, peer = 'tape1') =>
    ({ port: 'catalog', method: 'appendFileList', input: { backupId, peer } }) as const
  await admit('tape1', ['media-server'], append('web1_1'))
  await t.rejects(admit('tape1', ['media-server'], append('web2_1')), { code: 'access-denied' })
  const list = (backupId: string, peer = 'tape1') =>
    ({ port: 'catalog', method: 'readFileList', input: { client: 'web1', backupId, peer } }) as const
  await admit('tape1', ['media-server'], list('web1_1'))
  await admit('tape1', ['media-server'], list('web1_1', 'web1'))
  await t.rejects(admit('tape1', ['media-server'], list('web2_1')), { code: 'access-denied' })
  await t.rejects(admit('tape2', ['media-server'], list('web1_1', 'tape2')), { code: 'access-denied' })
  for (const passedOn of [append('web1_1', 'tape2'), list('web1_1', 'tape2'), list('web1_1', '')])
    await t.rejects(admit('tape1', ['media-server'], passedOn), { code: 'access-denied' })
  const mount = (volumeId: string, drive: string) =>
    ({ port: 'media', method: 'recordMount', input: { volumeId, drive } }) as const
  await admit('tape1', ['media-server'], mount('NEW001', 'd1'))
  await t.rejects(admit('tape1', ['media-server'], mount('A00002', 'd1')), { code: 'access-denied' })
  await t.rejects(admit('tape1', ['media-server'], mount('NEW001', 'd2')), { code: 'access-denied' })

  const found = (name: string, robot: string, mediaServer = 'tape1') => ({
    ...({ port: 'media', method: 'putDrive' } as const),
    input: { name, mediaServer, density: 'hcart', robot, state: 'up' },
  })
  await admit('tape1', ['media-server'], found('d3', 'r3'))
  await admit('tape1', ['media-server'], found('d1', 'r1'))
  for (const taken of [found('d2', 'r1'), found('d3', 'r2'), found('d3', 'r1', 'tape2')])
    await t.rejects(admit('tape1', ['media-server'], taken), { code: 'access-denied' })
})

t.test(
  'a role that was given after the certificate was issued asks for a new one, and counts with none',
  async (t) => {
    const { admit } = guard({
      ann: { roles: ['administrator'] },
      web1: { roles: ['client', 'media-server'] },
    })
    const list = { port: 'hosts', method: 'list', input: {} } as const
    await t.rejects(admit('ann', ['viewer'], list), {
      code: 'access-denied',
      message: 'ann is administrator now, and its certificate is still that of viewer: it has to enrol again',
      remedy: /nb host token ann --role administrator/,
    })
    const unit = { port: 'jobSessions', method: 'progress', input: { jobId: '1' } } as const
    await t.rejects(admit('web1', ['client'], unit), { code: 'access-denied', message: /has to enrol again/ })
    await admit('ann', ['viewer', 'administrator'], list)
  },
)

t.test('a client takes sessions for jobs that its media server was given and that go on', async (t) => {
  const clock = createVirtualClock(1000)
  const client = (states: Readonly<Record<string, Job['state']>>) =>
    createAccessControl({
      clock,
      jobs: {
        get: async ({ jobId: id }) =>
          states[id] === undefined
            ? undefined
            : ({ id, client: 'web1', mediaServer: 'tape1', state: states[id] } as Job),
        list: () => items<Job>(),
      },
    })
  const call = (name: string, method: string, jobId: string) =>
    ({
      port: 'clientAgent',
      method,
      input: { jobId },
      peer: { name, roles: ['media-server'], fingerprint: '' },
    }) as HostCall
  for (const method of ['startBackup', 'startRestore', 'startRemoval']) {
    const access = client({ 1: 'active', 2: 'done', 3: 'queued' })
    await access.admit(call('tape1', method, '1'))
    for (const [name, jobId] of [
      ['tape2', '1'],
      ['tape1', '2'],
      ['tape1', '3'],
      ['tape1', '4'],
    ] as const)
      await t.rejects(access.admit(call(name, method, jobId)), { code: 'access-denied' }, `${name} ${jobId}`)
  }
})

t.test('a client reads its own, and what an administrator allowed it', async (t) => {
  const { admit } = guard({ web3: { sources: ['web1'] } })
  const browse = (client: string, backupId: string) =>
    ({ port: 'catalog', method: 'browse', input: { client, backupId, path: '/' } }) as const
  await admit('web1', ['client'], browse('web1', 'web1_1'))
  await t.rejects(admit('web2', ['client'], browse('web1', 'web1_1')), { code: 'access-denied' })
  await t.rejects(
    admit('web1', ['client'], browse('web1', 'web2_1')),
    { code: 'access-denied' },
    'an image of another',
  )
  await admit('web3', ['client'], browse('web1', 'web1_1'))
  const list = (peer?: string) =>
    ({ port: 'catalog', method: 'readFileList', input: { client: 'web1', peer } }) as const
  await admit('web1', ['client'], list('web1'))
  for (const peer of ['web2', undefined])
    await t.rejects(
      admit('web1', ['client'], list(peer)),
      { code: 'access-denied' },
      'it takes a list itself',
    )
  const restore = (destinationClient?: string) =>
    ({ port: 'restores', method: 'submit', input: { from: { client: 'web1' }, destinationClient } }) as const
  await admit('web3', ['client'], restore('web3'))
  await t.rejects(
    admit('web3', ['client'], restore()),
    { code: 'access-denied' },
    'onto the source is not allowed',
  )
})

t.test('a client follows one job of its own, or all of them', async (t) => {
  const { admit } = guard()
  const watch = (input: object) => ({ port: 'jobs', method: 'watch', input }) as const
  await admit('web1', ['client'], watch({ jobId: '1', lines: true }))
  await admit('web1', ['client'], watch({ client: 'web1' }))
  for (const input of [{}, { client: 'web2' }, { jobId: 'none' }, { client: 'web2', jobId: '1' }])
    await t.rejects(admit('web1', ['client'], watch(input)), { code: 'access-denied' })
  await t.rejects(admit('web2', ['client'], watch({ jobId: '1' })), { code: 'access-denied' })
})

t.test('a role that was taken away, and a name that was revoked, count at once', async (t) => {
  const { admit } = guard({ bob: { roles: ['viewer'] }, web1: { state: 'revoked' } })
  const cancel = { port: 'jobs', method: 'cancel', input: { jobId: '1' } } as const
  await t.rejects(admit('bob', ['operator', 'viewer'], cancel), {
    code: 'access-denied',
    message: /bob \(viewer\)/,
  })
  await t.rejects(admit('web1', ['client'], cancel), { code: 'identity-invalid', message: /revoked/ })
})

t.test('changes are noted with their end, refusals always, and nothing that was said in them', async (t) => {
  const { admit, noted } = guard()
  const cancel = { port: 'jobs', method: 'cancel', input: { jobId: '1', reason: 'a secret' } } as const
  const ended = await admit('bob', ['operator'], cancel)
  await ended?.()
  const failed = await admit('bob', ['operator'], cancel)
  await failed?.(new RangeError('odd'))
  await t.rejects(admit('web2', ['client'], cancel), { code: 'access-denied' })
  await t.rejects(admit(undefined, [], cancel), { code: 'access-denied' })
  t.equal(await admit('bob', ['operator'], { port: 'media', method: 'drives', input: {} }), undefined)
  const caller = { name: 'bob', roles: ['operator'], address: '192.0.2.7' }
  const entry = { time: 1000, caller, call: 'jobs.cancel', subject: '1' }
  const denied = { code: 'access-denied', status: 46 }
  t.same(noted, [
    { ...entry, outcome: 'done' },
    { ...entry, outcome: 'failed', error: { code: 'internal', status: 130 } },
    { ...entry, caller: { ...caller, name: 'web2', roles: ['client'] }, outcome: 'refused', error: denied },
    { ...entry, caller: { roles: [], address: '192.0.2.7' }, outcome: 'refused', error: denied },
  ])
  t.notMatch(JSON.stringify(noted), /secret/)
})

t.test('whoever is refused in a loop, or tries tokens, fills no log', async (t) => {
  const { admit, noted } = guard()
  const purge = { port: 'jobs', method: 'purge', input: {} } as const
  const enrol = { port: 'enrolment', method: 'enrol', input: {} } as const
  for (let count = 0; count < 100; count += 1) {
    await t.rejects(admit('web1', ['client'], purge), { code: 'access-denied' })
    const ended = await admit(undefined, [], enrol)
    await ended?.(new Error('no such token'))
  }
  t.equal(noted.filter(({ call }) => call === 'jobs.purge').length, 60)
  t.equal(noted.filter(({ call }) => call === 'enrolment.enrol').length, 60)
  await (
    await admit(undefined, [], enrol)
  )?.()
  t.equal(noted.at(-1)?.outcome, 'done', 'one that comes in is noted all the same')
})

t.test('whoever tries tokens by the hundred keeps out nobody who enrols from elsewhere', async (t) => {
  const { admit } = guard()
  const enrol = { port: 'enrolment', method: 'enrol', input: {} } as const
  for (let count = 0; count < 600; count += 1)
    await (
      await admit(undefined, [], enrol)
    )?.(new Error('no token'))
  await t.rejects(admit(undefined, [], enrol), { code: 'state-conflict', retryable: true })
  await admit(undefined, [], enrol, '192.0.2.8')
})

t.test('a client fills no disk with lines of its own jobs', async (t) => {
  const { admit } = guard()
  const line = { time: 0, component: 'x', severity: 'info', text: 'x'.repeat(2 ** 20 - 200) }
  const append = { port: 'jobLog', method: 'append', input: { jobId: '1', lines: [line] } } as const
  for (let count = 0; count < 9; count += 1) await admit('web1', ['client'], append)
  await t.rejects(admit('web1', ['client'], append), { code: 'state-conflict', message: /8 MiB of lines/ })
  await admit('tape1', ['media-server'], append)
})
