import { createWireTwin, type WireTwin } from '@nb/remote'
import type { Catalog } from '@nb/contracts'
import { catalogSuite, createPowerLossStorage } from '@nb/test-kit'
import t from 'tap'
import { openSite, replaceList } from './fixture.ts'

type Served = { readonly catalog: Catalog }

const direct = async (ports: Served): Promise<WireTwin<Served>> => ({ ports, close: async () => {} })

// The object over the host's own file system; behind a wire, where only the calls and channels matter, over one in memory.
for (const [name, reach, open] of [
  ['the catalog', direct, () => openSite()],
  [
    'the catalog behind a wire',
    (ports: Served) => createWireTwin(ports),
    () => openSite(createPowerLossStorage().files, { overTls: true }),
  ],
] as const) {
  t.test(name, async (t) => {
    catalogSuite(
      { test: (title, run) => t.test(title, run) },
      {
        setup: async () => {
          const site = await open()
          let twin = await reach({ catalog: site.catalog })
          return {
            catalog: twin.ports.catalog,
            channels: site.channels,
            clock: site.clock,
            restart: async () => {
              await twin.close()
              twin = await reach({ catalog: await site.restart() })
              return twin.ports.catalog
            },
            replaceFileList: (backupId: string, bytes: Uint8Array) => replaceList(site, backupId, bytes),
            jobLines: (jobId: string) => site.lines.get(jobId) ?? [],
            end: async () => {
              await twin.close()
              await site.end()
            },
          }
        },
        teardown: (fixture) => fixture.end(),
      },
    )
  })
}
