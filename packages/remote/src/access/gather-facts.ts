import type { Catalog, JobManager, MediaManager, ResourceBroker } from '@nb/contracts'
import { type CallFacts, type Claim, type DeviceClaim, deviceKey } from './claims.ts'

/** Who is asked about what a call names. What is absent is not asked: claims on it do not hold. */
export interface FactSources {
  readonly jobs?: Pick<JobManager, 'get' | 'list'>
  readonly broker?: Pick<ResourceBroker, 'grants'>
  readonly catalog?: Pick<Catalog, 'getImage'>
  readonly media?: Pick<MediaManager, 'storageUnits' | 'drives' | 'volumes'>
}

/** Looks up what the claims are about, and nothing else. */
export async function gatherFacts(
  claims: readonly Claim[],
  caller: string,
  sources: readonly string[],
  asked: FactSources,
): Promise<CallFacts> {
  const gathering = new Gathering(asked)
  for (const claim of claims) await gathering.add(claim, caller)
  return { sources, ...gathering.facts }
}

class Gathering {
  readonly facts = {
    servedClients: [] as string[],
    jobs: {} as Record<string, CallFacts['jobs'][string]>,
    images: {} as Record<string, CallFacts['images'][string]>,
    devices: {} as Record<string, readonly string[]>,
  }
  readonly #asked: FactSources

  constructor(asked: FactSources) {
    this.#asked = asked
  }

  async add(claim: Claim, caller: string): Promise<void> {
    switch (claim.kind) {
      case 'stated':
      case 'self':
      case 'readable-client':
        return
      case 'own-job':
      case 'given-job':
      case 'active-job':
        return this.#job(claim.jobId)
      case 'readable-image':
        return void (await this.#image(claim.backupId))
      case 'given-image': {
        const jobId = (await this.#image(claim.backupId))?.jobId
        return jobId === undefined ? undefined : this.#job(jobId)
      }
      case 'served-client':
        return this.#served(claim.name, caller)
      case 'served-image': {
        const client = (await this.#image(claim.backupId))?.client
        return client === undefined ? undefined : this.#served(client, caller)
      }
      case 'new-or-own':
        return this.#device(claim.device, claim.name)
      default:
        return this.#device(claim.kind, claim.name)
    }
  }

  /** A job is given to the media server that runs it, and to those whose resources it holds. */
  async #job(jobId: string): Promise<void> {
    const job = await this.#asked.jobs?.get({ jobId })
    if (job === undefined) return
    const mediaServers = new Set(job.mediaServer === undefined ? [] : [job.mediaServer])
    for await (const { allocation } of this.#asked.broker?.grants({ jobId }) ?? [])
      for (const { mediaServer } of [allocation, ...(allocation.further ?? [])]) mediaServers.add(mediaServer)
    this.facts.jobs[jobId] = {
      client: job.client,
      mediaServers: [...mediaServers],
      isActive: job.state === 'active',
    }
  }

  async #image(backupId: string): Promise<CallFacts['images'][string] | undefined> {
    const image = await this.#asked.catalog?.getImage({ backupId })
    if (image !== undefined) this.facts.images[backupId] = { client: image.client, jobId: image.jobId }
    return image
  }

  async #served(client: string, caller: string): Promise<void> {
    for await (const job of this.#asked.jobs?.list({ client, states: ['active'] }) ?? [])
      if (job.mediaServer === caller) {
        this.facts.servedClients.push(client)
        return
      }
  }

  async #device(kind: DeviceClaim, name: string): Promise<void> {
    const owners = await this.#owners(kind, name)
    if (owners !== undefined) this.facts.devices[deviceKey(kind, name)] = owners
  }

  async #owners(kind: DeviceClaim, name: string): Promise<readonly string[] | undefined> {
    const { media } = this.#asked
    if (media === undefined) return undefined
    if (kind === 'own-unit') return mediaServersOf(media.storageUnits({ name }))
    if (kind === 'own-drive') return mediaServersOf(media.drives({ name }))
    if (kind === 'own-robot') return this.#ofRobot(name)
    for await (const { robot } of media.volumes({ volumeId: name }))
      return robot === undefined ? [] : this.#ofRobot(robot)
    return []
  }

  /** A robot is attached to the media servers that have its drives. */
  async #ofRobot(robot: string): Promise<readonly string[]> {
    const found = new Set<string>()
    for await (const drive of this.#asked.media?.drives({}) ?? [])
      if (drive.robot === robot) found.add(drive.mediaServer)
    return [...found]
  }
}

async function mediaServersOf(
  devices: AsyncIterable<{ readonly mediaServer: string }>,
): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { mediaServer } of devices) found.push(mediaServer)
  return found
}
