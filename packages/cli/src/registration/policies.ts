import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseRetentionPeriod } from '@nb/contracts'
import { nextCommand } from '../commands/next.ts'
import { policiesCommand } from '../commands/policies.ts'
import { policyActivateCommand } from '../commands/policy-activate.ts'
import { policyExportCommand } from '../commands/policy-export.ts'
import { policyImportCommand } from '../commands/policy-import.ts'
import { policyRemoveCommand } from '../commands/policy-remove.ts'
import { policyShowCommand } from '../commands/policy-show.ts'
import { previewCommand } from '../commands/preview.ts'
import { retentionCommand, retentionSetCommand } from '../commands/retention.ts'
import { parsePeriod } from '../period-argument.ts'
import type { PolicyFormat } from '../policy-text.ts'
import { parseFromNow, type RelativeTime } from '../time-argument.ts'
import { collect, examples, fileName, own, type Registration, wholeNumber } from './registration.ts'

/** `policies`, `policy`, `next`, `preview` and `retention`. */
export function addPolicyCommands(registration: Registration): void {
  addPolicyLists(registration)
  addPolicy(registration)
  addRetention(registration)
}

function addPolicyLists({ program, run }: Registration): void {
  program
    .command('policies')
    .description('list policies, and when they run next')
    .addHelpText('after', examples('nb policies', 'nb policies --json'))
    .action((_options: object, command: Command) =>
      run((ports, output, call) => policiesCommand(ports, call, output), command.optsWithGlobals()),
    )
  program
    .command('next')
    .description('tell what runs next for each client, in which window, or why nothing does')
    .argument('[POLICY]', 'only of this policy')
    .addHelpText('after', examples('nb next', 'nb next nightly --json'))
    .action((policy: string | undefined, _options: object, command: Command) =>
      run(
        (ports, output, call) =>
          nextCommand(ports, { ...(policy === undefined ? {} : { policy }), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('preview')
    .description('tell what of a policy would start when, if every run succeeded at once')
    .argument('<POLICY>', 'the policy')
    .option('--from <TIME>', 'the first moment; a period such as 2d is that long from now', parseFromNow)
    .option('--to <TIME>', 'the end; a period such as 30d is that long from now (default: 7d)', parseFromNow)
    .option('--limit <N>', 'the first so many, 0 for all', wholeNumber, 100)
    .addHelpText(
      'after',
      examples(
        'nb preview nightly',
        'nb preview nightly --to 30d',
        'nb preview nightly --from 2026-12-24 --to 2027-01-02',
      ),
    )
    .action((policy: string, { from, to, limit }: PreviewFlags, command: Command) =>
      run((ports, output, call) => {
        const begin = from?.(output.now()) ?? output.now()
        const end = to?.(output.now()) ?? begin + 7 * 86_400_000
        return previewCommand(
          ports,
          { policy, from: begin, to: end, ...(limit === undefined ? {} : { limit }), ...call },
          output,
        )
      }, command.optsWithGlobals()),
    )
}

function addPolicy(registration: Registration): void {
  const { program, run } = registration
  const policy = program.command('policy').description('show and change policies: nb policy --help')
  policy
    .command('show')
    .description('show a policy with its schedules')
    .argument('<NAME>', 'the policy')
    .addHelpText('after', examples('nb policy show nightly'))
    .action((name: string, _options: object, command: Command) =>
      run(
        (ports, output, call) => policyShowCommand(ports, { name, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  for (const [verb, active, does] of [
    ['activate', true, 'let the scheduler start jobs of policies'],
    ['deactivate', false, 'start no more jobs of policies; running jobs go on'],
  ] as const)
    policy
      .command(verb)
      .description(does)
      .argument('<NAME...>', 'the policies')
      .addHelpText('after', examples(`nb policy ${verb} nightly`))
      .action((names: string[], _options: object, command: Command) =>
        run(
          (ports, output, call) => policyActivateCommand(ports, { names, active, ...call }, output),
          command.optsWithGlobals(),
        ),
      )
  policy
    .command('remove')
    .description('remove policies; running jobs go on, images stay until they expire')
    .argument('<NAME...>', 'the policies')
    .addHelpText('after', examples('nb policy remove old'))
    .action((names: string[], _options: object, command: Command) =>
      run(
        (ports, output, call) => policyRemoveCommand(ports, { names, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  addPolicyFiles(registration, policy)
}

function addPolicyFiles({ run, cwd }: Registration, policy: Command): void {
  policy
    .command('export')
    .description('print a policy as a file that can be edited, or write files')
    .argument('[NAME...]', 'the policies')
    .option('--all', 'all policies')
    .option('--to <DIR>', 'write one file a policy into this folder')
    .addOption(new Option('--format <FORM>', 'of the file').choices(['yaml', 'json']).default('yaml'))
    .addHelpText(
      'after',
      examples('nb policy export nightly > nightly.yaml', 'nb policy export --all --to policies'),
    )
    .action((names: string[], flags: ExportFlags, command: Command) => {
      const { to, ...rest } = own(flags)
      const options = { names, ...rest, ...(to === undefined ? {} : { to: resolve(cwd, to) }) }
      return run(
        (ports, output, call) => policyExportCommand(ports, { ...options, ...call }, output),
        command.optsWithGlobals(),
      )
    })
  policy
    .command('import')
    .description('add or change policies as their files say; a policy changed since its export is kept')
    .argument('<FILE...>', 'policy files, YAML or JSON', collect(fileName))
    .option('--preview', 'only tell what would change')
    .option('--force', 'overwrite what was changed since the file was exported')
    .addHelpText(
      'after',
      examples('nb policy import nightly.yaml', 'nb policy import policies/*.yaml --preview'),
    )
    .action((files: readonly string[], options: { force?: boolean; preview?: boolean }, command: Command) =>
      run(
        (ports, output, call) =>
          policyImportCommand(
            ports,
            { files: files.map((file) => resolve(cwd, file)), ...own(options), ...call },
            output,
          ),
        command.optsWithGlobals(),
      ),
    )
}

function addRetention({ program, run }: Registration): void {
  const retention = program
    .command('retention')
    .description('list how long images of each retention level are kept; nb retention set changes it')
    .addHelpText('after', examples('nb retention', 'nb retention set 3 60d'))
    .action((_options: object, command: Command) =>
      run((ports, output, call) => retentionCommand(ports, call, output), command.optsWithGlobals()),
    )
  retention
    .command('set')
    .description(
      'set the period of a level, for backups from now on; 9 (for ever) and 25 (at once) are fixed',
    )
    .argument('<LEVEL>', '0-100', wholeNumber)
    .argument('<PERIOD>', "30d, '1 week', '1 month', 1y, or ever", retentionPeriod)
    .addHelpText(
      'after',
      examples('nb retention set 3 60d', "nb retention set 26 '1 month'", 'nb retention set 10 ever'),
    )
    .action(
      (level: number, period: { readonly periodMs: number | null }, _options: object, command: Command) =>
        run(
          (ports, output, call) => retentionSetCommand(ports, { level, ...period, ...call }, output),
          command.optsWithGlobals(),
        ),
    )
}

interface ExportFlags {
  readonly all?: boolean
  readonly to?: string
  readonly format?: PolicyFormat
}

interface PreviewFlags {
  readonly from?: RelativeTime
  readonly to?: RelativeTime
  readonly limit?: number
}

/** In an object, because commander takes null for no argument. */
function retentionPeriod(text: string): { readonly periodMs: number | null } {
  const known = parseRetentionPeriod(text)
  const periodMs = known === undefined ? parsePeriod(text) : known
  if (periodMs !== null && periodMs > 100 * 365 * 86_400_000)
    throw new InvalidArgumentError('At most 100y; or say ever.')
  return { periodMs }
}
