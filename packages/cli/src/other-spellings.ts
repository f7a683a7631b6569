import type { Command } from 'commander'

/** Command words that people write for others of ours, where no rule gives them. */
const spelledOut: Readonly<Record<string, readonly string[]>> = {
  'images list': ['images'],
  'images verify': ['verify'],
  'images expire': ['expire'],
  'images duplicate': ['duplicate'],
  'images copies': ['copies'],
  'images import': ['import'],
  'jobs show': ['job'],
  'job show': ['job'],
  'audit list': ['audit'],
  'storage list': ['storage'],
  'retention list': ['retention'],
  media: ['volumes'],
  'media list': ['volumes'],
  'media pools': ['pools'],
}

/** Whose plural is not made by an s. */
const singulars: Readonly<Record<string, string>> = { policies: 'policy', media: 'volume' }

/** What is done to jobs has commands of its own. */
const ofJobs: ReadonlySet<string> = new Set([
  'cancel',
  'suspend',
  'resume',
  'restart',
  'priority',
  'purge',
  'why',
])

/**
 * The words of a command line with the command that was meant: `drives up` is `drive up`, `policy list` is `policies`, `jobs cancel` is `cancel`, `images verify` is
 * `verify`, `media freeze` is `volume freeze`. What is a command of ours as it stands stays.
 */
export function asMeant(program: Command, args: readonly string[]): string[] {
  const at = firstWord(program, args)
  const [first = '', second = ''] = args.slice(at, at + 2)
  const meant = commandMeant(program, first, second)
  if (meant === undefined) return [...args]
  return [...args.slice(0, at), ...meant.words, ...args.slice(at + meant.instead)]
}

function commandMeant(
  program: Command,
  first: string,
  second: string,
): { readonly words: readonly string[]; readonly instead: number } | undefined {
  const both = spelledOut[`${first} ${second}`]
  if (both !== undefined) return { words: both, instead: 2 }
  if ((first === 'jobs' || first === 'job') && ofJobs.has(second)) return { words: [second], instead: 2 }
  const has = (command: string, below: string): boolean =>
    program.commands
      .find((each) => each.name() === command)
      ?.commands.some((each) => each.name() === below) === true
  const singular = singulars[first] ?? first.replace(/s$/, '')
  if (!has(first, second) && has(singular, second)) return { words: [singular, second], instead: 2 }
  if (second === 'list') {
    const plural = first === 'policy' ? 'policies' : `${first}s`
    for (const list of [first, plural])
      if (!has(first, second) && isList(program, list)) return { words: [list], instead: 2 }
  }
  const alone = spelledOut[first]
  return alone === undefined ? undefined : { words: alone, instead: 1 }
}

/** Whether a command lists things: it is a plural with nothing below it. */
function isList(program: Command, name: string): boolean {
  return (
    name.endsWith('s') && program.commands.some((each) => each.name() === name && each.commands.length === 0)
  )
}

/** Where the first word of the command stands, behind the options for all commands. */
function firstWord(program: Command, args: readonly string[]): number {
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? ''
    if (!word.startsWith('-')) return at
    const option = program.options.find(({ long, short }) => long === word || short === word)
    if (option?.required === true) at += 1
  }
  return args.length
}
