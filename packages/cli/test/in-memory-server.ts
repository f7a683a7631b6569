import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import {
  type Blocker,
  type Catalog,
  defaultRetentionLevels,
  type FileEntry,
  type ImageRecord,
  type Job,
  type JobEvent,
  type JobFilter,
  type JobLogLine,
  type JobAttempt,
  type JobManager,
  NbError,
  type Path,
  type Policy,
  type PolicyRemoval,
  type RestoreRequest,
  type RestoreService,
  type Scheduler,
  type StoredPolicy,
  toPath,
  type UserRunRequest,
} from '@nb/contracts'
import { serve } from '@nb/remote'
import { createVirtualClock } from '@nb/test-kit'
import { type ExitCode, runNb } from '../src/index.ts'
import { memoryBroker, type MemoryBroker } from './memory-broker.ts'
import { memoryDevices, type MemoryDevices } from './memory-devices.ts'
import { memoryMedia, type MemoryMedia } from './memory-media.ts'

/** The moment at which the tests play: 2026-03-01 12:00 local time. */
export const noon: number = new Date(2026, 2, 1, 12, 0, 0).getTime()

/** Jobs, policies, images and restores in memory, and the command `nb` on a real socket before them. */
export interface InMemoryServer {
  readonly jobs: JobManager & {
    readonly change: (jobId: string, change: Partial<Job>, line?: string) => void
    /** Gives a job its tries; the lines of each follow those of the one before. */
    readonly try: (jobId: string, attempts: readonly JobAttempt[]) => void
  }
  readonly media: MemoryMedia
  readonly broker: MemoryBroker
  readonly devices: MemoryDevices
  readonly scheduler: Scheduler
  readonly catalog: Catalog
  readonly restoreRequests: readonly RestoreRequest[]
  readonly userRequests: readonly UserRunRequest[]
  readonly socketPath: string
  readonly state: string
  /** Runs a command line; `onNote` sees the standard error as it comes. */
  readonly nb: (...args: string[]) => Promise<Ran>
  /** The same in a terminal of so many columns, with a signal to end it. */
  readonly nbIn: (terminal: Terminal, ...args: string[]) => Promise<Ran>
  readonly stop: () => Promise<void>
}

/** Where a command runs. */
export interface Terminal {
  readonly columns?: number
  readonly signal?: AbortSignal
  readonly onText?: (text: string) => void
}

/** What a command printed. */
export interface Ran {
  readonly code: ExitCode
  readonly out: string
  readonly err: string
}

export async function startInMemoryServer(): Promise<InMemoryServer> {
  const state = mkdtempSync(join(tmpdir(), 'nb-cli-'))
  const socketPath = join(state, 'nb.sock')
  const jobs = memoryJobs()
  const restoreRequests: RestoreRequest[] = []
  const userRequests: UserRunRequest[] = []
  const media = memoryMedia()
  const broker = memoryBroker()
  const devices = memoryDevices()
  const scheduler = memoryScheduler(jobs)
  const catalog = memoryCatalog()
  const server = await serve(
    {
      jobs,
      scheduler,
      broker,
      media,
      devices,
      catalog,
      restores: memoryRestores(jobs, restoreRequests, userRequests),
    },
    { socketPath },
  )
  const nbIn = (terminal: Terminal, ...args: string[]): Promise<Ran> =>
    runIn(terminal, ['--socket', socketPath, ...args])
  return {
    jobs,
    media,
    devices,
    broker,
    scheduler,
    catalog,
    restoreRequests,
    userRequests,
    socketPath,
    state,
    nb: (...args) => nbIn({}, ...args),
    nbIn,
    stop: async () => {
      await server.stop()
      rmSync(state, { recursive: true })
    },
  }
}

/** Runs a command line and collects what it prints. */
export async function runIn(
  { columns, signal, onText }: Terminal,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  let out = ''
  let err = ''
  const stdout = Object.assign(new PassThrough(), columns === undefined ? {} : { columns, isTTY: true })
  const stderr = Object.assign(new PassThrough(), columns === undefined ? {} : { columns, isTTY: true })
  stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    onText?.(text)
  })
  stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    onText?.(text)
  })
  const code = await runNb(args, {
    env,
    cwd: '/work-dir',
    stdout,
    stderr,
    clock: createVirtualClock(noon),
    signal: signal ?? new AbortController().signal,
  })
  return { code, out, err }
}

