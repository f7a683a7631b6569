import { type Policy, type Schedule, type StorageChoice, type StorageUnitGroup, toPath } from '@nb/contracts'
import type { PlannedFailure, SimulatedClient, SimulatedDiskUnit, SimulatedSite } from '@nb/simulation'
import { readLibraries } from './libraries.ts'
import type { Site } from './site.ts'
import {
  UnitError,
  parseDuration,
  parsePercent,
  parseRate,
  parseSize,
  parseTime,
  parseWindow,
} from './units.ts'
import { type Field, type Problem, SiteFileError, readYaml } from './yaml-fields.ts'

const perDay = (text: string): number => parsePercent(text, '/day')

/**
 * Reads a site file.
 * @throws SiteFileError naming line and field of everything that is wrong
 */
export function readSite(text: string, file: string): Site {
  const problems: Problem[] = []
  const root = readYaml(text, (problem) => problems.push(problem))
  const site = problems.length === 0 ? readRoot(root) : undefined
  if (site === undefined || problems.length > 0) throw new SiteFileError(file, problems)
  return site
}

function readRoot(root: Field): Site {
  const fields = root.fields(
    ['clients', 'mediaServers', 'policies'],
    ['name', 'timeZone', 'disks', 'libraries', 'groups', 'failures', 'jobsPerClient'],
  )
  const mediaServers = (fields['mediaServers'] as Field).items().map(readMediaServer)
  const servers = mediaServers.map(({ name }) => name)
  const disks = (fields['disks'] as Field).items().map((field) => readDisk(field, servers))
  const libraries = readLibraries(fields['libraries'] as Field, servers)
  const units = [...disks.map(({ name }) => name), ...libraries.map(({ name }) => name)]
  const groups = (fields['groups'] as Field).items().map((field) => readGroup(field, units))
  const clients = (fields['clients'] as Field).items().flatMap(readClients)
  const storages = { units, groups: groups.map(({ name }) => name) }
  const policies = (fields['policies'] as Field)
    .items()
    .flatMap((field) => readPolicy(field, clients, storages))
  const timeZone = fields['timeZone'] as Field
  return {
    name: (fields['name'] as Field).text() ?? 'site',
    timeZone: timeZone.parsed(checkZone) ?? 'UTC',
    clients,
    mediaServers,
    disks,
    libraries,
    groups,
    policies,
    failures: readFailures(fields['failures'] as Field),
    jobsPerClient: (fields['jobsPerClient'] as Field).whole(1, 1000) ?? 1,
  }
}

function checkZone(zone: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return zone
  } catch {
    throw new UnitError('must be a time zone by name, such as Europe/Vienna')
  }
}

function readMediaServer(field: Field): SimulatedSite['mediaServers'][number] {
  const { name, throughput, jobs } = field.fields(['name'], ['throughput', 'jobs']) as Record<string, Field>
  const bytesPerSecond = throughput?.parsed(parseRate)
  const maxConcurrentJobs = jobs?.whole(1, 100_000)
  return {
    name: name?.text() ?? '',
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    ...(maxConcurrentJobs === undefined ? {} : { maxConcurrentJobs }),
  }
}

function readDisk(field: Field, servers: readonly string[]): SimulatedDiskUnit {
  const fields = field.fields(
    ['name', 'mediaServer', 'write', 'jobs'],
    ['capacity', 'highWater', 'onDemandOnly'],
  )
  const capacityBytes = fields['capacity']?.parsed(parseSize)
  const highWaterPercent = fields['highWater']?.whole(1, 100)
  if (highWaterPercent !== undefined && fields['capacity']?.given !== true)
    fields['highWater']?.wrong('is a percentage of capacity, which is missing')
  return {
    name: fields['name']?.text() ?? '',
    mediaServer: (fields['mediaServer'] as Field).oneOf(servers) ?? '',
    writeBytesPerSecond: fields['write']?.parsed(parseRate) ?? 1,
    maxConcurrentJobs: fields['jobs']?.whole(0, 100_000) ?? 1,
    onDemandOnly: fields['onDemandOnly']?.oneOf(['true', 'false']) === 'true',
    ...(capacityBytes === undefined ? {} : { capacityBytes }),
    ...(highWaterPercent === undefined ? {} : { highWaterPercent }),
  }
}

