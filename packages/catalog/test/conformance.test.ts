import { createWireTwin, type WireTwin } from '@nb/remote'
import type { Catalog } from '@nb/contracts'
import { catalogSuite, createPowerLossStorage } from '@nb/test-kit'
import t from 'tap'
import { openSite, replaceList } from './fixture.ts'

function direct(port: Catalog): WireTwin<Catalog> {
  return { port, close: async () => {} }
}

// The object over the host's own file system; behind a wire, where only the calls matter, over one in memory.
for (const [name, reach, files] of [
  ['the catalog', direct, () => undefined],
  [
    'the catalog behind a wire',
    (catalog: Catalog) => createWireTwin('catalog', catalog),
    () => createPowerLossStorage().files,
  ],
] as const) {
  t.test(name, async (t) => {
    catalogSuite(
      { test: (title, run) => t.test(title, run) },
      {
        setup: async () => {
          const site = await openSite(files())
          let twin = reach(site.catalog)
          return {
            catalog: twin.port,
            channels: site.channels,
            clock: site.clock,
            restart: async () => {
              await twin.close()
              twin = reach(await site.restart())
              return twin.port
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
