/**
 * The data movers: the client agent that walks, reads and extracts, and the media server sessions that put its
 * stream on media and bring it back.
 *
 * ```ts
 * import { execFileSync } from 'node:child_process'
 * import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
 * import { readChannel, systemClock, toPath } from '@nb/contracts'
 * import { createLocalChannels } from '@nb/remote'
 * import { createClientAgent } from '@nb/transfer'
 *
 * const source = mkdtempSync('/tmp/nb-source-')
 * writeFileSync(`${source}/hello.txt`, 'hello, tape')
 *
 * // A client agent alone makes an archive of a directory: the stream is a tar.
 * const clock = systemClock()
 * const channels = createLocalChannels({ clock })
 * const log = { append: async (input: object) => console.log(JSON.stringify(input)) }
 * const agent = createClientAgent({ channels, log, clock })
 * await agent.start()
 * const data = await channels.listen()
 * const list = await channels.listen()
 * const run = await agent.startBackup({
 *   jobId: '1',
 *   backupId: 'web1_1767225600',
 *   names: { policy: 'daily', schedule: 'full', scheduleType: 'full' },
 *   walk: { roots: [toPath(source)], exclude: [], include: [], crossMountPoints: false },
 *   data: data.ticket,
 *   metadata: list.ticket,
 * })
 * async function collect(listener: typeof data): Promise<Buffer> {
 *   const chunks: Buffer[] = []
 *   for await (const chunk of readChannel(await listener.accept())) chunks.push(Buffer.from(chunk))
 *   return Buffer.concat(chunks)
 * }
 * const [archive] = await Promise.all([collect(data), collect(list)])
 * const { status, sent } = await agent.waitRun(run)
 * console.log(`status ${status}, ${sent?.counts.entries} entries`)
 * console.log(execFileSync('tar', ['-t'], { input: archive }).toString())
 * await agent.stop()
 * rmSync(source, { recursive: true })
 * ```
 *
 * A media server needs more neighbours: `examples/all-in-one` of the project shows them all.
 *
 * @packageDocumentation
 */
export {
  createMediaServer,
  type ByName,
  type LocalMediaServer,
  type MediaServerComponents,
  type MediaServerOptions,
} from './media/media-server.ts'
export {
  createLoadReporter,
  type LoadReporterComponents,
  type LoadReporterOptions,
} from './media/load-reporter.ts'
export {
  createSpaceReporter,
  type SpaceReporter,
  type SpaceReporterComponents,
  type SpaceReporterOptions,
} from './media/space-reporter.ts'
export { createBlockRing, type BlockRing, type BlockRingOptions } from './media/block-ring.ts'
export {
  createClientAgent,
  type ClientAgentComponents,
  type ClientAgentOptions,
  type LocalClientAgent,
} from './client/client-agent.ts'
export type { ScriptOptions } from './client/scripts/notify-scripts.ts'