const selections = ['prioritised', 'failover', 'round-robin', 'load-balanced', 'most-free-space'] as const

function readGroup(field: Field, units: readonly string[]): StorageUnitGroup {
  const fields = field.fields(['name', 'members'], ['selection'])
  return {
    name: fields['name']?.text() ?? '',
    members: (fields['members'] as Field).items().map((member) => member.oneOf(units) ?? ''),
    selection: fields['selection']?.oneOf(selections) ?? 'prioritised',
  }
}

function readClients(field: Field): SimulatedClient[] {
  const fields = field.fields(
    ['name', 'size', 'change', 'read'],
    ['count', 'walk', 'variation', 'fileSize', 'failing', 'outages'],
  )
  const name = fields['name']?.text() ?? ''
  const count = fields['count']?.whole(1, 100_000)
  const [least, most] = fields['size']?.parsed(parseSizes) ?? [1, 1]
  const optional = {
    walkMs: fields['walk']?.parsed(parseDuration),
    variation: fields['variation']?.parsed(parsePercent),
    fileBytes: fields['fileSize']?.parsed(parseSize),
    failChance: fields['failing']?.parsed(parsePercent),
  }
  const known = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined))
  const outages = (fields['outages'] as Field).items().flatMap((each) => each.parsed(parseWindow) ?? [])
  const changePerDay = fields['change']?.parsed(perDay) ?? 0
  const readBytesPerSecond = fields['read']?.parsed(parseRate) ?? 1
  return Array.from({ length: count ?? 1 }, (_, index) => ({
    name: count === undefined ? name : `${name}${index + 1}`,
    // Sizes of a range rise evenly on a scale of ratios: many small ones, few large ones.
    sizeBytes: Math.round(
      least * (most / least) ** (count === undefined || count === 1 ? 0 : index / (count - 1)),
    ),
    changePerDay,
    readBytesPerSecond,
    ...known,
    ...(outages.length === 0 ? {} : { outages }),
  }))
}

/** `300 GB` or `50 GB - 2 TB`. */
function parseSizes(text: string): readonly [number, number] {
  const [from = '', to = from] = text.split(/\s+-\s+/)
  const [least, most] = [parseSize(from), parseSize(to)]
  if (least < 1 || most < least)
    throw new UnitError('must be a size, or two such as 50 GB - 2 TB, the smaller first')
  return [least, most]
}

interface Storages {
  readonly units: readonly string[]
  readonly groups: readonly string[]
}

function readPolicy(field: Field, clients: readonly SimulatedClient[], storages: Storages): Policy[] {
  const fields = field.fields(
    ['name', 'clients', 'schedules'],
    ['storage', 'pool', 'priority', 'maxJobs', 'split'],
  )
  const name = fields['name']?.text() ?? ''
  const names = (fields['clients'] as Field).items().flatMap((each) => matching(each, clients))
  const priority = fields['priority']?.whole(0, 99_999)
  const maxJobs = fields['maxJobs']?.whole(1, 999)
  const volumePool = fields['pool']?.text()
  const base = {
    active: true,
    selections: [toPath('/')],
    storage: readStorage(fields['storage'] as Field, storages),
    ...(priority === undefined ? {} : { priority }),
    ...(maxJobs === undefined ? {} : { maxJobs }),
    ...(volumePool === undefined ? {} : { volumePool }),
  }
  const split = fields['split']?.whole(1, 1000) ?? 1
  const schedules = (fields['schedules'] as Field)
    .items()
    .map((each) => (part: number) => readSchedule(each, part))
  // Read once, so that what is wrong is told once; the parts of a split policy differ in their days only.
  const read = schedules.map((schedule) => schedule(0))
  const unique = [...new Set(names)]
  if (split === 1) return [{ ...base, name, clients: unique, schedules: read }]
  return Array.from({ length: split }, (_, part) => ({
    ...base,
    name: `${name}-${part + 1}`,
    clients: unique.filter((_client, index) => index % split === part),
    schedules: read.map((schedule) => onOwnDay(schedule, part)),
  })).filter((policy) => policy.clients.length > 0)
}

