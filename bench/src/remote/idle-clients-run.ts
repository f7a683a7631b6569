// Clients that do nothing, many in one process, each with an identity of its own:
//   idle-clients-run.ts MASTER DIRECTORY COUNT
// Reads what to do line by line, `enrol TOKEN...`, `connect`, `watch`, and prints a line when it is done. Ends with its standard input.

import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { NbError, systemClock } from '@nb/contracts'
import { enrolAt, openHost, type OpenedHost } from '@nb/remote'

const [master = '', directory = '', countText] = process.argv.slice(2)
const count = Number(countText)
const numbers = Array.from({ length: count }, (_, number) => number)
const clock = systemClock()
const hosts: OpenedHost[] = []
const leaving = new AbortController()

const commands: Readonly<Record<string, (tokens: readonly string[]) => Promise<void>>> = {
  enrol: (tokens) =>
    sixteenAtOnce(async (number) => {
      await enrolled(tokens[number] ?? '', identityOf(number))
    }),
  connect: () =>
    sixteenAtOnce(async (number) => {
      const host = await openHost({ clock, directory: identityOf(number), master })
      await host.start()
      hosts[number] = host
      for await (const _ of host.master.jobs.list({ client: `idle${number}`, limit: 1 }));
    }),
  watch: async () => {
    const failures: unknown[] = []
    for (const [number, { master }] of hosts.entries()) {
      const events = master.jobs.watch({ client: `idle${number}` }, { signal: leaving.signal })
      events[Symbol.asyncIterator]()
        .next()
        .catch((error: unknown) => failures.push(error))
    }
    // No event comes of a client that does nothing: a stream that has not failed by now is open. Another call would need another connection.
    await clock.sleep(10_000)
    if (failures.length > 0) throw failures[0]
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command = '', ...words] = line.split(' ')
  const begun = performance.now()
  await commands[command]?.(words)
  console.log(`${count} clients: ${command} took ${((performance.now() - begun) / 1000).toFixed(1)} s`)
}
leaving.abort()
process.exit(0)

/** A master lets so many strangers in in a minute, and no more: who is one too many comes again. */
async function enrolled(token: string, identity: string): Promise<void> {
  for (;;) {
    try {
      await enrolAt({ master, token, directory: identity })
      return
    } catch (error) {
      if (!(error instanceof NbError && error.retryable)) throw error
      await clock.sleep(5000)
    }
  }
}

function identityOf(number: number): string {
  return join(directory, `idle${number}`)
}

async function sixteenAtOnce(work: (number: number) => Promise<void>): Promise<void> {
  const left = numbers.values()
  const worker = async (): Promise<void> => {
    for (const number of left) await work(number)
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}
