import {
  type Clock,
  type MediaManager,
  type MediaRequest,
  NbError,
  type SessionReport,
  sleepOn,
  systemClock,
} from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { createWireTwin } from '@nb/remote'
import {
  FlowNetwork,
  Hardware,
  createMemoryStore,
  Shelf,
  SimulatedClients,
  type SimulatedSite,
  TimeSeries,
  createDiskRoom,
  createSimulatedMediaServer,
} from '@nb/simulation'
import { type MediaServerFixture, mediaServerSuite } from '@nb/test-kit'
import t from 'tap'

const storageUnit = 'disk1'
const speed = { changePerDay: 0.1, readBytesPerSecond: 1e9 }
/** The conduct of a client is its name: one that waits sends a byte a second. */
const site: SimulatedSite = {
  clients: [
    { name: 'works', sizeBytes: 1e6, ...speed },
    { name: 'fails', sizeBytes: 1e6, ...speed, failChance: 1 },
    { name: 'waits', sizeBytes: 1e6, ...speed, readBytesPerSecond: 1 },
  ],
  mediaServers: [{ name: 'media1' }],
  diskUnits: [{ name: storageUnit, mediaServer: 'media1', writeBytesPerSecond: 1e9, maxConcurrentJobs: 9 }],
  policies: [],
}

/** The machine's clock, whose timers keep the test alive. */
function patientClock(): Clock {
  const clock = systemClock()
  const setTimer: Clock['setTimer'] = (delayMs, action) =>
    clock.setTimer(delayMs, action, { keepAlive: true })
  return {
    now: () => clock.now(),
    setTimer,
    sleep: (delayMs, options) => sleepOn(setTimer, delayMs, options),
  }
}

interface Suited extends MediaServerFixture {
  readonly close: () => Promise<void>
}

async function setup(wired: boolean): Promise<Suited> {
  const clock = patientClock()
  const store = createMemoryStore()
  const media: MediaManager = createMediaManager({ store, clock })
  const network = new FlowNetwork(clock)
  const hardware = new Hardware({ clock, media, network }, site, () => new TimeSeries(clock.now()))
  const reports: SessionReport[] = []
  const requests: MediaRequest[] = []
  const heard: (() => void)[] = []
  const server = createSimulatedMediaServer('media1', {
    clock,
    network,
    hardware,
    clients: new SimulatedClients(clock, network, site, 1),
    media,
    catalog: { getImage: async () => undefined },
    shelf: new Shelf(media, hardware, site),
    room: createDiskRoom({ media, clock, hardware }, site),
    jobs: () => ({
      requestMedia: async (request) => {
        requests.push(request)
        heard.shift()?.()
      },
      sessionEnded: async ({ report }) => void reports.push(report),
    }),
  })
  const twin = wired ? await createWireTwin({ mediaServer: server }) : undefined
  let jobs = 0
  return {
    server: twin?.ports.mediaServer ?? server,
    storageUnit,
    backup: async (client) => {
      jobs += 1
      return {
        jobId: String(jobs),
        image: {
          version: 1,
          backupId: `${client}_${jobs}`,
          state: 'in-progress',
          jobId: String(jobs),
          client,
          policy: 'p',
          schedule: 'full',
          scheduleType: 'full',
          backupTime: clock.now(),
          selections: [],
          retentionLevel: 1,
          neededImages: [],
          copies: [],
        },
        need: {
          kind: 'write',
          storage: { kind: 'unit', name: storageUnit },
          volumePool: 'NetBackup',
          retentionLevel: 1,
        },
        walk: { roots: [], exclude: [], include: [], crossMountPoints: false },
      }
    },
    restore: async (report) => {
      jobs += 1
      const copy = report.written?.copies[0]
      const [stored] = [...(await storedOn(server))]
      if (copy === undefined || stored === undefined) throw new NbError('internal', 'nothing was backed up')
      const ticket = (token: string) => ({ address: 'local:', token })
      return {
        jobId: String(jobs),
        restoreId: '1',
        client: 'works',
        need: { kind: 'read', storageUnit },
        images: [{ backupId: stored, copy }],
        last: true,
        mediaPlan: ticket(`media ${jobs}`),
        clientPlan: ticket(`client ${jobs}`),
        target: { root: '/' as never, ifExists: 'overwrite' },
      }
    },
    nextRequest: async () => {
      if (requests.length === 0) await new Promise<void>((resolve) => heard.push(resolve))
      return requests.shift() as MediaRequest
    },
    grantOf: ({ jobId, need }) => ({
      granted: true,
      allocation: {
        allocationId: `allocation ${jobId}`,
        jobId,
        storageUnit,
        mediaServer: 'media1',
        purpose: need.kind,
        medium: { kind: 'disk', maxFragmentBytes: 2 ** 40 },
        since: clock.now(),
      },
    }),
    reports: () => reports,
    close: async () => {
      await twin?.close()
      await store.close()
    },
  }
}

async function storedOn(server: ReturnType<typeof createSimulatedMediaServer>): Promise<string[]> {
  const ids: string[] = []
  for await (const { backupId } of server.storedImages({ storageUnit })) ids.push(backupId)
  return ids
}

const teardown = (fixture: MediaServerFixture): Promise<void> => (fixture as Suited).close()

t.test('a simulated media server', async (t) => {
  mediaServerSuite(t, { setup: () => setup(false), teardown })
})

t.test('a simulated media server behind a wire', async (t) => {
  mediaServerSuite(t, { setup: () => setup(true), teardown })
})
