import { numberSetting } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { NbError, type Role } from '@nb/contracts'
import { type CallFacts, deviceKey } from '../../src/access/claims.ts'
import {
  type CallPeer,
  type CheckedCall,
  claimsOf,
  effectOf,
  isAudited,
  mayCall,
} from '../../src/access/may-call.ts'
import { accessTable } from '../../src/access/table.ts'
import { portContracts, type PortName } from '../../src/contracts/ports.ts'
import { kindOfRole, roles } from '../../src/identity/names.ts'

const names = ['web1', 'web2', 'tape1', '__proto__']
const numRuns = process.env.NB_LONG === '1' ? 200_000 : 1_500
const seed = numberSetting('NB_SEED', 1)
if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

const methods = Object.entries(accessTable).flatMap(([port, rules]) =>
  Object.keys(rules).map((method) => ({ port: port as PortName, method })),
)

const name = fc.constantFrom(...names)
const jobId = fc.constantFrom('1', '2', '3', 'constructor')
const backupId = fc.constantFrom('web1_1', 'web2_1', 'tape1_1', 'toString')

/** A field of every name that arguments have; each call gets those that its schema knows. */
const fields = fc.record(
  {
    jobId,
    backupId,
    backupIds: fc.array(backupId, { maxLength: 2 }),
    client: name,
    name,
    mediaServer: name,
    destinationClient: name,
    peer: name,
    from: fc.record(
      { client: name, backupId, backupIds: fc.array(backupId, { maxLength: 2 }) },
      { requiredKeys: ['client'] },
    ),
    report: fc.record({ jobId }),
    policy: fc.record({ name }),
    type: fc.constantFrom('backup', 'archive', 'verify', 'erase', 'duplicate'),
    volumeId: fc.constantFrom('A00001', 'A00002', 'new'),
    drive: fc.constantFrom('d1', 'd2'),
    robot: fc.constantFrom('r1', 'r2'),
    storageUnit: fc.constantFrom('u1', 'u2'),
    repair: fc.boolean(),
    overwrite: fc.boolean(),
    level: fc.nat(5),
  },
  {
    requiredKeys: [
      'jobId',
      'backupId',
      'name',
      'from',
      'report',
      'type',
      'volumeId',
      'drive',
      'robot',
      'policy',
      'storageUnit',
      'level',
    ],
  },
)

/** As much of a schema as tells which fields it lets through. */
interface Shaped {
  readonly shape?: object
  /** The variants of a union. */
  readonly options?: readonly Shaped[]
  /** The sides of an intersection. */
  readonly def?: { readonly left?: Shaped; readonly right?: Shaped }
}

function fieldsOf({ shape = {}, options = [], def = {} }: Shaped): readonly string[] {
  const parts = [...options, def.left, def.right].filter((part) => part !== undefined)
  return [...Object.keys(shape), ...parts.flatMap(fieldsOf)]
}

/** What the schema of a call lets through, so that a property sees no more than a wire would carry. */
function shaped({ port, method }: { port: PortName; method: string }, given: object): object {
  const contract = portContracts[port] as unknown as Record<string, { input: Shaped }>
  const known = fieldsOf(contract[method]?.input ?? {})
  return Object.fromEntries(Object.entries(given).filter(([key]) => known.includes(key)))
}

const call: fc.Arbitrary<CheckedCall> = fc
  .record({ target: fc.constantFrom(...methods), given: fields })
  .map(({ target, given }) => ({ ...target, input: shaped(target, given) }))

const rolesOf = (kind: 'host' | 'person'): fc.Arbitrary<readonly Role[]> =>
  fc.subarray(roles.filter((role) => kindOfRole(role) === kind))
const someRoles = fc.oneof(rolesOf('host'), rolesOf('person'))

