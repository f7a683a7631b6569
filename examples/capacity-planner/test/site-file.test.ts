import t from 'tap'
import { simulatedSite, withOneMoreDrive } from '../src/libraries.ts'
import { largeSite, smallSite } from '../src/samples.ts'
import { readSite } from '../src/site-file.ts'
import { SiteFileError } from '../src/yaml-fields.ts'

function complaints(text: string): string {
  try {
    readSite(text, 'site.yaml')
    return 'none'
  } catch (error) {
    if (error instanceof SiteFileError) return error.message
    throw error
  }
}

const minimal = `clients:
  - { name: web, size: 10 GB, change: 1 %/day, read: 10 MB/s }
mediaServers:
  - { name: media1 }
disks:
  - { name: disk1, mediaServer: media1, write: 100 MB/s, jobs: 2 }
policies:
  - name: p
    clients: web
    schedules:
      - { name: daily, type: full, every: 1 day, window: "20:00-06:00" }
`

t.test('the samples can be read', (t) => {
  const small = readSite(smallSite, 'small')
  t.equal(small.clients.length, 36)
  t.equal(small.timeZone, 'Europe/Vienna')
  t.same(
    small.policies.map(({ name, clients }) => [name, clients.length]),
    [
      ['desks', 30],
      ['files', 4],
      ['databases', 2],
    ],
  )
  const large = readSite(largeSite(), 'large')
  t.equal(large.clients.length, 5000)
  t.equal(new Set(large.policies.flatMap(({ clients }) => clients)).size, 5000)
  const drives = (site: typeof large): number => simulatedSite(site).drives?.length ?? 0
  t.equal(drives(withOneMoreDrive(large, 'tape1')), drives(large) + 1)
  t.end()
})

t.test('a split policy has a day of fulls of its own for each part', (t) => {
  const { policies } = readSite(largeSite(), 'large')
  const weekly = policies
    .filter(({ name }) => name.startsWith('databases-'))
    .map(({ schedules }) => schedules[0]?.windows.map(({ weekday }) => weekday))
  t.same(weekly, [[0], [1], [2], [3], [4], [5], [6]])
  t.end()
})

t.test('a field that can not be meant is named with its line', (t) => {
  t.equal(complaints(minimal), 'none')
  const wrong: readonly (readonly [string, string, string])[] = [
    [
      'size: 10 GB',
      'size: ten',
      'site.yaml:2: clients[0].size must be a size such as 300 GB or 12 TiB, not "ten"',
    ],
    ['change: 1 %/day, ', '', 'site.yaml:2: clients[0].change is missing'],
    [
      'name: media1 }',
      'name: media1, speed: 3 }',
      'site.yaml:4: mediaServers[0].speed is not known here; there are name, throughput, jobs',
    ],
    [
      'mediaServer: media1',
      'mediaServer: media2',
      'site.yaml:6: disks[0].mediaServer must be one of media1, not "media2"',
    ],
    ['jobs: 2', 'jobs: 2.5', 'site.yaml:6: disks[0].jobs must be a whole number from 0 to 100000, not "2.5"'],
    [
      'jobs: 2',
      'jobs: 2, highWater: 90',
      'site.yaml:6: disks[0].highWater is a percentage of capacity, which is missing',
    ],
    [
      'jobs: 2',
      'jobs: 2, capacity: 1 TB, highWater: 101',
      'site.yaml:6: disks[0].highWater must be a whole number from 1 to 100, not "101"',
    ],
    [
      'clients: web\n',
      'clients: db*\n',
      'site.yaml:9: policies[0].clients names no client of this site: "db*"',
    ],
    [
      'type: full',
      'type: whole',
      'site.yaml:11: policies[0].schedules[0].type must be one of full, differential, cumulative, not "whole"',
    ],
    [
      '"20:00-06:00"',
      'at night',
      'site.yaml:11: policies[0].schedules[0].window must be a window such as 20:00-06:00 or "mon-fri 20:00-06:00", not "at night"',
    ],
    [
      '    clients: web',
      '    storage: tape9\n    clients: web',
      'site.yaml:9: policies[0].storage must be any or one of disk1, not "tape9"',
    ],
  ]
  for (const [from, to, expected] of wrong) t.equal(complaints(minimal.replace(from, to)), expected)
  t.end()
})

t.test('a disk may have a mark', (t) => {
  const { disks } = readSite(
    minimal.replace('jobs: 2', 'jobs: 2, capacity: 1 TB, highWater: 90'),
    'site.yaml',
  )
  t.match(disks, [{ name: 'disk1', capacityBytes: 1e12, highWaterPercent: 90 }])
  t.end()
})

t.test('all that is wrong is told at once, in order of lines; what is no YAML by its line', (t) => {
  const both = minimal.replace('10 GB', 'ten').replace('1 day', 'often')
  t.match(complaints(both), /^site\.yaml:2: .*\nsite\.yaml:11: [^\n]*$/)
  t.match(complaints('clients: [1, 2'), /^site\.yaml:1: /)
  t.match(complaints('timeZone: Mars/Olympus\n' + minimal), /^site\.yaml:1: timeZone must be a time zone/)
  t.match(complaints(''), /^site\.yaml:1: must be a map of fields/)
  t.end()
})
