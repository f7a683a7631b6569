import { type CallOptions, NbError } from '@nb/contracts'
import type { Ports } from '@nb/remote'

/** What is added to "no jobs" when there is not even such a policy; what a removed policy has left is found nevertheless. */
export async function unlessPolicy(
  { scheduler }: Pick<Ports, 'scheduler'>,
  name: string | undefined,
  call: CallOptions,
): Promise<string> {
  if (name === undefined || (await isPolicy({ scheduler }, name, call))) return ''
  return `; there is no policy ${name}: nb policies lists them`
}

/** Whether there is one, as far as who asks may know. */
async function isPolicy(
  { scheduler }: Pick<Ports, 'scheduler'>,
  name: string,
  call: CallOptions,
): Promise<boolean> {
  try {
    return (await scheduler.getPolicy({ name }, call)) !== undefined
  } catch (error) {
    if (error instanceof NbError && error.code === 'access-denied') return true
    throw error
  }
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