function memoryJobs(): InMemoryServer['jobs'] {
  const all = new Map<string, Job>()
  const lines = new Map<string, JobLogLine[]>()
  const attempts = new Map<string, readonly JobAttempt[]>()
  const watchers = new Set<(event: JobEvent) => void>()
  const known = (jobId: string): Job => {
    const job = all.get(jobId)
    if (job === undefined) throw new NbError('job-unknown', `there is no job ${jobId}`)
    return job
  }
  const tell = (event: JobEvent): void => {
    for (const watcher of watchers) watcher(event)
  }
  const matching = (jobId?: string): Job[] =>
    [...all.values()].filter(({ id }) => jobId === undefined || id === jobId).reverse()
  return {
    change: (jobId, change, text) => {
      const job = { ...(all.get(jobId) ?? emptyJob(jobId)), ...change }
      all.set(jobId, job)
      if (text !== undefined) {
        const line: JobLogLine = {
          time: noon,
          component: 'jobmanager',
          severity: text.startsWith('careful') ? 'warning' : 'info',
          step: { flow: 'backup', number: 3 },
          text,
        }
        lines.set(jobId, [...(lines.get(jobId) ?? []), line])
        tell({ kind: 'line', jobId, line })
      }
      tell({ kind: 'job', job })
    },
    try: (jobId, its) => void attempts.set(jobId, its),
    submit: async ({ requestId }) => ({ jobId: requestId }),
    get: async ({ jobId }) => all.get(jobId),
    async *list(filter) {
      yield* matching()
        .filter((job) => fits(job, filter))
        .slice(0, filter.limit)
    },
    async *log({ jobId, attempt }) {
      known(jobId)
      const its = attempts.get(jobId) ?? []
      const at = its.findIndex(({ number }) => number === attempt)
      const begin = attempt === undefined ? 1 : (its[at]?.firstLine ?? 1)
      const end = attempt === undefined ? undefined : its[at + 1]?.firstLine
      yield* (lines.get(jobId) ?? []).slice(begin - 1, end === undefined ? undefined : end - 1)
    },
    async *attempts({ jobId }) {
      known(jobId)
      yield* attempts.get(jobId) ?? []
    },
    async *watch({ jobId, lines: withLines = false }, options) {
      const waiting: JobEvent[] = []
      let wake = (): void => {}
      const watcher = (event: JobEvent): void => {
        const its = event.kind === 'job' ? event.job.id : event.jobId
        if ((jobId !== undefined && its !== jobId) || (event.kind === 'line' && !withLines)) return
        waiting.push(event)
        wake()
      }
      if (withLines && jobId !== undefined)
        for (const line of lines.get(jobId) ?? []) waiting.push({ kind: 'line', jobId, line })
      for (const job of matching(jobId)) waiting.push({ kind: 'job', job })
      watchers.add(watcher)
      options?.signal?.addEventListener('abort', () => wake())
      try {
        for (;;) {
          options?.signal?.throwIfAborted()
          const event = waiting.shift()
          if (event !== undefined) yield event
          else await new Promise<void>((resolve) => (wake = resolve))
        }
      } finally {
        watchers.delete(watcher)
      }
    },
    wait: async ({ jobId }) => known(jobId),
    cancel: async ({ jobId }) => void all.set(jobId, { ...known(jobId), cancelRequested: true }),
    suspend: async ({ jobId }) => {
      if (known(jobId).state === 'done')
        throw new NbError('state-conflict', `job ${jobId} is done and can't be suspended`)
      all.set(jobId, {
        ...known(jobId),
        state: 'suspended',
        checkpointAt: noon - 60_000,
        actions: ['resume', 'cancel'],
      })
    },
    resume: async ({ jobId }) => {
      if (known(jobId).state !== 'suspended')
        throw new NbError('state-conflict', `job ${jobId} is not suspended`)
      all.set(jobId, { ...known(jobId), state: 'queued', attempt: known(jobId).attempt + 1 })
    },
    restart: async ({ jobId }) => {
      if (known(jobId).state !== 'done') throw new NbError('state-conflict', `job ${jobId} is not done`)
      all.set('900', { ...known(jobId), id: '900' })
      return { jobId: '900' }
    },
    setPriority: async ({ jobId, priority }) => {
      if (priority > 99_999)
        throw new NbError('argument-invalid', 'priority must be 0–99999', { details: { field: 'priority' } })
      all.set(jobId, { ...known(jobId), priority })
    },
    purge: async ({ endedBefore }) => {
      const old = [...all.values()].filter(({ endedAt }) => endedAt !== undefined && endedAt < endedBefore)
      for (const { id } of old) all.delete(id)
      return { purged: old.length }
    },
    explain: async ({ jobId }) => {
      const waiting = known(jobId).state === 'queued'
      return {
        jobId,
        waiting,
        ...(waiting ? { since: noon - 90_000 } : {}),
        blockers: waiting ? [fullUnit] : [],
        sentence: waiting
          ? `job ${jobId} waits since ${new Date(noon - 90_000).toISOString()} for storage unit disk1`
          : `job ${jobId} does not wait`,
      }
    },
  }
}

