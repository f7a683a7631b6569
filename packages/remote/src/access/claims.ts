/** What must be true of something that a call names, for the caller to be allowed it. */
export type Claim =
  /** The caller is of this name. */
  | { readonly kind: 'self'; readonly name: string }
  /** A client whose backups the caller may read: itself, or a source that an administrator allowed. */
  | { readonly kind: 'readable-client'; readonly name: string }
  /** An image of such a client. */
  | { readonly kind: 'readable-image'; readonly backupId: string }
  /** A job of the caller as a client. */
  | { readonly kind: 'own-job'; readonly jobId: string }
  /** A job that the caller was given as a media server. */
  | { readonly kind: 'given-job'; readonly jobId: string }
  /** The same of a job that goes on. */
  | { readonly kind: 'active-job'; readonly jobId: string }
  /** An image that a job makes which the caller was given. */
  | { readonly kind: 'given-image'; readonly backupId: string }
  /** A client, or an image of one, of which the caller was given a job that goes on. */
  | { readonly kind: 'served-client'; readonly name: string }
  | { readonly kind: 'served-image'; readonly backupId: string }
  /** What is attached to the caller as a media server; of volumes also those that are in no robot, or not known. */
  | { readonly kind: DeviceClaim; readonly name: string }
  /** The same for what the caller may say it has: that, and what is attached to nobody yet. */
  | { readonly kind: 'new-or-own'; readonly device: DeviceClaim; readonly name: string }
  /** Something of the argument itself, which holds or does not. */
  | { readonly kind: 'stated'; readonly holds: boolean }

/** Kinds of devices. */
export type DeviceClaim = 'own-unit' | 'own-drive' | 'own-robot' | 'own-volume'

/** What is known of what a call names. Names that are not in it are not known: claims on them do not hold. */
export interface CallFacts {
  /** The clients whose backups the caller may read besides its own, `*` for all. */
  readonly sources: readonly string[]
  /** The clients of the jobs that the caller was given and that go on. */
  readonly servedClients: readonly string[]
  /** By id: whose it is, the media servers it was given to, and whether it goes on. */
  readonly jobs: Readonly<
    Record<
      string,
      { readonly client: string; readonly mediaServers: readonly string[]; readonly isActive: boolean }
    >
  >
  /** By id: whose it is, and the job that makes or made it. */
  readonly images: Readonly<Record<string, { readonly client: string; readonly jobId: string }>>
  /** By {@link deviceKey}: the media servers it is attached to; of a volume that is in no robot, or not known, none. */
  readonly devices: Readonly<Record<string, readonly string[]>>
}

/** No facts at all: what is decided by the role alone is decided. */
export const noFacts: CallFacts = { sources: [], servedClients: [], jobs: {}, images: {}, devices: {} }

/** By what {@link CallFacts.devices} knows a device. */
export function deviceKey(kind: DeviceClaim, name: string): string {
  return `${kind} ${name}`
}

/** Whether a claim holds for a caller of this name. */
export function holds(claim: Claim, caller: string, facts: CallFacts): boolean {
  const readable = (client: string | undefined): boolean =>
    client !== undefined &&
    (client === caller || facts.sources.includes(client) || facts.sources.includes('*'))
  switch (claim.kind) {
    case 'stated':
      return claim.holds
    case 'self':
      return claim.name === caller
    case 'readable-client':
      return readable(claim.name)
    case 'readable-image':
      return readable(own(facts.images, claim.backupId)?.client)
    case 'own-job':
      return own(facts.jobs, claim.jobId)?.client === caller
    case 'given-job':
      return isGiven(claim.jobId, caller, facts)
    case 'active-job':
      return isGiven(claim.jobId, caller, facts) && own(facts.jobs, claim.jobId)?.isActive === true
    case 'given-image':
      return isGiven(own(facts.images, claim.backupId)?.jobId, caller, facts)
    case 'served-client':
      return facts.servedClients.includes(claim.name)
    case 'served-image': {
      const client = own(facts.images, claim.backupId)?.client
      return client !== undefined && facts.servedClients.includes(client)
    }
    case 'own-volume':
      return isNewOrOwn(claim.kind, claim.name, caller, facts)
    case 'new-or-own':
      return isNewOrOwn(claim.device, claim.name, caller, facts)
    default:
      return own(facts.devices, deviceKey(claim.kind, claim.name))?.includes(caller) === true
  }
}

function isNewOrOwn(device: DeviceClaim, name: string, caller: string, { devices }: CallFacts): boolean {
  const owners = own(devices, deviceKey(device, name))
  return owners !== undefined && (owners.length === 0 || owners.includes(caller))
}

function isGiven(jobId: string | undefined, caller: string, { jobs }: CallFacts): boolean {
  return jobId !== undefined && own(jobs, jobId)?.mediaServers.includes(caller) === true
}

/** Ids come from callers, `__proto__` among them. */
function own<Value>(table: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}
