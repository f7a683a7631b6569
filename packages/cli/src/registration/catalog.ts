import type { Command } from 'commander'
import { imagesCommand } from '../commands/images.ts'
import { catalogCheckCommand } from '../commands/catalog-check.ts'
import { expireCommand } from '../commands/expire.ts'
import { findCommand, mostLimit } from '../commands/find.ts'
import { listCommand } from '../commands/list.ts'
import { parseStart, parseTime } from '../time-argument.ts'
import { pathHelp, patternHelp } from './path-help.ts'
import {
  examples,
  notEmpty,
  ofOwnClient,
  own,
  type ParsePath,
  type Registration,
  wholeNumber,
  wholeNumberWithin,
} from './registration.ts'

/** `list`, `find`, `images`, `expire` and `catalog`. */
export function addCatalogCommands({ program, run, path }: Registration): void {
  program
    .command('list')
    .description('list what was backed up')
    .argument('[PATH]', 'a directory or file (default: /)', path)
    .option('--client <NAME>', 'whose backup (default: the only client there is, or this host)')
    .option('--at <TIME>', 'as it was then (default: now)', parseTime)
    .option('--image <ID>', 'in this image (default: the newest at that time)')
    .option('--policy <NAME>', 'in the images of this policy')
    .option('--recursive', 'all below, not only what is directly in it')
    .option('--versions', 'the states of this one path over all backups')
    .addHelpText(
      'after',
      examples(
        'nb list',
        'nb list /home/ann --at 2026-03-01',
        'nb list /srv --recursive --json',
        'nb list /home/ann/thesis.txt --versions',
      ) + pathHelp,
    )
    .action((from: ReturnType<ParsePath> | undefined, options: ListFlags, command: Command) =>
      run(
        (ports, output, call) =>
          listCommand(
            ports,
            {
              ...ofOwnClient(ports, own(options)),
              ...(from === undefined ? {} : { path: from }),
              ...call,
            },
            output,
          ),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('find')
    .description('find what was backed up by its name or path')
    .argument(
      '<PATTERN>',
      'a glob, in quotes; with --regex a regular expression',
      notEmpty('A pattern, not an empty one.'),
    )
    .option('--regex', 'the pattern is a regular expression, looked for anywhere in the path')
    .option('--ignore-case', 'letters match in both cases')
    .option('--below <PATH>', 'only this directory and what is below it (default: /)', path)
    .option('--client <NAME>', 'whose backups (default: the only client there is, or this host)')
    .option('--policy <NAME>', 'in the images of this policy')
    .option('--all-versions', 'in all images, the newest first; each state of a file once')
    .option('--from <TIME>', 'with --all-versions: in backups from then on', parseStart)
    .option(
      '--to <TIME>',
      'as it was then; with --all-versions: in backups until then (default: now)',
      parseTime,
    )
    .option('--limit <N>', 'at most so many entries', wholeNumberWithin(1, mostLimit), 1000)
    .addHelpText(
      'after',
      examples(
        "nb find '*.conf'",
        "nb find '/home/**/thesis*' --all-versions",
        "nb find --regex '/(tmp|cache)/.*[.]iso$' --policy nightly --json",
      ) +
        patternHelp +
        pathHelp,
    )
    .action((pattern: string, options: FindFlags, command: Command) =>
      run(
        (ports, output, call) =>
          findCommand(ports, { ...ofOwnClient(ports, own(options)), pattern, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('images')
    .description('list backup images, newest first')
    .option('--client <NAME>', 'only of this client (default: all; asked by a client, its own)')
    .option('--policy <NAME>', 'only of this policy')
    .option(
      '--all',
      'also those in progress, expired, or discarded and not yet cleaned up (then they are gone)',
    )
    .option('--limit <N>', 'the newest so many, 0 for all', wholeNumber, 50)
    .addHelpText(
      'after',
      examples('nb images', 'nb images --client web1 --limit 0', 'nb images --all --json'),
    )
    .action((options: ImagesFlags, command: Command) =>
      run(
        (ports, output, call) =>
          imagesCommand(ports, { ...ofOwnClient(ports, own(options)), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('expire')
    .description('end the lives of images, and give back what they take')
    .argument('<IMAGE...>', 'images by id, as nb images shows them')
    .option('--force', 'also those whose data later incrementals need; those then no longer restore whole')
    .option('--wait', 'show how the clean-up goes and wait for its end')
    .addHelpText('after', examples('nb expire web1_1767225600', 'nb expire web1_1767225600 --force --wait'))
    .action((images: string[], options: ExpireFlags, command: Command) =>
      run(
        (ports, output, call) => expireCommand(ports, { ...own(options), images, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  const catalog = program.command('catalog').description('check the catalog itself: nb catalog --help')
  catalog
    .command('check')
    .description(
      'verify headers, index and file lists with all checksums; tell what is wrong and what follows',
    )
    .option('--repair', 'make again what has a second source')
    .option('--client <NAME>', 'only images of this client')
    .addHelpText(
      'after',
      examples('nb catalog check', 'nb catalog check --repair', 'nb catalog check --client web1 --json'),
    )
    .action((options: CheckFlags, command: Command) =>
      run(
        (ports, output, call) => catalogCheckCommand(ports, { ...own(options), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

type CheckFlags = Omit<Parameters<typeof catalogCheckCommand>[1], 'signal'>
type ExpireFlags = Omit<Parameters<typeof expireCommand>[1], 'images' | 'signal'>
type FindFlags = Omit<Parameters<typeof findCommand>[1], 'pattern' | 'signal'>
type ListFlags = Omit<Parameters<typeof listCommand>[1], 'path' | 'signal'>
type ImagesFlags = Omit<Parameters<typeof imagesCommand>[1], 'signal'>
