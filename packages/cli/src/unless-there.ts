import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'

/** What is added to "no jobs" when there is not even such a policy; what a removed policy has left is found nevertheless. */
export async function unlessPolicy(
  { scheduler }: Pick<Ports, 'scheduler'>,
  name: string | undefined,
  call: CallOptions,
): Promise<string> {
  if (name === undefined || (await scheduler.getPolicy({ name }, call)) !== undefined) return ''
  return `; there is no policy ${name}: nb policies lists them`
}

/** The same for a volume pool. */
export async function unlessPool(
  { media }: Pick<Ports, 'media'>,
  name: string | undefined,
  call: CallOptions,
): Promise<string> {
  if (name === undefined || !(await isEmpty(media.pools({ name }, call)))) return ''
  return `; there is no volume pool ${name}: nb pools lists them`
}

/** Whether nothing comes. */
export async function isEmpty(items: AsyncIterable<unknown>): Promise<boolean> {
  for await (const _ of items) return false
  return true
}