function fits(job: Job, filter: JobFilter): boolean {
  const { states, types, statuses, origins, parentId, policy, schedule, client, failed, since, until } =
    filter
  return (
    (states?.includes(job.state) ?? true) &&
    (types?.includes(job.type) ?? true) &&
    (origins?.includes(job.origin) ?? true) &&
    (statuses === undefined || (job.status !== undefined && statuses.includes(job.status))) &&
    (failed !== true || (job.status ?? 0) > 1) &&
    (parentId === undefined || job.parentId === parentId) &&
    (policy === undefined || job.policy === policy) &&
    (schedule === undefined || job.schedule === schedule) &&
    (client === undefined || job.client === client) &&
    (since === undefined || job.submittedAt >= since) &&
    (until === undefined || job.submittedAt < until)
  )
}

export const fullUnit: Blocker = {
  kind: 'storage-unit-limit',
  name: 'disk1',
  reason: 2040,
  limit: 2,
  inUse: 2,
  holders: [{ jobId: '7', since: noon - 3_600_000 }],
  goesOnWhen: 'one of its jobs ends',
}

function emptyJob(id: string): Job {
  return {
    id,
    type: 'backup',
    origin: 'immediate',
    state: 'queued',
    client: 'web1',
    policy: 'nightly',
    schedule: 'full',
    scheduleType: 'full',
    priority: 0,
    submittedAt: noon - 60_000,
    attempt: 1,
    actions: ['cancel'],
    warnings: 0,
  }
}

