import { availableParallelism, loadavg } from 'node:os'
import { type Clock, type Lifecycle, type Logger, type MediaManager, debugLogger } from '@nb/contracts'
import { defaultReportMs, fromTimeToTime } from './from-time-to-time.ts'

/** What a load reporter asks for. */
export interface LoadReporterComponents {
  readonly media: Pick<MediaManager, 'reportLoad'>
  readonly clock: Clock
  /** How busy the host is, 0–1. @default the load of the last minute per processor; 0 where the system tells none */
  readonly load?: () => number
  /** @default `debugLogger('nb:transfer:load-reporter')` */
  readonly logger?: Logger
}

/** Options of {@link createLoadReporter}. */
export interface LoadReporterOptions {
  /** The media server's name, as it is registered with the media manager. */
  readonly mediaServer: string
  /** Milliseconds between two reports, 1000–3600000. @default 60000 */
  readonly intervalMs?: number
}

/**
 * Tells the media manager from time to time how busy this media server is, which is what load-balanced storage unit groups
 * choose by. A report that fails is logged, and the next one comes in its time.
 */
export function createLoadReporter(
  components: LoadReporterComponents,
  options: LoadReporterOptions,
): Required<Lifecycle> {
  const { media, clock, load = hostLoad, logger = debugLogger('nb:transfer:load-reporter') } = components
  const { mediaServer: name, intervalMs = defaultReportMs } = options
  return fromTimeToTime(clock, intervalMs, () =>
    media.reportLoad({ name, load: Math.min(Math.max(load(), 0), 1) }).catch((error: unknown) => {
      logger.error('the load of media server %s was not reported: %o', name, error)
    }),
  )
}

function hostLoad(): number {
  return (loadavg()[0] ?? 0) / availableParallelism()
}
