import { type CallOptions, type MediaServerEntry, NbError } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatDuration } from '../units.ts'

/** `nb media-servers`: the registered media servers, their limits, and how busy they said they are. */
export async function mediaServersCommand(
  { media }: Pick<Ports, 'media'>,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const servers: MediaServerEntry[] = []
  for await (const server of media.mediaServers({}, call)) servers.push(server)
  const now = output.now()
  if (servers.length === 0 && !output.json) output.note('no media servers are registered')
  else
    await output.table(servers, [
      { title: 'MEDIA SERVER', value: (server) => server.name, shrinks: true },
      { title: 'STATE', value: (server) => server.state },
      { title: 'MOST JOBS', value: (server) => server.maxConcurrentJobs ?? 'no limit', align: 'right' },
      { title: 'LOAD', value: ({ load }) => load && `${Math.round(load.value * 100)}%`, align: 'right' },
      { title: 'TOLD', spare: 1, value: ({ load }) => load && `${formatDuration(now - load.at)} ago` },
      { title: 'REASON', value: (server) => server.stateReason, shrinks: true },
    ])
  return 0
}

/** The media server of a name. Rejects with `media-server-unknown`. */
export async function knownMediaServer(
  { media }: Pick<Ports, 'media'>,
  name: string,
  call: CallOptions,
): Promise<MediaServerEntry> {
  for await (const server of media.mediaServers({ name }, call)) return server
  throw new NbError('media-server-unknown', `there is no media server ${name}; nb media-servers lists them`, {
    details: { mediaServer: name },
  })
}