/** A weekly schedule of a split policy that may run every day runs on one: part by part another. */
function onOwnDay(schedule: Schedule, part: number): Schedule {
  const weekly = (schedule.frequencyMs ?? 0) % (7 * 86_400_000) === 0
  const days = [...new Set(schedule.windows.map(({ weekday }) => weekday))].sort((a, b) => a - b)
  if (!weekly || days.length < 2) return schedule
  const own = days[part % days.length]
  return { ...schedule, windows: schedule.windows.filter(({ weekday }) => weekday === own) }
}

function matching(field: Field, clients: readonly SimulatedClient[]): string[] {
  const pattern = field.text()
  if (pattern === undefined) return []
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const expression = new RegExp(`^${parts.join('.*')}$`)
  const found = clients.map(({ name }) => name).filter((name) => expression.test(name))
  if (found.length === 0) field.wrong(`names no client of this site: "${pattern}"`)
  return found
}

function readStorage(field: Field, { units, groups }: Storages): StorageChoice {
  const name = field.text() ?? 'any'
  if (name === 'any') return { kind: 'any' }
  if (units.includes(name)) return { kind: 'unit', name }
  if (groups.includes(name)) return { kind: 'group', name }
  field.wrong(`must be any or one of ${[...units, ...groups].join(', ')}, not "${name}"`)
  return { kind: 'any' }
}

const types = ['full', 'differential', 'cumulative'] as const

function readSchedule(field: Field, part: number): Schedule {
  const fields = field.fields(['name', 'type', 'every', 'window'], ['retention', 'multiplexing'])
  const windows = (fields['window'] as Field).items().flatMap((each) => each.parsed(parseWindow) ?? [])
  const every = fields['every'] as Field
  const frequencyMs = every.parsed(parseDuration) ?? 86_400_000
  if (frequencyMs < 60_000 && part === 0) every.wrong('must be at least a minute')
  const multiplexing = fields['multiplexing']?.whole(1, 32)
  return {
    name: fields['name']?.text() ?? '',
    type: fields['type']?.oneOf(types) ?? 'full',
    frequencyMs,
    windows,
    retentionLevel: fields['retention']?.whole(0, 100) ?? 1,
    ...(multiplexing === undefined ? {} : { multiplexing }),
  }
}

function readFailures(field: Field): Site['failures'] {
  if (!field.given) return {}
  const fields = field.fields(
    [],
    ['clientUnreachable', 'mediaErrors', 'driveDownsPerMonth', 'driveRepair', 'planned'],
  )
  const random = {
    clientUnreachable: fields['clientUnreachable']?.parsed(parsePercent),
    mediaError: fields['mediaErrors']?.parsed(parsePercent),
    driveDownsPerMonth: fields['driveDownsPerMonth']?.number(),
    driveDownMs: fields['driveRepair']?.parsed(parseDuration),
  }
  return {
    random: Object.fromEntries(Object.entries(random).filter(([, value]) => value !== undefined)),
    planned: (fields['planned'] as Field).items().map(readPlanned),
  }
}

const kinds = { drive: 'drive-down', client: 'client-unreachable', storage: 'storage-unit-down' } as const

function readPlanned(field: Field): PlannedFailure {
  const fields = field.fields(['at', 'for'], Object.keys(kinds))
  const given = Object.entries(kinds).filter(([key]) => fields[key]?.given)
  if (given.length !== 1) field.wrong('names one of drive, client and storage')
  const [key = 'drive', kind = 'drive-down'] = given[0] ?? []
  return {
    kind,
    name: fields[key]?.text() ?? '',
    at: fields['at']?.parsed(parseTime) ?? 0,
    durationMs: fields['for']?.parsed(parseDuration) ?? 1,
  }
}
