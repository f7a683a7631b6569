import { join } from 'node:path'
import { lifecycle, systemClock } from '@nb/contracts'
import { listening, parseHostOptions, runHost, tellOfMaster } from '@nb/example-host-program'
import { createAccessControl, createTlsChannels, openHost, serve } from '@nb/remote'
import { composeClient } from './compose-client.ts'

const {
  name,
  address,
  port,
  state,
  master: masterAddress,
  heartbeatMs,
  compress,
} = parseHostOptions(process.argv.slice(2), {
  name: 'client',
  description: 'A client: reads what is backed up of this host and writes what is restored to it.',
  needsMaster: true,
  examples: `Example:
  client --state /var/lib/nb/client --address web1.example.org --master backup1.example.org`,
})

await runHost(async () => {
  const clock = systemClock()
  const host = await openHost(
    { clock, directory: join(state, 'identity'), master: masterAddress },
    { heartbeatMs, expect: { name, role: 'client' } },
  )
  const toldOfMaster = tellOfMaster(host, masterAddress)
  const { identity, master } = host
  const channels = createTlsChannels({ identity, clock }, { address, name, heartbeatMs, compress })
  const client = composeClient({ clock, channels, master, stateDirectory: state })
  const parts = lifecycle(
    host,
    client,
    listening(() =>
      serve(client.ports, {
        port,
        identity,
        access: createAccessControl({ clock, jobs: master.jobs }),
        channels,
      }),
    ),
  )
  return { ...parts, ...toldOfMaster, told: `client ${name} at ${address}, process ${process.pid}` }
})