const facts: fc.Arbitrary<CallFacts> = fc.record({
  sources: fc.subarray([...names, '*']),
  servedClients: fc.subarray(names),
  jobs: fc.dictionary(
    jobId,
    fc.record({ client: name, mediaServers: fc.subarray(names), isActive: fc.boolean() }),
  ),
  images: fc.dictionary(backupId, fc.record({ client: name, jobId })),
  devices: fc.dictionary(
    fc.constantFrom(
      ...['d1', 'd2'].map((drive) => deviceKey('own-drive', drive)),
      ...['r1', 'r2'].map((robot) => deviceKey('own-robot', robot)),
      ...['u1', 'u2'].map((unit) => deviceKey('own-unit', unit)),
      ...['A00001', 'A00002'].map((volume) => deviceKey('own-volume', volume)),
    ),
    fc.subarray(names),
  ),
})

function isAllowed(peer: CallPeer, made: CheckedCall, known: CallFacts): boolean {
  try {
    mayCall(peer, made, known)
    return true
  } catch (error) {
    if (error instanceof NbError && error.code === 'access-denied') return false
    throw error
  }
}

const check = <Args extends [unknown, ...unknown[]]>(property: fc.IProperty<Args>): void =>
  fc.assert(property, { numRuns, seed })
const where = <Value>(table: Readonly<Record<string, Value>>, key: string): Value | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined

t.test('one more role never takes away a right', async () => {
  check(
    fc.property(name, someRoles, fc.constantFrom(...roles), call, facts, (who, has, more, made, known) => {
      const before = isAllowed({ name: who, roles: has }, made, known)
      return !before || isAllowed({ name: who, roles: [...has, more] }, made, known)
    }),
  )
})

t.test('one more source never takes away a right', async () => {
  check(
    fc.property(name, someRoles, name, call, facts, (who, has, more, made, known) => {
      const peer = { name: who, roles: has }
      return (
        !isAllowed(peer, made, known) ||
        isAllowed(peer, made, { ...known, sources: [...known.sources, more] })
      )
    }),
  )
})

t.test('a viewer changes nothing, by any call', async () => {
  check(
    fc.property(name, call, facts, (who, made, known) => {
      const isOpen = made.port === 'enrolment'
      return isOpen || !isAllowed({ name: who, roles: ['viewer'] }, made, known) || effectOf(made) === 'reads'
    }),
  )
})

/** The names in an argument, found without the table. */
interface Named {
  readonly clients: readonly string[]
  readonly jobs: readonly string[]
  readonly images: readonly string[]
}
function namedIn(made: CheckedCall): Named {
  const input = made.input as {
    client?: string
    destinationClient?: string
    jobId?: string
    backupId?: string
    backupIds?: string[]
    from?: { client: string; backupId?: string; backupIds?: string[] }
    report?: { jobId: string }
  }
  // Elsewhere it is a time.
  const from = made.port === 'restores' ? input.from : undefined
  const given = <Value>(values: readonly (Value | undefined)[]): Value[] =>
    values.filter((value) => value !== undefined)
  return {
    clients: given([input.client, from?.client]),
    jobs: given([input.jobId, input.report?.jobId]),
    images: given([input.backupId, ...(input.backupIds ?? []), from?.backupId, ...(from?.backupIds ?? [])]),
  }
}

