import type { ExitCode } from '../exit-code.ts'
import { type OldName, oldNames } from '../old-names.ts'
import type { Output } from '../output.ts'

/** `nb help OLDNAME`: what does here what an old command did. */
export async function oldNameCommand({ name, was, now, note }: OldName, output: Output): Promise<ExitCode> {
  if (output.json) {
    await output.value({ name, was, now, ...(note === undefined ? {} : { note }) })
    return 0
  }
  await output.line(`${name}: ${was}. Here:`)
  for (const line of now) await output.line(`  ${line}`)
  if (note !== undefined) await output.line(`  (${note})`)
  return 0
}

/** `nb help old-names`: all of them. */
export async function oldNamesCommand(output: Output): Promise<ExitCode> {
  const sorted = [...oldNames].sort((a, b) => (a.name < b.name ? -1 : 1))
  await output.table(sorted, [
    { title: 'OLD NAME', value: ({ name }) => name },
    { title: 'WHAT FOR', value: ({ was }) => was, spare: 1 },
    {
      title: 'HERE',
      value: ({ now, note }) => (now.length === 0 ? note : [...new Set(now.map(plain))].join(', ')),
      shrinks: true,
    },
  ])
  if (!output.json) output.note('nb help OLDNAME tells more')
  return 0
}

/** A command line without its arguments and options. */
function plain(line: string): string {
  return (/^nb( [a-z][a-z-]*)+/.exec(line)?.[0] ?? line).trim()
}