function memoryScheduler(jobs: InMemoryServer['jobs']): Scheduler {
  const policy: Policy = {
    name: 'nightly',
    active: true,
    clients: ['web1', 'web2'],
    selections: [toPath('/srv')],
    storage: { kind: 'unit', name: 'disk1' },
    schedules: [{ name: 'full', type: 'full', frequencyMs: 86_400_000, windows: [], retentionLevel: 1 }],
  }
  const policies = new Map<string, StoredPolicy>([
    [policy.name, { ...policy, generation: 1, changedAt: noon }],
  ])
  const removals = new Map<string, PolicyRemoval>()
  const retention = [...defaultRetentionLevels]
  let started = 0
  return {
    putPolicy: async ({ policy: changed, generation = 0 }) => {
      const present = policies.get(changed.name)?.generation ?? 0
      if (present !== generation)
        throw new NbError(
          'generation-conflict',
          `policy ${changed.name} is at generation ${present}, not ${generation}`,
          { details: { policy: changed.name, present, given: generation } },
        )
      const last = removals.get(changed.name)?.generation ?? present
      const stored = { ...changed, generation: last + 1, changedAt: noon }
      removals.delete(changed.name)
      policies.set(changed.name, stored)
      return stored
    },
    getPolicy: async ({ name }) => policies.get(name),
    removePolicy: async ({ name }) => {
      const removed = policies.get(name)
      if (removed === undefined) throw new NbError('policy-unknown', `there is no policy ${name}`)
      policies.delete(name)
      removals.set(name, { name, generation: removed.generation, removedAt: noon })
    },
    policyRemoval: async ({ name }) => removals.get(name),
    async *policies() {
      yield* policies.values()
    },
    runForUser: async () => {
      throw new NbError('not-supported', 'the command line asks the restore service')
    },
    putRetentionLevel: async (level) => {
      if (level.level === 9 || level.level === 25)
        throw new NbError('argument-invalid', `retention level: level ${level.level} is fixed`, {
          details: { field: 'level' },
        })
      retention[level.level] = level
    },
    retentionLevels: async () => retention,
    runNow: async ({ policy: name, client }) => {
      if (name !== 'nightly') throw new NbError('policy-unknown', `there is no policy ${name}`)
      const jobIds = (client === undefined ? policy.clients : [client]).map((its) => {
        const jobId = String(100 + started++)
        jobs.change(jobId, { client: its })
        return jobId
      })
      return { jobIds }
    },
    async *preview({ policy: name, from, to }) {
      if (!policies.has(name)) throw new NbError('policy-unknown', `there is no policy ${name}`)
      for (let at = from; at < to; at += 86_400_000)
        yield {
          policy: name,
          client: 'web1',
          schedule: 'full',
          scheduleType: 'full',
          // As a scheduler says it of a policy without a backup: at once, then a day later each.
          dueAt: at === from ? 0 : at,
          startsAt: at,
          closesAt: at + 3_600_000,
        }
    },
    async *tasks({ policy: name }) {
      if (name !== undefined && !policies.has(name)) return
      yield {
        policy: 'nightly',
        client: 'web1',
        state: 'waiting',
        next: {
          policy: 'nightly',
          client: 'web1',
          schedule: 'full',
          scheduleType: 'full',
          dueAt: noon,
          startsAt: noon + 3_600_000,
          closesAt: noon + 7_200_000,
        },
      }
      yield {
        policy: 'nightly',
        client: 'web2',
        state: 'blocked',
        reason: 'tried 2 times in 12 hours',
        lastStatus: 58,
      }
    },
  }
}

const entry = (path: string, more: Partial<FileEntry> = {}): FileEntry => ({
  path: path as Path,
  kind: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 1536,
  mtimeNs: `${noon}000000`,
  ctimeNs: `${noon}000000`,
  linkCount: 1,
  backupId: 'web1_2',
  dataImage: 'web1_1',
  ...more,
})

const entries: readonly FileEntry[] = [
  entry('/srv', { kind: 'directory', mode: 0o1777 }),
  entry('/srv/a.txt'),
  entry('/srv/caf\udce9', { mode: 0o4755 }),
  entry('/srv/link', { kind: 'symlink', linkTarget: toPath('a\u001b[2J') }),
  entry('/srv/null', { kind: 'character-device', deviceMajor: 1, deviceMinor: 3 }),
]

/** Of files with holes: 5 MB of them are 3 KiB. */
const fragment = { number: 1, streamOffset: 0, streamBytes: 3072, wholeMembers: true, blockBytes: 262_144 }

