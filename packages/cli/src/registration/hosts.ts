import { resolve } from 'node:path'
import { type Role, tokenValidity } from '@nb/contracts'
import { type Command, Option } from 'commander'
import { auditCommand, type AuditRequest } from '../commands/audit.ts'
import { type HostEndRequest, hostRemoveCommand, hostRevokeCommand } from '../commands/host-end.ts'
import { hostEnrolCommand } from '../commands/host-enrol.ts'
import { hostSetCommand, type HostSetRequest } from '../commands/host-set.ts'
import { hostTokenCommand, type HostTokenRequest } from '../commands/host-token.ts'
import { hostsCommand } from '../commands/hosts.ts'
import { UsageError } from '../exit-code.ts'
import { formatPeriod, parsePeriod } from '../period-argument.ts'
import { parseStart } from '../time-argument.ts'
import {
  collect,
  collectOneOf,
  examples,
  fileName,
  own,
  type Registration,
  wholeNumber,
} from './registration.ts'

const roles: readonly Role[] = ['media-server', 'client', 'administrator', 'operator', 'viewer', 'master']
const roleList = `${roles.slice(0, 2).join(', ')} for hosts; ${roles.slice(2, 5).join(', ')} for persons; may be said several times`
const text = collect((given) => given)
const validity = `${formatPeriod(tokenValidity.leastMs)} to ${formatPeriod(tokenValidity.mostMs)}`

/** `hosts`, `host` and `audit`. */
export function addHostCommands(registration: Registration): void {
  const { program, run } = registration
  addAudit(registration)
  program
    .command('hosts')
    .description('list the hosts and persons that the master knows')
    .addOption(new Option('--role <ROLE>', 'only those with this role').choices(roles))
    .addHelpText('after', examples('nb hosts', 'nb hosts --role client'))
    .action((options: { role?: Role }, command: Command) =>
      run(
        (ports, output, call) => hostsCommand(ports, own(options), call, output),
        command.optsWithGlobals(),
      ),
    )
  const host = program
    .command('host')
    .description('let hosts and persons in, change and revoke them: nb host --help')
  addToken(registration, host)
  addEnrol(registration, host)
  addSet(registration, host)
  for (const [name, does, act] of [
    ['revoke', 'make certificates good no more, and cut what is open to them', hostRevokeCommand],
    ['remove', 'take names off that are revoked, or were never enrolled', hostRemoveCommand],
  ] as const) {
    const command = host.command(name).description(does).argument('<NAME...>', 'the hosts and persons')
    if (name === 'revoke') command.option('--reason <TEXT>', 'why; it is told when they try to connect')
    command
      .addHelpText('after', examples(`nb host ${name} web1`))
      .action((names: string[], options: Omit<HostEndRequest, 'names'>, command: Command) =>
        run(
          (ports, output, call) => act(ports, { names, ...own(options) }, call, output),
          command.optsWithGlobals(),
        ),
      )
  }
}

function addAudit({ program, run }: Registration): void {
  program
    .command('audit')
    .description('list who has changed what, and who was not allowed to, the newest first')
    .option('--by <NAME>', 'only what this host or person did')
    .option(
      '--call <CALL>',
      'only this call, such as scheduler.putPolicy, or those of a port, such as scheduler',
    )
    .option('--about <SUBJECT>', 'only what was about this policy, host, job, …')
    .addOption(new Option('--outcome <OUTCOME>', 'only what ended so').choices(['done', 'refused', 'failed']))
    .option('--since <TIME>', 'only from then on', parseStart)
    .option('--until <TIME>', 'only before', parseStart)
    .option('--limit <N>', 'at most so many', wholeNumber, 100)
    .option('--follow', 'tell what comes, until it is interrupted')
    .addHelpText(
      'after',
      examples('nb audit', 'nb audit --outcome refused --since 2026-03-01', 'nb audit --by ann --follow'),
    )
    .action((given: AuditFlags, command: Command) => {
      const { by, about, outcome, since, until, ...rest } = own(given)
      const request: AuditRequest = {
        ...rest,
        ...(by === undefined ? {} : { caller: by }),
        ...(about === undefined ? {} : { subject: about }),
        ...(outcome === undefined ? {} : { outcomes: [outcome] }),
        ...(since === undefined ? {} : { from: since }),
        ...(until === undefined ? {} : { to: until }),
      }
      return run(
        (ports, output, call) => auditCommand(ports, request, call, output),
        command.optsWithGlobals(),
      )
    })
}

