import { type Lifecycle, type RestoreService, type DataChannels } from '@nb/contracts'
import { createLocalChannels } from '@nb/remote'
import {
  type RestoreServiceFixture,
  type VirtualClock,
  createListedCatalog,
  createNotedJobs,
  createNotedScheduler,
  createScriptedMediaServer,
  createVirtualClock,
} from '@nb/test-kit'
import type { NeededImagePlans } from '../src/needed-image.ts'
import { createRestoreService } from '../src/restore-service.ts'

/** A restore service among fakes, with real plans over real channels. */
export interface World extends RestoreServiceFixture {
  readonly restores: RestoreService & Required<Lifecycle>
  readonly clock: VirtualClock
  readonly channels: DataChannels
}

/** A restore service in a world of its own; with `clients` it knows which there are. */
export function createWorld(clients?: ReadonlySet<string>, neededImages?: NeededImagePlans): World {
  const clock = createVirtualClock()
  const channels = createLocalChannels({ clock })
  const catalog = createListedCatalog(channels)
  const noted = createNotedJobs(clock)
  const mediaServer = createScriptedMediaServer(channels)
  const mediaServers = new Map([['media1', mediaServer]])
  const { jobs, log } = noted
  const scheduler = createNotedScheduler()
  const restores = createRestoreService({
    catalog,
    jobs,
    mediaServers,
    channels,
    log,
    clock,
    scheduler,
    ...(clients === undefined ? {} : { clients }),
    ...(neededImages === undefined ? {} : { neededImages }),
  })
  return { restores, catalog, noted, mediaServer, scheduler, clock, channels }
}
