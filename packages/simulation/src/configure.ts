import type { MediaManager } from '@nb/contracts'
import type { SimulatedSite } from './site.ts'

const tebibyte = 2 ** 40

/** Tells the media manager what the site has. */
export async function configureMedia(media: MediaManager, site: SimulatedSite): Promise<void> {
  for (const { name, maxConcurrentJobs } of site.mediaServers)
    if (maxConcurrentJobs !== undefined) await media.putMediaServer({ name, state: 'up', maxConcurrentJobs })
  for (const pool of site.pools ?? []) await media.putPool(pool)
  const base = { state: 'up', maxFragmentBytes: tebibyte } as const
  for (const unit of site.diskUnits ?? []) {
    const { name, mediaServer, maxConcurrentJobs, onDemandOnly = false, highWaterPercent } = unit
    const mark = highWaterPercent === undefined ? {} : { highWaterPercent }
    const what = { name, mediaServer, maxConcurrentJobs, onDemandOnly, ...mark }
    await media.putStorageUnit({ ...base, type: 'disk', ...what })
  }
  for (const unit of site.tapeUnits ?? []) {
    const { name, mediaServer, density, robot, maxStreamsPerDrive = 1, onDemandOnly = false } = unit
    const drives = (site.drives ?? []).filter(
      (drive) => drive.mediaServer === mediaServer && drive.density === density && drive.robot === robot,
    )
    const maxConcurrentDrives = unit.maxConcurrentDrives ?? drives.length
    const inRobot = robot === undefined ? {} : { robot }
    await media.putStorageUnit({
      ...base,
      type: 'tape',
      name,
      mediaServer,
      density,
      ...inRobot,
      maxConcurrentDrives,
      maxStreamsPerDrive,
      onDemandOnly,
    })
  }
  for (const group of site.groups ?? []) await media.putGroup(group)
  for (const { name, mediaServer, density, robot } of site.drives ?? [])
    await media.putDrive({
      name,
      mediaServer,
      density,
      state: 'up',
      ...(robot === undefined ? {} : { robot }),
    })
  for (const { volumeId, density, robot, pool = 'NetBackup' } of site.volumes ?? []) {
    const inRobot = robot === undefined ? {} : { robot }
    await media.putVolume({ volumeId, density, pool, state: 'active', mounts: 0, ...inRobot })
  }
}