interface AuditFlags {
  readonly by?: string
  readonly call?: string
  readonly about?: string
  readonly outcome?: 'done' | 'refused' | 'failed'
  readonly since?: number
  readonly until?: number
  readonly limit: number
  readonly follow?: boolean
}

function addToken({ run }: Registration, host: Command): void {
  host
    .command('token')
    .description('make a token with which a host or person of this name enrols once')
    .argument('<NAME>', "the host's name in policies, or the person's login")
    .requiredOption('--role <ROLE>', roleList, collectOneOf(roles))
    .option('--address <HOST:PORT>', 'where the host is reached, if it does not say so itself', text)
    .option(
      '--valid <PERIOD>',
      `how long the token is good: ${validity} (default: ${formatPeriod(tokenValidity.usualMs)})`,
      parseValidity,
    )
    .addHelpText(
      'after',
      examples('nb host token web1 --role client', 'nb host token ann --role operator --valid 1h'),
    )
    .action((name: string, given: { role: Role[]; address?: string[]; valid?: number }, command: Command) => {
      const { role, address, valid } = own(given)
      const request: HostTokenRequest = {
        name,
        roles: role,
        ...(address === undefined ? {} : { addresses: address }),
        ...(valid === undefined ? {} : { validForMs: valid }),
      }
      return run(
        (ports, output, call) => hostTokenCommand(ports, request, call, output),
        command.optsWithGlobals(),
      )
    })
}

/** Refuses, in the units that are typed, what the master would. */
function parseValidity(typed: string): number {
  const validForMs = parsePeriod(typed)
  if (validForMs < tokenValidity.leastMs || validForMs > tokenValidity.mostMs)
    throw new UsageError(`a token is good for ${validity}, not for '${typed}'`)
  return validForMs
}

function addEnrol({ runAlone, cwd, env }: Registration, host: Command): void {
  host
    .command('enrol')
    .description('enrol this host, or a person, at a master with a token; needs --master')
    .requiredOption('--token-file <FILE>', 'a file with the token; - is standard input', fileName)
    .requiredOption(
      '--directory <DIR>',
      'where the identity is kept: identity in the state folder of the program that will use it',
      fileName,
    )
    .option('--address <HOST:PORT>', 'where other hosts reach this one; not for persons', text)
    .option('--replace', 'replace the identity of another name that is there')
    .addHelpText(
      'after',
      examples(
        'nb host enrol --master backup1.example.org --token-file token --directory /var/lib/nb/client/identity --address web1.example.org:13724',
      ),
    )
    .action(
      (
        given: { tokenFile: string; directory: string; address?: string[]; replace?: true },
        command: Command,
      ) => {
        const options: { readonly master?: string } = command.optsWithGlobals()
        const master = options.master ?? env['NB_MASTER']
        if (master === undefined)
          command.error("error: say --master HOST[:PORT], the master's address", { exitCode: 2 })
        const request = {
          master: master ?? '',
          tokenFile: given.tokenFile === '-' ? '/dev/stdin' : resolve(cwd, given.tokenFile),
          addresses: given.address ?? [],
          directory: resolve(cwd, given.directory),
          replace: given.replace === true,
        }
        return runAlone((output) => hostEnrolCommand(request, output), options)
      },
    )
}

function addSet({ run }: Registration, host: Command): void {
  host
    .command('set')
    .description('change what a host or person may do, and where a host is')
    .argument('<NAME>', 'the host or person')
    .option('--role <ROLE>', roleList, collectOneOf(roles))
    .option('--address <HOST:PORT>', 'where the host is reached; may be said several times', text)
    .option(
      '--source <CLIENT>',
      'a client whose backups it may restore besides its own, * for all; may be said several times, and takes the place of what was said before; none takes all back',
      text,
    )
    .addHelpText(
      'after',
      examples(
        'nb host set web2 --source web1',
        'nb host set web2 --source none',
        'nb host set web1 --address web1.example.org:13724',
      ),
    )
    .action(
      (name: string, given: { role?: Role[]; address?: string[]; source?: string[] }, command: Command) => {
        const { role, address, source } = own(given)
        const request: HostSetRequest = {
          name,
          ...(role === undefined ? {} : { roles: role }),
          ...(address === undefined ? {} : { addresses: address }),
          ...(source === undefined ? {} : { sources: sourcesOf(source) }),
        }
        return run(
          (ports, output, call) => hostSetCommand(ports, request, call, output),
          command.optsWithGlobals(),
        )
      },
    )
}

function sourcesOf(typed: readonly string[]): readonly string[] {
  if (!typed.includes('none')) return typed
  if (typed.length > 1) throw new UsageError('say --source none alone: it takes all sources back')
  return []
}