t.test(
  'a client never reaches the data of another by any call, unless an administrator allowed that source',
  async (t) => {
    let allowed = 0
    check(
      fc.property(name, call, facts, (who, made, known) => {
        if (made.port === 'enrolment' || !isAllowed({ name: who, roles: ['client'] }, made, known))
          return true
        allowed += 1
        const { clients, jobs, images } = namedIn(made)
        const {
          destinationClient,
          from,
          name: asked,
        } = made.input as {
          destinationClient?: string
          from?: { client: string }
          name?: string
        }
        const readable = (client: string | undefined): boolean =>
          client !== undefined &&
          (client === who || known.sources.includes(client) || known.sources.includes('*'))
        const isRestore = made.port === 'restores' && from !== undefined
        // Their conditions hold together: whose it is binds what is found, whatever else is asked for.
        const { client: ofClient, jobId: ofJob } = made.input as { client?: string; jobId?: string }
        const isOfOneJob = made.port === 'jobs' && ofClient === undefined && ofJob !== undefined
        const isFilter = ['list', 'watch', 'listImages'].includes(made.method) && !isOfOneJob
        return (
          // Something names whose it is: a call that names nobody is about everybody, and for those who may read all.
          (known.sources.includes('*') ||
            asked === who ||
            clients.length + (isFilter ? 0 : jobs.length + images.length) > 0) &&
          clients.every(readable) &&
          (isFilter || jobs.every((job) => where(known.jobs, job)?.client === who)) &&
          (isFilter || images.every((image) => readable(where(known.images, image)?.client))) &&
          // What is brought back is brought to itself, whatever it may read.
          (!isRestore || (destinationClient ?? from.client) === who) &&
          // A channel of the catalog is opened by who asked for it.
          (made.port !== 'catalog' || !opensChannel(made) || peerOf(made) === who) &&
          (made.port !== 'hosts' || asked === who)
        )
      }),
    )
    t.ok(allowed > 20, `${allowed} were allowed`)
  },
)

t.test('a media server touches only jobs that it was given, and devices that it has', async (t) => {
  let allowed = 0
  check(
    fc.property(name, call, facts, (who, made, known) => {
      // Of a run it goes by its id, which only who started it knows.
      const isOfRun = made.port === 'clientAgent' && !made.method.startsWith('start')
      const isElsewhere = made.port === 'enrolment' || isOfRun
      if (isElsewhere || !isAllowed({ name: who, roles: ['media-server'] }, made, known)) return true
      const { clients, jobs, images } = namedIn(made)
      const { drive, robot, storageUnit } = made.input as {
        drive?: string
        robot?: string
        storageUnit?: string
      }
      const has = (kind: 'own-drive' | 'own-robot' | 'own-unit', device: string | undefined): boolean =>
        device === undefined || where(known.devices, deviceKey(kind, device))?.includes(who) === true
      const isGiven = (job: string | undefined): boolean =>
        job !== undefined && where(known.jobs, job)?.mediaServers.includes(who) === true
      const goesOn = (job: string): boolean =>
        made.port !== 'clientAgent' || where(known.jobs, job)?.isActive === true
      const isServed = (client: string | undefined): boolean =>
        client !== undefined && known.servedClients.includes(client)
      const isAboutMedia = made.port === 'media'
      if (isAboutMedia && effectOf(made) === 'reads') return true
      allowed += 1
      // A channel of the catalog is opened by who asked for it, or by the client that it works for.
      if (opensChannel(made) && ![who, ...clients].includes(peerOf(made) ?? '')) return false
      if (made.port === 'media' && made.method === 'putDrive') return declaresItsOwn(who, made.input, known)
      return isAboutMedia
        ? has('own-drive', drive) && has('own-robot', robot) && has('own-unit', storageUnit)
        : jobs.every((job) => isGiven(job) && goesOn(job)) &&
            // To a client the id of an image is no more than a name.
            (made.port === 'clientAgent' ? [] : images).every((id) => {
              const image = where(known.images, id)
              return isGiven(image?.jobId) || isServed(image?.client)
            })
    }),
  )
  t.ok(allowed > 20, `${allowed} were allowed`)
})

/** Whether a call is answered with a ticket of the catalog. */
const opensChannel = ({ method }: CheckedCall): boolean =>
  method === 'readFileList' || method === 'appendFileList'
const peerOf = ({ input }: CheckedCall): string | undefined => (input as { peer?: string }).peer

/** What a media server registers is its own, and takes no drive and no robot from another. */
function declaresItsOwn(who: string, input: unknown, { devices }: CallFacts): boolean {
  const { name, mediaServer, robot } = input as { name: string; mediaServer: string; robot?: string }
  const isFree = (kind: 'own-drive' | 'own-robot', device: string): boolean => {
    const owners = where(devices, deviceKey(kind, device))
    return owners !== undefined && (owners.length === 0 || owners.includes(who))
  }
  return (
    mediaServer === who && isFree('own-drive', name) && (robot === undefined || isFree('own-robot', robot))
  )
}

