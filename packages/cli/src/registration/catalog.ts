import type { Command } from 'commander'
import { imagesCommand } from '../commands/images.ts'
import { listCommand } from '../commands/list.ts'
import { parseTime } from '../time-argument.ts'
import { pathHelp } from './path-help.ts'
import { examples, own, type ParsePath, type Registration, wholeNumber } from './registration.ts'

/** `list` and `images`. */
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
            { ...own(options), ...(from === undefined ? {} : { path: from }), ...call },
            output,
          ),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('images')
    .description('list backup images, newest first')
    .option('--client <NAME>', 'only of this client')
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
        (ports, output, call) => imagesCommand(ports, { ...own(options), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

type ListFlags = Omit<Parameters<typeof listCommand>[1], 'path' | 'signal'>
type ImagesFlags = Omit<Parameters<typeof imagesCommand>[1], 'signal'>