function memoryCatalog(): Catalog {
  const image = (backupId: string, state: ImageRecord['state']): ImageRecord => ({
    version: 1,
    backupId,
    state,
    jobId: '1',
    client: 'web1',
    policy: 'nightly',
    schedule: 'full',
    scheduleType: 'full',
    backupTime: noon,
    selections: [toPath('/srv')],
    retentionLevel: 1,
    neededImages: [],
    status: 0,
    counts: { entries: 1234, storedEntries: 1200, bytes: 5_000_000, streamBytes: 6_000_000, warnings: 0 },
    copies: [{ copy: 1, storageUnit: 'disk1', mediaServer: 'local', fragments: [fragment] }],
  })
  const images: ImageRecord[] = [
    image('web1_2', 'complete'),
    { ...image('web1_1', 'expired'), damaged: 'a checksum' },
    { ...image('sound_1', 'in-progress'), client: 'sound' },
  ]
  const changed = (
    backupId: string,
    change: (copies: ImageRecord['copies']) => ImageRecord['copies'],
  ): ImageRecord => {
    const at = images.findIndex((one) => one.backupId === backupId)
    const before = images[at] as ImageRecord
    return (images[at] = { ...before, copies: change(before.copies) })
  }
  const notForTheCli = async (): Promise<never> => {
    throw new NbError('not-supported', 'the command line does not call this')
  }
  return {
    createImage: notForTheCli,
    importImage: notForTheCli,
    addCopy: async ({ backupId, copy }) => changed(backupId, (copies) => [...copies, copy]),
    removeCopy: async ({ backupId }) => images.find((one) => one.backupId === backupId) as ImageRecord,
    promoteCopy: async ({ backupId, copy }) =>
      changed(backupId, (copies) =>
        [...copies].sort((a, b) => Number(b.copy === copy) - Number(a.copy === copy)),
      ),
    appendFileList: notForTheCli,
    sealFileList: notForTheCli,
    syncFileList: notForTheCli,
    completeImage: notForTheCli,
    discardImage: notForTheCli,
    readFileList: notForTheCli,
    expireImage: async ({ backupId, force }) => {
      if (!images.some((one) => one.backupId === backupId))
        throw new NbError('image-unknown', `there is no image ${backupId}`)
      if (force !== true)
        throw new NbError(
          'image-needed',
          `image ${backupId} is needed by web1_3; expire that first, or force it`,
        )
    },
    expireDue: notForTheCli,
    forgetImage: notForTheCli,
    getImage: async ({ backupId }) => images.find((one) => one.backupId === backupId),
    async *listImages({ states = ['complete'], policy, client }) {
      yield* images.filter(
        (image) =>
          states.includes(image.state) &&
          (policy === undefined || image.policy === policy) &&
          (client === undefined || image.client === client),
      )
    },
    async *browse({ client, path, at }) {
      if (client !== 'web1' || (at !== undefined && at < noon))
        throw new NbError('no-image-matches', `no image of ${client} matches`)
      const found = entries.filter((one) => one.path.startsWith(path))
      if (found.length === 0) throw new NbError('path-not-backed-up', `${path} is in no image`)
      yield* found
    },
    async *versions({ path }) {
      yield* entries.filter((one) => one.path === path)
    },
    async *check({ repair, client }) {
      if (client !== undefined && client !== 'web1') return
      const common = { backupId: 'web1_2', path: '/images/web1/web1_2/files.idx' }
      yield {
        ...common,
        part: 'sparse-index',
        problem: 'the sparse index is missing',
        consequence: 'the first lookup reads the whole list',
        repair: repair === true ? 'done' : 'possible',
      }
      if (client !== undefined) return
      yield {
        ...common,
        part: 'file-list',
        problem: 'it is damaged',
        consequence: 'files are lost',
        repair: 'none',
      }
    },
    async *search({ glob, regex, limit = 10_000, client, policy }) {
      if (glob === '[')
        throw new NbError('argument-invalid', 'glob has a [ without its ]', { details: { field: 'glob' } })
      if (client !== 'web1') throw new NbError('no-image-matches', `no image of ${client} matches`)
      const wanted = regex === undefined ? (glob ?? '').replaceAll('*', '') : regex
      if (policy === undefined) yield* entries.filter((one) => one.path.includes(wanted)).slice(0, limit)
    },
    async *treeImages() {
      yield* images.slice(0, 1)
    },
  }
}

function memoryRestores(
  jobs: InMemoryServer['jobs'],
  requests: RestoreRequest[],
  userRequests: UserRunRequest[],
): RestoreService {
  return {
    backup: async (request) => {
      if (request.policy === 'closed')
        throw new NbError('outside-window', 'the window of schedule user is not open now')
      userRequests.push(request)
      jobs.change('600', { origin: 'user' })
      return { jobId: '600' }
    },
    submit: async (request) => {
      requests.push(request)
      jobs.change('500', {
        type: 'restore',
        state: 'done',
        status: 2800,
        statusText: 'fragment 1 of web1_1 is corrupt',
        endedAt: noon,
      })
      return { jobId: '500' }
    },
    preview: async () => ({
      backupId: 'web1_2',
      entries: 12,
      bytes: 2048,
      images: [{ backupId: 'web1_1', storageUnit: 'disk1', entries: 12, bytes: 2048 }],
    }),
  }
}
