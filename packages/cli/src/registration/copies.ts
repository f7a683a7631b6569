import type { Command } from 'commander'
import { copiesCommand } from '../commands/copies.ts'
import { duplicateCommand } from '../commands/duplicate.ts'
import { importCommand } from '../commands/import.ts'
import { verifyCommand } from '../commands/verify.ts'
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
    .description('list the copies of an image, the one that restores read first')
    .argument('<IMAGE>', 'an image by id')
    .option('--promote <N>', 'make this copy the primary one, which is read', wholeNumber)
    .addHelpText('after', examples('nb copies web1_1767225600', 'nb copies web1_1767225600 --promote 2'))
    .action((image: string, options: CopiesFlags, command: Command) =>
      run(
        (ports, output, call) => copiesCommand(ports, { ...own(options), image, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('import')
    .description('bring back into the catalog what a storage unit holds and the catalog does not know')
    .argument('<UNIT>', 'the storage unit')
    .argument('[IMAGE...]', 'only these images, by id')
    .option('--wait', 'show how it goes and wait for the end')
    .addHelpText(
      'after',
      `
The oldest first; what the catalog knows is left as it is. An image whose time was over is kept once more as long as it was meant to be.
${examples('nb import disk1 --wait', 'nb import disk1 web1_1767225600')}`,
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
type CopiesFlags = Omit<Parameters<typeof copiesCommand>[1], 'image' | 'signal'>
type VerifyFlags = Omit<Parameters<typeof verifyCommand>[1], 'images' | 'signal'>
