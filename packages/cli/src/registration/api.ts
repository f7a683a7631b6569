import { Argument, type Command } from 'commander'
import { portNames, type PortName } from '@nb/remote'
import { apiCommand } from '../commands/api.ts'
import { examples, type Registration } from './registration.ts'

/** `api`. */
export function addApiCommand({ program, runAlone }: Registration): void {
  program
    .command('api')
    .description('print what programs in other languages call a master by, as OpenAPI 3.1; asks no server')
    .addArgument(new Argument('[PORT...]', 'only these ports').choices(portNames))
    .addHelpText('after', examples('nb api > nb-openapi.json', 'nb api jobs catalog'))
    .action((ports: PortName[], _options: object, command: Command) =>
      runAlone((output) => apiCommand(ports, output), command.optsWithGlobals()),
    )
}
