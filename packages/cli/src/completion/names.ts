import { type CallOptions, displayPath, type FileEntry } from '@nb/contracts'
import { chooseClient } from '../choose-client.ts'
import { parsePath } from '../path-argument.ts'
import type { AskedPorts } from '../registration/registration.ts'
import type { Candidate } from './expected.ts'
import type { NameKind } from './name-kind.ts'

/** As many as anybody looks through. */
const most = 200

/** What has been typed of a name, and where. */
export interface Typed {
  readonly typed: string
  /** The client that the command line names. */
  readonly client?: string
  readonly cwd: string
}

type Names = (ports: AskedPorts, typed: Typed, call: CallOptions) => AsyncIterable<Candidate>

/** The names that a server knows, by what they are of; what the shell or the command line knows is not among them. */
const namesOf: { readonly [Kind in NameKind]?: Names } = {
  policies: ({ scheduler }, _, call) =>
    each(scheduler.policies({}, call), ({ name: word, clients }) => ({
      word,
      about: clients.join(' '),
    })),
  schedules: async function* ({ scheduler }, _, call) {
    for await (const { name: policy, schedules } of scheduler.policies({}, call))
      for (const { name: word } of schedules) yield { word, about: `of ${policy}` }
  },
  clients: async function* ({ scheduler, hosts }, _, call) {
    for await (const { name: policy, clients } of scheduler.policies({}, call))
      for (const word of clients) yield { word, about: `of ${policy}` }
    // A server that is all in one has no hosts.
    yield* each(hosts.list({ role: 'client' }, call), ({ name: word, state: about }) => ({ word, about }))
  },
  jobs: ({ jobs, ownClient }, _, call) =>
    each(
      jobs.list({ limit: 50, ...clientOf(ownClient) }, call),
      ({ id, type, state, policy = '', client }) => ({
        word: id,
        about: [type, state, policy, client].filter((part) => part !== '').join(' '),
      }),
    ),
  images: ({ catalog, ownClient }, _, call) =>
    each(
      catalog.listImages({ limit: 50, ...clientOf(ownClient) }, call),
      ({ backupId, policy, scheduleType }) => ({
        word: backupId,
        about: `${policy} ${scheduleType}`,
      }),
    ),
  volumes: ({ media }, _, call) =>
    each(media.volumes({}, call), ({ volumeId, pool, state }) => ({
      word: volumeId,
      about: `${pool} ${state}`,
    })),
  pools: ({ media }, _, call) => each(media.pools({}, call), ({ name: word }) => ({ word })),
  drives: ({ media }, _, call) => each(media.drives({}, call), inState),
  robots: ({ media }, _, call) => each(media.robots({}, call), inState),
  'storage-units': ({ media }, _, call) => each(media.storageUnits({}, call), inState),
  groups: ({ media }, _, call) => each(media.groups({}, call), ({ name: word }) => ({ word })),
  'media-servers': ({ media }, _, call) => each(media.mediaServers({}, call), inState),
  hosts: ({ hosts }, _, call) =>
    each(hosts.list({}, call), ({ name: word, roles }) => ({ word, about: roles.join(' ') })),
  'backed-up': async function* ({ catalog, ownClient }, { typed, client = ownClient, cwd }, call) {
    const folder = typed.slice(0, typed.lastIndexOf('/') + 1)
    const query = { client: await chooseClient(catalog, client, call), path: parsePath(folder || '.', cwd) }
    for await (const entry of catalog.browse(query, call)) {
      const name = nameIn(entry)
      if (name !== '') yield { word: `${folder}${name}${entry.kind === 'directory' ? '/' : ''}` }
    }
  },
}

/** The names of a kind that begin as typed, once each. Rejects as the server does. */
export async function namesAt(
  ports: AskedPorts,
  kind: NameKind,
  where: Typed,
  call: CallOptions,
): Promise<Candidate[]> {
  const found = new Map<string, Candidate>()
  try {
    for await (const candidate of namesOf[kind]?.(ports, where, call) ?? none()) {
      if (!candidate.word.startsWith(where.typed) || found.has(candidate.word)) continue
      found.set(candidate.word, candidate)
      if (found.size === most) break
    }
  } catch (error) {
    // What came before it is good.
    if (found.size === 0) throw error
  }
  return [...found.values()]
}

const clientOf = (client: string | undefined): { readonly client?: string } =>
  client === undefined ? {} : { client }

const inState = ({ name, state }: { readonly name: string; readonly state: string }): Candidate => ({
  word: name,
  about: state,
})

async function* each<Item>(
  items: AsyncIterable<Item>,
  candidate: (item: Item) => Candidate,
): AsyncGenerator<Candidate, void, undefined> {
  for await (const item of items) yield candidate(item)
}

async function* none(): AsyncGenerator<Candidate, void, undefined> {}

function nameIn({ path }: FileEntry): string {
  const shown = displayPath(path)
  return shown.slice(shown.lastIndexOf('/') + 1)
}
