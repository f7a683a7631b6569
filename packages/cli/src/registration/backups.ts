import { type Command, Option } from 'commander'
import { backupCommand } from '../commands/backup.ts'
import { restoreCommand } from '../commands/restore.ts'
import { userBackupCommand, type UserBackupOptions } from '../commands/user-backup.ts'
import { UsageError } from '../exit-code.ts'
import { parseTime } from '../time-argument.ts'
import { collect, examples, ofOwnClient, own, type ParsePath, type Registration } from './registration.ts'
import { pathHelp } from './path-help.ts'

/** `backup` and `restore`. */
export function addBackupCommands(registration: Registration): void {
  addBackup(registration)
  addRestore(registration)
}

function addBackup({ program, run, path }: Registration): void {
  program
    .command('backup')
    .description('start the jobs of a policy now, whatever its windows say; or back up what a user names')
    .argument('<POLICY-or-PATH...>', 'the policy; with --user or --archive: files and directories')
    .option('--client <NAME>', 'only for this client (default: all of the policy; for a user: this host)')
    .option('--schedule <NAME>', 'with this schedule (default: the fullest; for a user: one that is open)')
    .option('--user', 'back up these paths by a user-backup schedule')
    .option('--archive', 'back up these paths by a user-archive schedule, then remove them from the client')
    .option('--policy <NAME>', 'with --user or --archive: by this policy (default: the first that fits)')
    .option('--wait', 'wait for the end, with progress; the exit code is that of the jobs')
    .addHelpText(
      'after',
      examples(
        'nb backup nightly',
        'nb backup nightly --schedule daily --wait',
        'nb backup --user /home/ann/thesis --wait',
        'nb backup --archive /srv/projects/2025 --policy projects',
      ) + pathHelp,
    )
    .action((names: string[], flags: BackupFlags, command: Command) => {
      const { user = false, archive = false, policy, ...rest } = own(flags)
      if (user && archive) throw new UsageError('say either --user or --archive')
      if (user || archive) {
        const type: UserBackupOptions['type'] = archive ? 'user-archive' : 'user-backup'
        const options = { ...rest, type, paths: names.map(path), ...(policy === undefined ? {} : { policy }) }
        return run(
          (ports, output, call) =>
            userBackupCommand(ports, { ...ofOwnClient(ports, options), ...call }, output),
          command.optsWithGlobals(),
        )
      }
      const [name, ...more] = names
      if (name === undefined || more.length > 0)
        throw new UsageError('one policy at a time; to back up paths, say --user or --archive')
      if (policy !== undefined) throw new UsageError('--policy is for --user and --archive')
      return run(
        (ports, output, call) => backupCommand(ports, { policy: name, ...rest, ...call }, output),
        command.optsWithGlobals(),
      )
    })
}

function addRestore({ program, run, path }: Registration): void {
  program
    .command('restore')
    .description('bring files and directories back')
    .argument('<PATH...>', 'what to bring back, as it was backed up', collect(path))
    .option('--client <NAME>', 'whose backup (default: the only client there is, or this host)')
    .option('--to-client <NAME>', 'who receives the files (default: the client that was backed up)')
    .option('--at <TIME>', 'as it was then (default: now)', parseTime)
    .option('--image <ID>', 'from this image (default: the newest at that time)')
    .option('--policy <NAME>', 'from the images of this policy')
    .option('--to <DIR>', 'to this directory (default: where the files came from)', path)
    .option('--strip <PREFIX>', 'with --to: take this off the front of every path', path)
    .addOption(
      new Option('--if-exists <WHAT>', 'where a file is in the way')
        .choices(['overwrite', 'skip', 'fail'])
        .default('fail'),
    )
    .option('--preview', 'only tell what would be read and written')
    .option('--wait', 'wait for the end, with progress; the exit code is that of the job')
    .addHelpText(
      'after',
      examples(
        'nb restore /home/ann/thesis.txt --if-exists overwrite --wait',
        "nb restore /home/ann --at '2026-03-01 18:00' --to /tmp/ann --strip /home/ann --wait",
        'nb restore /srv --image web1_1767225600 --to /restore --preview',
        "nb restore '/srv/caf\\xe9.txt' --to /tmp/found",
      ) + pathHelp,
    )
    .action((paths: ReturnType<ParsePath>[], options: RestoreFlags, command: Command) =>
      run(
        (ports, output, call) =>
          restoreCommand(ports, { paths, ...ofOwnClient(ports, own(options)), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

interface BackupFlags {
  readonly client?: string
  readonly schedule?: string
  readonly policy?: string
  readonly user?: boolean
  readonly archive?: boolean
  readonly wait?: boolean
}

type RestoreFlags = Omit<Parameters<typeof restoreCommand>[1], 'paths' | 'signal'>
