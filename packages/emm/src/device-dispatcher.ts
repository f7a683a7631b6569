import { type DeviceOperations, type MediaManager, NbError } from '@nb/contracts'

/** What {@link createDeviceDispatcher} works with. */
export interface DeviceDispatcherComponents {
  /** Tells which media server has which drives, and where volumes are. */
  readonly media: Pick<MediaManager, 'drives' | 'volumes'>
  /** The devices of media servers, by name. */
  readonly mediaServers: DevicesByServer
}

/** The devices of media servers; a `Map` will do. */
export interface DevicesByServer {
  /** Those of a media server; `undefined` for one that has no address. */
  get(name: string): DeviceOperations | undefined
}

/**
 * The devices of all media servers as one port: what an operator asks of a robot goes to the media server that has its drives, what is asked of a volume
 * to the one that has its robot. For a master whose media servers are elsewhere.
 *
 * Rejects as they do, and with `not-found` for a robot or drive that no media server has, or a volume that is not known; `state-conflict` for a volume that is in no robot,
 * nor in a mail slot of one; `media-server-unknown` where a media server has no address.
 */
export function createDeviceDispatcher({
  media,
  mediaServers,
}: DeviceDispatcherComponents): DeviceOperations {
  const at = (name: string): DeviceOperations => {
    const devices = mediaServers.get(name)
    if (devices !== undefined) return devices
    throw new NbError('media-server-unknown', `Media server ${name} has no address: it has not enrolled.`, {
      details: { mediaServer: name },
    })
  }
  /** The media servers that have robots, by robot. */
  const robots = async (): Promise<ReadonlyMap<string, string>> => {
    const found = new Map<string, string>()
    for await (const { robot, mediaServer } of media.drives({}))
      if (robot !== undefined && !found.has(robot)) found.set(robot, mediaServer)
    return found
  }
  const ofRobot = async (robot: string): Promise<DeviceOperations> => {
    const mediaServer = (await robots()).get(robot)
    if (mediaServer !== undefined) return at(mediaServer)
    throw new NbError('not-found', `No media server has robot ${robot}.`, { details: { robot } })
  }
  const ofDrive = async (drive: string): Promise<DeviceOperations> => {
    for await (const { mediaServer } of media.drives({ name: drive })) return at(mediaServer)
    throw new NbError('not-found', `No media server has drive ${drive}.`, { details: { drive } })
  }
  const robotOf = async (volumeId: string): Promise<string | undefined> => {
    for await (const { robot } of media.volumes({ volumeId })) return robot
    throw new NbError('not-found', `Volume ${volumeId} is not known.`, { details: { volumeId } })
  }

  return {
    inventory: async (input, options) => (await ofRobot(input.robot)).inventory(input, options),
    updateInventory: async (input, options) => (await ofRobot(input.robot)).updateInventory(input, options),
    inject: async (input, options) => (await ofRobot(input.robot)).inject(input, options),
    eject: async (input, options) => {
      const robot = await robotOf(input.volumeId)
      if (robot !== undefined) return (await ofRobot(robot)).eject(input, options)
      // It may lie in a mail slot of any robot already.
      for (const mediaServer of new Set((await robots()).values())) {
        try {
          return await at(mediaServer).eject(input, options)
        } catch (error) {
          if (!(error instanceof NbError) || error.code !== 'state-conflict') throw error
        }
      }
      throw inNoRobot(input.volumeId)
    },
    label: async (input, options) => {
      const robot = await robotOf(input.volumeId)
      if (input.drive !== undefined) return (await ofDrive(input.drive)).label(input, options)
      if (robot === undefined) throw inNoRobot(input.volumeId)
      return (await ofRobot(robot)).label(input, options)
    },
  }
}

function inNoRobot(volumeId: string): NbError {
  return new NbError(
    'state-conflict',
    `Volume ${volumeId} is in no robot: put it in, and inject it or update the inventory of the robot.`,
    { details: { volumeId } },
  )
}