t.test('who showed no certificate, or has no role, may enrol and nothing else', async () => {
  check(
    fc.property(fc.option(name, { nil: undefined }), call, facts, (who, made, known) => {
      const peer = who === undefined ? undefined : { name: who, roles: [] }
      return isAllowed(peer, made, known) === (made.port === 'enrolment')
    }),
  )
})

t.test('an administrator may make every call', async (t) => {
  for (const target of methods)
    t.ok(
      isAllowed({ name: 'alice', roles: ['administrator'] }, { ...target, input: {} }, emptyFacts),
      JSON.stringify(target),
    )
})

const emptyFacts: CallFacts = { sources: [], servedClients: [], jobs: {}, images: {}, devices: {} }

t.test('what the claims ask for is all that is needed to decide', async () => {
  check(
    fc.property(name, someRoles, call, facts, (who, has, made, known) => {
      const peer = { name: who, roles: has }
      const claims = claimsOf(peer, made)
      const isFree = claims.length === 0
      return !isFree || isAllowed(peer, made, known) === isAllowed(peer, made, emptyFacts)
    }),
  )
})

t.test('a refusal names the caller, its roles, the call and who may', async (t) => {
  const made = { port: 'scheduler', method: 'putPolicy', input: {} } as const
  t.throws(() => mayCall({ name: 'bob', roles: ['operator', 'viewer'] }, made, emptyFacts), {
    code: 'access-denied',
    status: 46,
    retryable: false,
    message: 'bob (operator, viewer) may not call scheduler.putPolicy: that is for administrator',
    details: {
      call: 'scheduler.putPolicy',
      caller: 'bob',
      roles: ['operator', 'viewer'],
      allowed: ['administrator'],
    },
  })
  const theirs = { port: 'catalog', method: 'versions', input: { client: 'web2' } } as const
  t.throws(() => mayCall({ name: 'web1', roles: ['client'] }, theirs, emptyFacts), {
    message: /not on what it names/,
    remedy: /--to-client web1; .* nb host set web1 --source CLIENT/,
  })
  const input = { from: { client: 'web1' }, destinationClient: 'web2' }
  const elsewhere = { port: 'restores', method: 'submit', input } as const
  t.throws(() => mayCall({ name: 'oscar', roles: ['operator'] }, elsewhere, emptyFacts), {
    message: /not on what it names/,
    remedy: /administrator.* without --to-client/,
  })
  t.throws(() => mayCall(undefined, theirs, emptyFacts), { message: /without a certificate/ })
  const unknown = { port: 'jobs', method: 'toString', input: {} } as const
  t.throws(() => mayCall({ name: 'alice', roles: ['administrator'] }, unknown, emptyFacts), {
    message: /nobody may/,
  })
})

t.test('what people decide is audited, what hosts report is not', async (t) => {
  const cancel = { port: 'jobs', method: 'cancel', input: { jobId: '1' } } as const
  const progress = { port: 'jobSessions', method: 'progress', input: { jobId: '1' } } as const
  const list = { port: 'jobs', method: 'list', input: {} } as const
  const operator = { name: 'bob', roles: ['operator'] } as const
  const server = { name: 'tape1', roles: ['media-server'] } as const
  t.ok(isAudited(operator, cancel))
  t.ok(isAudited({ name: 'web1', roles: ['client'] }, cancel))
  t.notOk(isAudited(server, progress))
  t.ok(isAudited({ name: 'alice', roles: ['administrator'] }, progress))
  t.notOk(isAudited(operator, list))
  t.ok(isAudited(operator, { port: 'catalog', method: 'check', input: { repair: true } }))
  t.notOk(isAudited(operator, { port: 'catalog', method: 'check', input: {} }))
})
