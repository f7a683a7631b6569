import type { Lifecycle, MediaManager } from '@nb/contracts'
import type { Site } from '@nb/remote'

/** Has the media manager know each host that has enrolled as a media server. What it knows of one already stays as it is. */
export function registerMediaServers(
  { hosts, on, off }: Pick<Site, 'hosts' | 'on' | 'off'>,
  media: Pick<MediaManager, 'mediaServers' | 'putMediaServer'>,
  warn: (text: string) => void,
): Lifecycle {
  const register = async (): Promise<void> => {
    const known = new Set<string>()
    for await (const { name } of media.mediaServers({})) known.add(name)
    for await (const { name } of hosts.list({ role: 'media-server', state: 'enrolled' }))
      if (!known.has(name)) await media.putMediaServer({ name, state: 'up' })
  }
  const changed = (): void =>
    void register().catch((error: unknown) =>
      warn(`a media server that enrolled is not registered: ${String(error)}`),
    )
  return {
    start: async () => {
      on('host:enrolled', changed)
      await register()
    },
    stop: async () => off('host:enrolled', changed),
  }
}
