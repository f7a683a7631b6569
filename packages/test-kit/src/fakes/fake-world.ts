import type { Clock, JobLog } from '@nb/contracts'
import { type FakeBroker, type FakeStorageUnit, createFakeBroker } from './fake-broker.ts'
import { type FakeCatalog, createFakeCatalog } from './fake-catalog.ts'
import {
  type FakeMediaServer,
  type FakeSessionListener,
  type SessionFacts,
  type SessionScript,
  createFakeMediaServer,
} from './fake-media-server.ts'

/** Everything a job manager works with, pretended: one broker, one catalog, media servers with a disk unit each. */
export interface FakeWorld {
  readonly broker: FakeBroker
  readonly catalog: FakeCatalog
  readonly mediaServers: ReadonlyMap<string, FakeMediaServer>
  /** Whom the media servers report to from now on; nobody when `undefined`. */
  connect(jobs: FakeSessionListener | undefined): void
}

/** Options of {@link createFakeWorld}. */
export interface FakeWorldOptions {
  /** What everything runs by. */
  readonly clock: Clock
  /** Where the pretended components leave their lines. */
  readonly log: JobLog
  /** Storage units and their media servers. @default two units `disk1` and `disk2` with four slots each, on media servers `media1` and `media2` */
  readonly units?: readonly FakeStorageUnit[]
  /** How long a lease lasts unless renewed, milliseconds. @default 60000 */
  readonly leaseMs?: number
  /** What the session of a job does. @default it ends with 0 after a second */
  readonly script?: (jobId: string, session: SessionFacts) => SessionScript
}

const twoUnits: readonly FakeStorageUnit[] = [
  { name: 'disk1', mediaServer: 'media1', slots: 4 },
  { name: 'disk2', mediaServer: 'media2', slots: 4 },
]

/** Makes one. */
export function createFakeWorld({
  clock,
  log,
  units = twoUnits,
  leaseMs,
  script,
}: FakeWorldOptions): FakeWorld {
  let manager: FakeSessionListener | undefined
  const jobs = (): typeof manager => manager
  const names = [...new Set(units.map(({ mediaServer }) => mediaServer))]
  const server = (name: string): [string, FakeMediaServer] => [
    name,
    createFakeMediaServer({ name, clock, log, jobs, ...(script === undefined ? {} : { script }) }),
  ]
  return {
    broker: createFakeBroker({ clock, log, units, ...(leaseMs === undefined ? {} : { leaseMs }) }),
    catalog: createFakeCatalog({ clock, log }),
    mediaServers: new Map(names.map(server)),
    connect: (next) => void (manager = next),
  }
}
