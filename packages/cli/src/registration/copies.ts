import type { Command } from 'commander'
import { allCopiesCommand, copiesCommand } from '../commands/copies.ts'
import { duplicateCommand } from '../commands/duplicate.ts'
import { importCommand } from '../commands/import.ts'
import { promoteOnCommand } from '../commands/promote-on.ts'
import { verifyCommand } from '../commands/verify.ts'
import { given } from '../commands/each.ts'
import { UsageError } from '../exit-code.ts'
import { parseTime } from '../time-argument.ts'
import { examples, own, type Registration, wholeNumber } from './registration.ts'

/** `verify`, `duplicate`, `copies` and `import`: commands that work on the copies of images. */
export function addCopyCommands({ program, run }: Registration): void {
  program
    .command('verify')
    .description('read whole images from their media and compare them with their checksums and the catalog')
    .argument('[IMAGE...]', 'images by id, as nb images shows them')
    .option('--client <NAME>', 'all images of this client')
    .option('--policy <NAME>', 'all images of this policy')
    .option('--from <TIME>', 'backed up at or after', parseTime)
    .option('--to <TIME>', 'backed up at or before', parseTime)
    .option('--copy <N>', 'this copy of each (default: the first)', wholeNumber)
    .option('--wait', 'show how it goes and wait for the end')
    .addHelpText(
      'after',
      `
Starts a job for each image. It ends with 0, or with 191 when anything is not as it was written; nb job shows what.
${examples('nb verify web1_1767225600 --wait', 'nb verify --policy nightly --from 2026-03-01')}`,
    )
    .action((images: string[], options: VerifyFlags, command: Command) =>
      run(
        (ports, output, call) => verifyCommand(ports, { ...own(options), images, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('duplicate')
    .description('make a further copy of images on another storage unit')
    .argument('<IMAGE...>', 'images by id, as nb images shows them')
    .option('--to <UNIT>', 'the storage unit to write to')
    .option('--to-group <GROUP>', 'a group of storage units to choose from')
    .option('--pool <NAME>', 'volume pool, where it is tape')
    .option('--copy <N>', 'read this copy of each (default: the primary one)', wholeNumber)
    .option('--wait', 'show how it goes and wait for the end')
    .addHelpText(
      'after',
      `
Starts a job for each image. The copy is in the catalog when all of it is durable; restores read the primary copy (nb copies).
${examples('nb duplicate web1_1767225600 --to disk2 --wait')}`,
    )
    .action((images: string[], options: DuplicateFlags, command: Command) =>
      run(
        (ports, output, call) => duplicateCommand(ports, { ...own(options), images, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('copies')
    .description(
      'list the copies of an image, or where those of all images are; the one that restores read first',
    )
    .argument('[IMAGE]', 'an image by id (default: all)')
    .option('--promote <N>', 'make this copy the primary one, which is read', wholeNumber)
    .option(
      '--promote-on <UNIT>',
      'of all images, or those of --client and --policy, make the copy on this storage unit the primary one',
    )
    .option('--client <NAME>', 'without IMAGE: only those of this client')
    .option('--policy <NAME>', 'without IMAGE: only those of this policy')
    .option(
      '--limit <N>',
      'without IMAGE: list the newest so many images, 0 for all (default: 50)',
      wholeNumber,
    )
    .addHelpText(
      'after',
      examples(
        'nb copies web1_1767225600',
        'nb copies web1_1767225600 --promote 2',
        'nb copies --client web1 --limit 0',
        'nb copies --promote-on disk2 --policy nightly',
      ),
    )
    .action((image: string | undefined, options: CopiesFlags, command: Command) =>
      run((ports, output, call) => {
        const { promote, promoteOn, ...chosen } = own(options)
        if (image !== undefined) {
          if (promoteOn !== undefined || Object.keys(chosen).length > 0)
            throw new UsageError(
              '--promote-on, --client, --policy and --limit choose among all images: leave out IMAGE',
            )
          return copiesCommand(ports, { image, ...given('promote', promote), ...call }, output)
        }
        if (promote !== undefined) throw new UsageError('--promote needs the IMAGE whose copy it is')
        if (promoteOn === undefined) return allCopiesCommand(ports, { ...chosen, ...call }, output)
        const { limit, ...filter } = chosen
        if (limit !== undefined) throw new UsageError('--promote-on has no --limit')
        return promoteOnCommand(ports, { ...filter, storageUnit: promoteOn, ...call }, output)
      }, command.optsWithGlobals()),
    )
  program
    .command('import')
    .description('bring back into the catalog what a storage unit holds and the catalog does not know')
    .argument('<UNIT>', 'the storage unit')
    .argument('[IMAGE...]', 'only these images, by id')
    .option(
      '--volume <ID...>',
      'of a tape storage unit: only these volumes (default: all of its robot and density)',
    )
    .option('--pool <POOL>', 'of a tape storage unit: only volumes of this pool')
    .option('--wait', 'show how it goes and wait for the end')
    .addHelpText(
      'after',
      `
The oldest first; what the catalog knows is left as it is, but an image that is named and damaged there is made again. An image whose time was over is kept once more as long as it was meant to be. Tapes are read one after the other for what is on them, then again for the file lists; an image that goes on on a volume which is not there is told with it and left. A volume on which no image was known is "imported" then, and not written to.
${examples('nb import disk1 --wait', 'nb import disk1 web1_1767225600', 'nb import tape1 --volume A00001 A00002 --wait')}`,
    )
    .action((storageUnit: string, images: string[], options: ImportFlags, command: Command) =>
      run(
        (ports, output, call) =>
          importCommand(ports, { ...own(options), storageUnit, images, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

type ImportFlags = Omit<Parameters<typeof importCommand>[1], 'storageUnit' | 'images' | 'signal'>
type DuplicateFlags = Omit<Parameters<typeof duplicateCommand>[1], 'images' | 'signal'>
interface CopiesFlags extends Omit<Parameters<typeof allCopiesCommand>[1], 'signal'> {
  readonly promote?: number
  readonly promoteOn?: string
}
type VerifyFlags = Omit<Parameters<typeof verifyCommand>[1], 'images' | 'signal'>
